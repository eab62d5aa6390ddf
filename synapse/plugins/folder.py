"""Select the files of a plugin's folder that belong into a release."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import attrs

from synapse.errors import MissingExtra, UsageError

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

__all__ = ["IgnoredPaths", "SourceFile", "list_files"]

# Never part of a release: history, caches, files of the system.
_NEVER = {
    ".git",
    ".hg",
    ".svn",
    "__pycache__",
    ".venv",
    ".tox",
    ".nox",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".ipynb_checkpoints",
    ".DS_Store",
    "Thumbs.db",
}
_RULES = ".gitignore"


@attrs.frozen
class SourceFile:
    """A file of the folder.

    Attributes:
        name: Path in the zip.
        path: Path on the disk.
        is_executable: Whether the owner may run the file.
    """

    name: str
    path: Path
    is_executable: bool


@attrs.define
class IgnoredPaths:
    """The files that a `.gitignore` left out.

    Attributes:
        names: Paths of files and folders that a `.gitignore` names, in the zip's spelling.
    """

    names: list[str] = attrs.field(factory=list)

    def has_path(self, name: str) -> bool:
        """Return whether a path, or a folder above the path, was left out."""
        path = PurePosixPath(name)
        return any(path.is_relative_to(name) for name in self.names)


def list_files(folder: Path, ignored: IgnoredPaths | None = None) -> list[SourceFile]:
    """Return the files of a folder that belong into a release, by name.

    Left out are files that a `.gitignore` in the folder or below names, `.git`, caches and virtual
    environments. A link to a file in the folder counts as the file.

    Args:
        folder: The folder.
        ignored: Collects the files that a `.gitignore` left out.

    Raises:
        UsageError: The folder can't be read, contains a link that leads out or nowhere, or
            an entry that is neither file nor folder.
        MissingExtra: pathspec isn't installed.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder.")
    walk = _Walk(folder.resolve(), ignored if ignored is not None else IgnoredPaths())
    try:
        files = list(walk.files(walk.root, "", [], ()))
    except OSError as error:
        raise UsageError(f"{error.filename} can't be read: {error.strerror or error}.") from error
    return sorted(files, key=lambda file: file.name.encode(errors="surrogatepass"))


class _Walk:
    def __init__(self, root: Path, ignored: IgnoredPaths) -> None:
        self.root = root
        self._ignored = ignored
        try:
            from pathspec import GitIgnoreSpec
        except ImportError as error:
            raise MissingExtra("Packing a folder", "plugins") from error
        self._spec: Any = GitIgnoreSpec

    def files(
        self,
        folder: Path,
        name: str,
        rules: list[tuple[str, GitIgnoreSpec]],
        above: tuple[Path, ...],
    ) -> Iterator[SourceFile]:
        """Yield the files of a folder and below.

        Args:
            folder: The folder.
            name: Path in the zip, with a slash at the end; empty for the top.
            rules: The rules in force, the farthest first, each with the folder's path.
            above: The folders around this one.
        """
        rules_file = folder / _RULES
        if rules_file.is_file():
            lines = rules_file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
            rules = [*rules, (name, self._spec.from_lines(lines))]
        with os.scandir(folder) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
        for entry in ordered:
            below = name + entry.name
            path = Path(entry.path)
            if entry.name in _NEVER or entry.name.endswith((".pyc", ".pyo")):
                continue
            is_folder = path.is_dir()
            if _is_ignored(below + "/" * is_folder, rules):
                self._ignored.names.append(below)
                continue
            real = self._resolve_link(path) if entry.is_symlink() else path
            if is_folder:
                if (path / "pyvenv.cfg").exists():
                    continue
                if real in (*above, folder):
                    raise UsageError(f"{path} is a link to a folder around the link. Remove it.")
                yield from self.files(real, f"{below}/", rules, (*above, folder))
                continue
            mode = real.stat().st_mode
            if not stat.S_ISREG(mode):
                raise UsageError(
                    f"{path} is neither a file nor a folder. Remove it, or name it in {_RULES}."
                )
            yield SourceFile(below, real, bool(mode & stat.S_IXUSR))

    def _resolve_link(self, path: Path) -> Path:
        """Follow a link.

        Raises:
            UsageError: The link leads out of the folder, or nowhere.
        """
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise UsageError(
                f"The link {path} leads nowhere. Remove it, or name it in {_RULES}."
            ) from error
        if not real.is_relative_to(self.root):
            raise UsageError(
                f"The link {path} leads out of the folder, to {real}. Replace it by a copy, or "
                f"name it in {_RULES}."
            )
        return real


def _is_ignored(name: str, rules: list[tuple[str, GitIgnoreSpec]]) -> bool:
    """Return whether a path is ignored; as in git, the last matching rule decides."""
    for folder, spec in reversed(rules):
        is_match = spec.check_file(name.removeprefix(folder)).include
        if is_match is not None:
            return is_match
    return False
