"""Select the files of a plugin's folder that belong into a release."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import attrs

from synapse.errors import UsageError
from synapse.plugins.git_rules import (
    RULES_FILE,
    Rule,
    find_repository,
    is_left_out,
    read_rules,
    read_settings,
)

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
    """The files that git's rules left out.

    Attributes:
        names: Paths of files and folders that a rule names, in the zip's spelling.
    """

    names: list[str] = attrs.field(factory=list)

    def has_path(self, name: str) -> bool:
        """Return whether a path, or a folder above the path, was left out."""
        path = PurePosixPath(name)
        return any(path.is_relative_to(name) for name in self.names)


def list_files(
    folder: Path, ignored: IgnoredPaths | None = None, refusals: list[str] | None = None
) -> list[SourceFile]:
    """Return the files of a folder that belong into a release, by name.

    These are the files that git would take, also without a repository: rules are those of the
    `.gitignore` files in the folder, below and above, of `.git/info/exclude` and of the user's file
    for all repositories; no rule leaves out a tracked file. Left out are also `.git`, caches and
    virtual environments. A link to a file in the folder counts as the file.

    Args:
        folder: The folder.
        ignored: Collects the files that rules left out.
        refusals: Collects the reasons of refused entries, which are left out; by default the first
            one raises the error.

    Raises:
        UsageError: The folder can't be read, contains a link that leads out or nowhere, or
            an entry that is neither file nor folder.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder.")
    try:
        walk = _Walk(folder.resolve(), ignored if ignored is not None else IgnoredPaths(), refusals)
        files = list(walk.files(walk.root, "", ()))
    except OSError as error:
        raise UsageError(f"{error.filename} can't be read: {error.strerror or error}.") from error
    return sorted(files, key=lambda file: file.name.encode(errors="surrogatepass"))


#: Rules, the weakest first, each list with the path of its folder in the work tree.
_Rules = Sequence[tuple[bytes, Sequence[Rule]]]


class _Walk:
    def __init__(self, root: Path, ignored: IgnoredPaths, refusals: list[str] | None) -> None:
        self.root = root
        self._ignored = ignored
        self._refusals = refusals
        self._git = read_settings(root)
        top, own = find_repository(root) or (root, None)
        self._top = top
        rules: _Rules = [(b"", self._read(self._git.excludes))]
        if own is not None:
            rules = [*rules, (b"", self._read(own / "info" / "exclude"))]
        above = [folder for folder in root.parents if folder.is_relative_to(top)]
        for folder in (*reversed(above), root):
            rules = self._add_rules(rules, folder)
        # For each folder: the rules in force, and whether the folder is left out itself.
        self._views: dict[Path, tuple[_Rules, bool]] = {root: (rules, False)}

    def files(self, folder: Path, name: str, above: tuple[Path, ...]) -> Iterator[SourceFile]:
        """Yield the files of a folder and below.

        Args:
            folder: The folder.
            name: Path in the zip, with a slash at the end; empty for the top.
            above: The folders around this one.
        """
        with os.scandir(folder) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
        for entry in ordered:
            below = name + entry.name
            path = Path(entry.path)
            if _is_never_packed(entry.name):
                continue
            if self._is_left_out(path):
                self._ignored.names.append(below)
                continue
            real = path
            if entry.is_symlink():
                try:
                    real = self._resolve_link(path)
                except UsageError as error:
                    self._refuse(error)
                    continue
                if any(map(_is_never_packed, real.relative_to(self.root).parts)):
                    continue
                if self._is_left_out(real):
                    self._ignored.names.append(below)
                    continue
            if real.is_dir():
                if (real / "pyvenv.cfg").exists():
                    continue
                if real in (*above, folder):
                    self._refuse(
                        UsageError(f"{path} is a link to a folder around the link. Remove it.")
                    )
                    continue
                yield from self.files(real, f"{below}/", (*above, folder))
                continue
            mode = real.stat().st_mode
            if not stat.S_ISREG(mode):
                self._refuse(
                    UsageError(
                        f"{path} is neither a file nor a folder. Remove it, or name it in "
                        f"{RULES_FILE}."
                    )
                )
                continue
            yield SourceFile(below, real, bool(mode & stat.S_IXUSR))

    def _refuse(self, error: UsageError) -> None:
        if self._refusals is None:
            raise error
        self._refusals.append(str(error))

    def _is_left_out(self, path: Path) -> bool:
        """Return whether git would take nothing of a path below the root."""
        if path == self.root or os.fsencode(path.relative_to(self.root)) in self._git.tracked:
            return False
        rules, is_out = self._view(path.parent)
        return is_out or self._matches(path, rules)

    def _view(self, folder: Path) -> tuple[_Rules, bool]:
        """Return the rules in a folder, and whether they leave out the folder itself."""
        if folder not in self._views:
            rules, is_out = self._view(folder.parent)
            is_out = is_out or self._matches(folder, rules)
            self._views[folder] = self._add_rules(rules, folder), is_out
        return self._views[folder]

    def _matches(self, path: Path, rules: _Rules) -> bool:
        is_folder = path.is_dir() and not path.is_symlink()
        return is_left_out(os.fsencode(path.relative_to(self._top)), rules, is_folder=is_folder)

    def _add_rules(self, rules: _Rules, folder: Path) -> list[tuple[bytes, Sequence[Rule]]]:
        path = folder / RULES_FILE
        own = [] if path.is_symlink() else self._read(path)  # git follows no link here
        name = b"" if folder == self._top else os.fsencode(folder.relative_to(self._top)) + b"/"
        return [*rules, (name, own)]

    def _read(self, path: Path) -> Sequence[Rule]:
        return read_rules(path, ignores_case=self._git.ignores_case)

    def _resolve_link(self, path: Path) -> Path:
        """Follow a link.

        Raises:
            UsageError: The link leads out of the folder, or nowhere.
        """
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise UsageError(
                f"The link {path} leads nowhere. Remove it, or name it in {RULES_FILE}."
            ) from error
        if not real.is_relative_to(self.root):
            raise UsageError(
                f"The link {path} leads out of the folder, to {real}. Replace it by a copy, or "
                f"name it in {RULES_FILE}."
            )
        return real


def _is_never_packed(name: str) -> bool:
    return name in _NEVER or name.endswith((".pyc", ".pyo"))
