"""Check releases and pack folders; the same files give the same zip."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import attrs

from synapse._internal.user_folders import expand_home
from synapse.errors import BadArchive, MissingExtra, PluginConfigError, UsageError
from synapse.plugins.archive import list_safe_entries, open_zip, read_entry, validate_names
from synapse.plugins.config import PluginConfig
from synapse.plugins.config_file import (
    CONFIG_NAMES,
    explain_missing,
    load_config,
    parse_config,
    read_config,
)
from synapse.plugins.credential_files import HEAD_SIZE, refuse_credentials
from synapse.plugins.folder import IgnoredPaths, SourceFile, list_files
from synapse.plugins.mapping_reader import MIN_SIMILARITY, did_you_mean
from synapse.plugins.release_check import check_release

__all__ = [
    "Package",
    "check_zip",
    "find_config_name",
    "load_config",
    "pack",
    "prepare_upload",
    "read_config",
    "read_head",
    "refuse_packed_credentials",
    "write_zip",
]

_LARGEST_CONFIG = 1 << 20
_LARGEST_MODULE = 16 << 20
_CONFIG_NAMES_OF_PEOPLE = ("config.yaml", "config.yml", "config.json")
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
    allow_credentials: bool = False,
) -> Package:
    r"""Check a plugin's folder and pack a release. Makes no request.

    The same files give the same bytes, whenever and wherever they were checked out (with the same
    zlib). They are the files that git would take: rules are those of `.gitignore` in the folder,
    below and above, of `.git/info/exclude` and of the user's `core.excludesFile`. Left out are also
    `.git`, caches and virtual environments. Files that look like credentials are refused.

    Args:
        folder: The folder with `config.yaml` or `config.json` at the top.
        dest: Path of the zip, which replaces any file.
        code: The required code of the plugin.
        version: The required version of the release.
        allow_credentials: Whether to pack files that look like credentials, such as `.env`.

    Returns:
        The packed release.

    Raises:
        PluginConfigError: The configuration has mistakes, or names missing files.
        UsageError: The folder can't be read, or contains files that a release can't, or that look
            like credentials.
        MissingExtra: The configuration is YAML, and PyYAML isn't installed.

    Example:
        >>> folder = Path("echo")
        >>> folder.mkdir()
        >>> _ = (folder / "echo.py").write_text("def run(context): print(context.params)")
        >>> lines = ["code: echo", "name: Echo", "version: 1.0.0", "category: export"]
        >>> lines += ["actions:", "  say: {entrypoint: 'echo:run'}"]
        >>> _ = (folder / "config.yaml").write_text("\n".join(lines))
        >>> pack(folder, folder.parent / "echo.zip").names
        ('config.yaml', 'echo.py')
    """
    folder, dest = expand_home(folder), expand_home(dest)
    ignored = IgnoredPaths()
    files = list_files(folder, ignored)
    by_name = {file.name: file for file in files}
    try:
        validate_names([(name, False) for name in by_name])
    except BadArchive as error:
        raise UsageError(f"{folder} can't be packed: {error}") from error
    name = find_config_name(folder, by_name, ignored)
    config = check_release(
        parse_config(name, by_name[name].path.read_bytes()),
        source=name,
        names=by_name.keys(),
        read=lambda name: by_name[name].path.read_bytes(),
        is_ignored=ignored.has_path,
        code=code,
        version=version,
    )
    if not allow_credentials:
        refuse_credentials(by_name, lambda name: read_head(by_name[name].path))
    write_zip(files, dest)
    try:
        with open_zip(dest) as archive:
            list_safe_entries(archive)  # the sizes, which a server limits
    except BadArchive as error:
        dest.unlink()
        raise UsageError(f"{folder} can't be packed: {error}") from error
    return Package(path=dest, config=config, names=tuple(by_name), checksum=_sha256(dest))


def write_zip(files: Iterable[SourceFile], dest: str | os.PathLike[str] | IO[bytes]) -> None:
    """Zip files from `list_files`: the same files give the same bytes."""
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

    A configuration of actions that isn't at the top, or has another name, is refused: the release
    would have none.

    Returns:
        The configuration; `None` without actions: nothing of such a release can be run.

    Raises:
        BadArchive: The file isn't a zip, or is unsafe to unpack.
        PluginConfigError: The configuration has mistakes, or names missing files.
        MissingExtra: The configuration is YAML, and PyYAML isn't installed.
    """
    with open_zip(archive) as source:
        names = [info.filename for info in list_safe_entries(source)]
        for name in CONFIG_NAMES:
            text = read_entry(source, name, _LARGEST_CONFIG)
            if text is not None:
                document = parse_config(name, text)
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
        _refuse_misplaced_config(source, names)
    return None


@contextmanager
def prepare_upload(
    source: str | os.PathLike[str] | IO[bytes],
    *,
    name: str | None,
    code: str,
    version: str,
    allow_credentials: bool = False,
) -> Iterator[tuple[str | os.PathLike[str] | IO[bytes], str | None]]:
    """Check a release, and yield the file to upload, with a name.

    Args:
        source: A folder, a zip's path, or a zip opened for reading.
        name: The requested name of the file.
        code: The plugin's code.
        version: The release's version.
        allow_credentials: Whether to accept files that look like credentials.

    Raises:
        UsageError: The source can't be released, see `pack`.
        MissingExtra: The source is a folder, and packing needs a missing package.
    """
    if isinstance(source, (str, os.PathLike)):
        source = expand_home(source)
    if isinstance(source, Path) and source.is_dir():
        name = name or f"{code}-{version}.zip"
        with tempfile.TemporaryDirectory(prefix="synapse-release-") as folder:
            dest = Path(folder, "release.zip")
            pack(source, dest, code=code, version=version, allow_credentials=allow_credentials)
            yield dest, name
        return
    if not isinstance(source, (str, os.PathLike)) and not _is_rewound(source):
        yield source, name
        return
    try:
        # The upload reports unreadable files, as for any file.
        with suppress(MissingExtra, OSError):
            check_zip(source, code=code, version=version)
        with suppress(OSError):
            if not allow_credentials:
                refuse_packed_credentials(source)
    finally:
        if not isinstance(source, (str, os.PathLike)):
            source.seek(0)
    yield source, name


def refuse_packed_credentials(archive: str | os.PathLike[str] | IO[bytes]) -> None:
    """Refuse a zip with files that look like credentials, on every way to a server.

    Files that can't be unpacked are judged by their names; a file that isn't a zip passes: the
    receiver refuses it. A file whose position isn't the start is not looked at.

    Args:
        archive: Path of the zip, or a file opened for reading bytes, which is rewound.

    Raises:
        OSError: The file can't be read.
        UsageError: A file looks like credentials; the message names the files.
    """
    opened = None if isinstance(archive, (str, os.PathLike)) else archive
    if opened is not None and not _is_rewound(opened):
        return
    try:
        with zipfile.ZipFile(archive) as source:
            infos = {info.filename: info for info in source.infolist() if not info.is_dir()}

            def read_head(name: str) -> bytes:
                try:
                    with source.open(infos[name]) as file:
                        return file.read(HEAD_SIZE)
                except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError):
                    return b""  # damaged or encrypted

            refuse_credentials(infos, read_head)
    except zipfile.BadZipFile:
        return
    finally:
        if opened is not None:
            opened.seek(0)


def read_head(path: Path) -> bytes:
    """Return the beginning of a file, for `looks_like_credentials`."""
    with path.open("rb") as file:
        return file.read(HEAD_SIZE)


def _is_rewound(file: IO[bytes]) -> bool:
    """Return whether an open file can be checked: the upload begins at the position."""
    try:
        return file.seekable() and file.tell() == 0
    except (AttributeError, OSError, ValueError):
        return False


def _is_meant_to_run(document: Mapping[str, Any]) -> bool:
    """Return whether the configuration has actions, even under a misspelled key."""
    return any(
        key == "actions" or did_you_mean(str(key), ["actions"], MIN_SIMILARITY) != "."
        for key in document
    )


def _names_config(name: str) -> bool:
    """Return whether people take a name for that of a configuration."""
    return name.casefold() in _CONFIG_NAMES_OF_PEOPLE


def _refuse_misplaced_config(source: zipfile.ZipFile, names: Iterable[str]) -> None:
    """Refuse a zip whose only configuration can't be found where the name would be.

    Raises:
        PluginConfigError: The zip has a configuration in a folder, or of another spelling.
        BadArchive: The configuration can't be read.
    """
    # The nearest to the top first. A Mac adds __MACOSX, with files of the same names.
    for name in sorted(names, key=lambda name: (name.count("/"), name)):
        folder, _, own_name = name.rpartition("/")
        if "__MACOSX" in folder.split("/") or not _names_config(own_name):
            continue
        proper = "config.json" if own_name.casefold().endswith("json") else "config.yaml"
        try:
            text = read_entry(source, name, _LARGEST_CONFIG) or b""
            is_meant = not folder or _is_meant_to_run(parse_config(proper, text))
        except (PluginConfigError, MissingExtra):
            is_meant = not folder
        if not is_meant:
            continue  # the settings of something else
        reasons: list[str] = []
        if folder:
            reasons.append(
                f"Inside {folder}/, not at the top. Zip the folder's content, not the folder."
            )
        if own_name != proper:
            reasons.append(f"Named {own_name}. Rename the file to {proper}.")
        raise PluginConfigError({"": reasons}, proper)


def find_config_name(folder: Path, by_name: Mapping[str, Any], ignored: IgnoredPaths) -> str:
    """Return the name of a folder's configuration file.

    Args:
        folder: The folder.
        by_name: The release's files by name.
        ignored: The files that rules left out.

    Raises:
        PluginConfigError: The folder has none, or two.
    """
    names = [name for name in CONFIG_NAMES if name in by_name]
    if len(names) > 1:
        raise PluginConfigError({"": ["The folder has a config.json too. Keep one."]}, names[0])
    if names:
        return names[0]
    reason = explain_missing(folder)
    if any(ignored.has_path(name) for name in CONFIG_NAMES):
        reason = "Left out by .gitignore, or by another rule of git."
    elif other := next((name for name in by_name if _names_config(name)), None):
        reason = f"Named {other}. Rename the file to config.yaml."
    else:
        deeper = [name for name in by_name if name.rpartition("/")[2] in CONFIG_NAMES]
        if len(deeper) == 1:
            reason += f" Release the folder with {deeper[0]}."
    raise PluginConfigError({"": [reason]}, CONFIG_NAMES[0])


def _add(target: zipfile.ZipFile, file: SourceFile) -> None:
    """Add a file to a zip, without time and place."""
    info = zipfile.ZipInfo(file.name, date_time=(1980, 1, 1, 0, 0, 0))
    info.create_system = 3
    info.external_attr = (stat.S_IFREG | (0o755 if file.is_executable else 0o644)) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    info.file_size = file.path.stat().st_size  # decides between 32 and 64 bits
    with file.path.open("rb") as stream, target.open(info, "w") as entry:
        shutil.copyfileobj(stream, entry, _BLOCK)


def _sha256(path: str | os.PathLike[str]) -> str:
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
