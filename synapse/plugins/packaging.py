"""A plugin's folder as a release: checked, and packed so that the same files give the same zip."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import attrs

from synapse.errors import BadArchive, PluginConfigError, UsageError
from synapse.plugins.archive import check_names, checked_entries, opened, read_entry
from synapse.plugins.config import PluginConfig
from synapse.plugins.config_file import CONFIG_NAMES, load_config, parsed, read_config
from synapse.plugins.folder import Ignored, SourceFile, files_of
from synapse.plugins.mapping_reader import MISSPELT, near
from synapse.plugins.release_check import check_release

__all__ = ["Package", "check_zip", "load_config", "pack", "read_config", "write"]

_LARGEST_CONFIG = 1 << 20
_LARGEST_MODULE = 16 << 20
_BLOCK = 1 << 20


@attrs.frozen(kw_only=True)
class Package:
    """A release that is ready for uploading.

    Attributes:
        path: Path of the zip.
        config: The checked configuration.
        names: Names of the files.
        checksum: SHA-256 of the zip, in hex.
    """

    path: Path
    config: PluginConfig
    names: tuple[str, ...]
    checksum: str


def pack(
    folder: str | os.PathLike[str],
    dest: str | os.PathLike[str],
    *,
    code: str | None = None,
    version: str | None = None,
) -> Package:
    r"""Check a plugin's folder and pack a release. Makes no request.

    The same files give the same bytes, whenever and wherever they were checked out (with the same
    zlib). Left out are files that a `.gitignore` in the folder names, `.git`, caches and virtual
    environments.

    Args:
        folder: The folder with `config.yaml` or `config.json` at its top.
        dest: Path of the zip, which replaces any file.
        code: The required code of the plugin.
        version: The required version of the release.

    Returns:
        The packed release.

    Raises:
        PluginConfigError: The configuration has mistakes, or names missing files.
        UsageError: The folder can't be read, or contains files that a release can't.
        MissingExtra: PyYAML or pathspec isn't installed.

    Example:
        >>> folder = getfixture("tmp_path") / "echo"
        >>> folder.mkdir()
        >>> _ = (folder / "echo.py").write_text("def run(context): print(context.params)")
        >>> lines = ["code: echo", "name: Echo", "version: 1.0.0", "category: export"]
        >>> lines += ["actions:", "  say: {entrypoint: 'echo:run'}"]
        >>> _ = (folder / "config.yaml").write_text("\n".join(lines))
        >>> pack(folder, folder.parent / "echo.zip").names
        ('config.yaml', 'echo.py')
    """
    ignored = Ignored()
    files = files_of(Path(folder), ignored)
    by_name = {file.name: file for file in files}
    try:
        check_names([(name, False) for name in by_name])
    except BadArchive as error:
        raise UsageError(f"{folder} can't be packed: {error}") from error
    name = _config_name(Path(folder), by_name, ignored)
    config = check_release(
        parsed(name, by_name[name].path.read_bytes()),
        source=name,
        names=by_name.keys(),
        read=lambda name: by_name[name].path.read_bytes(),
        is_left_out=ignored.covers,
        code=code,
        version=version,
    )
    write(files, dest)
    return Package(path=Path(dest), config=config, names=tuple(by_name), checksum=_sha256(dest))


def write(files: Iterable[SourceFile], dest: str | os.PathLike[str] | IO[bytes]) -> None:
    """Zip some files of a folder, as `files_of` gives them: the same ones give the same bytes."""
    with zipfile.ZipFile(dest, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as target:
        for file in files:
            _add(target, file)


def check_zip(
    archive: str | os.PathLike[str] | IO[bytes],
    *,
    code: str | None = None,
    version: str | None = None,
) -> PluginConfig | None:
    """Check a zip from elsewhere, as `pack` checks a folder.

    Returns:
        The configuration; `None` without actions: nothing of such a release can be run.

    Raises:
        BadArchive: The file isn't a zip, or is unsafe to unpack.
        PluginConfigError: The configuration has mistakes, or names missing files.
        MissingExtra: The configuration is YAML, and PyYAML isn't installed.
    """
    with opened(archive) as source:
        names = [info.filename for info in checked_entries(source)]
        for name in CONFIG_NAMES:
            text = read_entry(source, name, _LARGEST_CONFIG)
            if text is not None:
                document = parsed(name, text)
                if not _is_meant_to_run(document):
                    return None
                return check_release(
                    document,
                    source=name,
                    names=names,
                    read=lambda name: read_entry(source, name, _LARGEST_MODULE) or b"",
                    code=code,
                    version=version,
                )
    folder = names[0].partition("/")[0] if names else ""
    for name in CONFIG_NAMES:
        if f"{folder}/{name}" in names and all(one.startswith(f"{folder}/") for one in names):
            reason = f"It is in {folder}/: zip what is in that folder, not the folder."
            raise PluginConfigError({"": [reason]}, name)
    return None


def _is_meant_to_run(document: Mapping[str, Any]) -> bool:
    """Return whether the configuration has actions, even under a misspelled key."""
    return any(key == "actions" or near(str(key), ["actions"], MISSPELT) != "." for key in document)


def _config_name(folder: Path, by_name: Mapping[str, Any], ignored: Ignored) -> str:
    """Return the name of a folder's configuration file.

    Raises:
        PluginConfigError: The folder has none, or two.
    """
    found = [name for name in CONFIG_NAMES if name in by_name]
    if len(found) > 1:
        raise PluginConfigError({"": ["There is a config.json too: keep one."]}, found[0])
    if found:
        return found[0]
    reason = f"{folder} has none at its top."
    if any(ignored.covers(name) for name in CONFIG_NAMES):
        reason = ".gitignore leaves it out."
    elif "config.yml" in by_name:
        reason = "It is called config.yml: call it config.yaml."
    else:
        deeper = [name for name in by_name if name.rpartition("/")[2] in CONFIG_NAMES]
        if len(deeper) == 1:
            reason += f" There is {deeper[0]}: release the folder that it is in."
    raise PluginConfigError({"": [reason]}, CONFIG_NAMES[0])


def _add(target: zipfile.ZipFile, file: SourceFile) -> None:
    """Put a file into a zip, with nothing of when and where that is."""
    info = zipfile.ZipInfo(file.name, date_time=(1980, 1, 1, 0, 0, 0))
    info.create_system = 3
    info.external_attr = (stat.S_IFREG | (0o755 if file.is_executable else 0o644)) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    info.file_size = file.path.stat().st_size  # whether 32 bits will do
    with file.path.open("rb") as stream, target.open(info, "w") as entry:
        shutil.copyfileobj(stream, entry, _BLOCK)


def _sha256(path: str | os.PathLike[str]) -> str:
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
