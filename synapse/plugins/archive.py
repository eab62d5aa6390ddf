"""Read and unpack a release's zip safely.

A zip comes from elsewhere. No entry may be written outside the target folder, become a link or a
device, or unpack to many times the zip's size.
"""

from __future__ import annotations

import lzma
import os
import re
import shutil
import stat
import struct
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import attrs

from synapse._internal.user_folders import expand_home
from synapse.errors import BadArchive

__all__ = [
    "ArchiveLimits",
    "extract",
    "find_name_problems",
    "list_safe_entries",
    "open_zip",
    "read_entry",
    "validate_names",
]

_BLOCK = 1 << 20
_DRIVE = re.compile(r"[A-Za-z]:")
# Signature, then the lengths of name and extra field, of the header in front of an entry's bytes.
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_SIGNATURE = b"PK\x03\x04"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Errors of reading a damaged zip, whose header numbers can be anything.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    RuntimeError,
    MemoryError,
)


@attrs.frozen(kw_only=True)
class ArchiveLimits:
    """Limits for unpacking a zip.

    Attributes:
        entries: Number of files and folders.
        size: MiB in all.
        ratio: Largest ratio of unpacked to packed bytes, above `free`.
        free: MiB below which the ratio doesn't matter: text packs well.
    """

    entries: int = 20_000
    size: float = 4096.0
    ratio: float = 100.0
    free: float = 64.0


def extract(
    archive: str | os.PathLike[str] | IO[bytes],
    folder: str | os.PathLike[str],
    *,
    limits: ArchiveLimits | None = None,
) -> None:
    """Unpack a zip: everything, or nothing.

    Args:
        archive: The zip: a path, or a file open_zip for reading.
        folder: Target: a new folder, or an empty one.
        limits: Limits of the unpacked size.

    Raises:
        BadArchive: The file isn't a zip, or is unsafe to unpack; the folder is unchanged.
        FileExistsError: The folder isn't empty.
        OSError: The zip can't be read, or the folder can't be written.
    """
    target = Path(folder)
    if target.is_dir() and any(target.iterdir()):
        raise FileExistsError(f"{target} is not empty.")
    with open_zip(archive) as source:
        entries = list_safe_entries(source, limits)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            for info in entries:
                _write(source, info, draft)
            draft.chmod(0o755)
            if target.is_dir():
                target.rmdir()  # not every system replaces an empty folder
            draft.replace(target)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise


@contextmanager
def open_zip(archive: str | os.PathLike[str] | IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """Open a zip for reading; a file that was open is rewound afterwards.

    Raises:
        BadArchive: The file isn't a zip, or is damaged.
        OSError: The file can't be read.
    """
    with ExitStack() as stack:
        if isinstance(archive, (str, os.PathLike)):
            file: IO[bytes] = stack.enter_context(expand_home(archive).open("rb"))
        else:
            file = archive
            file.seek(0)
            stack.callback(file.seek, 0)
        with _translate_errors("The file is not a zip"):
            source = stack.enter_context(zipfile.ZipFile(file))
        yield source


@contextmanager
def _translate_errors(message: str) -> Iterator[None]:
    """Translate errors of the zip library inside the block."""
    try:
        yield
    except _BROKEN as error:
        reason = str(error).rstrip(".")
        raise BadArchive(f"{message}: {reason}." if reason else f"{message}.") from error


# Each part of each name is kept while names are compared.
_LONGEST_NAMES = 4_000_000


def list_safe_entries(
    source: zipfile.ZipFile, limits: ArchiveLimits | None = None
) -> list[zipfile.ZipInfo]:
    """Return a zip's entries, if all are safe to unpack.

    Raises:
        BadArchive: An entry is unsafe; the message names the entry.
    """
    limits = limits or ArchiveLimits()
    entries = source.infolist()
    if len(entries) > limits.entries:
        raise BadArchive(f"The zip has {len(entries)} entries, more than {limits.entries}.")
    if sum(len(info.orig_filename) for info in entries) > _LONGEST_NAMES:
        raise BadArchive(
            f"The names of the zip's entries have more than {_LONGEST_NAMES:,} characters."
        )
    for info in entries:
        _check_kind(info)
    validate_names([(info.orig_filename, info.is_dir()) for info in entries])
    # The stated sizes can be trusted: no more is read of an entry than its stated size, and none
    # shares its packed bytes with another.
    size = sum(info.file_size for info in entries)
    packed = _check_overlaps(source, entries)
    if size > limits.size * 2**20:
        raise BadArchive(
            f"The zip's files have {size / 2**20:,.0f} MiB, more than {limits.size:,.0f} MiB."
        )
    if size > limits.free * 2**20 and size > limits.ratio * packed:
        raise BadArchive(
            f"The zip's files are {size / max(packed, 1):,.0f} times as large as the zip; at "
            f"most {limits.ratio:,.0f} times are allowed."
        )
    return entries


def _check_overlaps(source: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> int:
    """Refuse entries that share bytes of the zip, and return the packed size of all."""
    file = source.fp
    if file is None:  # closed
        raise BadArchive("The zip can't be read.")
    end, before = 0, ""
    for info in sorted(entries, key=lambda info: info.header_offset):
        name = info.orig_filename
        if info.header_offset < end:
            raise BadArchive(f"{before!r} and {name!r} in the zip overlap. Pack the zip again.")
        with _translate_errors(f"{name!r} in the zip is broken"):
            file.seek(info.header_offset)
            signature, name_length, extra_length = _LOCAL_HEADER.unpack(
                file.read(_LOCAL_HEADER.size)
            )
        if signature != _SIGNATURE:
            raise BadArchive(f"{name!r} in the zip is broken.")
        start = info.header_offset + _LOCAL_HEADER.size + name_length + extra_length
        end, before = start + info.compress_size, name
    if end > source.start_dir:
        raise BadArchive(
            f"{before!r} and the list of files in the zip overlap. Pack the zip again."
        )
    return sum(info.compress_size for info in entries)


def validate_names(names: list[tuple[str, bool]]) -> None:
    """Check that names can be unpacked on every system, below one folder and beside each other.

    Args:
        names: The names, with `/` between their parts, and whether each is a folder.

    Raises:
        BadArchive: A name is unsafe, or two names are the same, or differ in case only.
    """
    for reason in find_name_problems(names):
        raise BadArchive(reason)


def find_name_problems(names: list[tuple[str, bool]]) -> Iterator[str]:
    """Yield a reason for each name that can't be unpacked on every system.

    Args:
        names: The names, with `/` between their parts, and whether each is a folder.
    """
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for name, is_folder in names:
        try:
            _validate_name(name, is_folder, files, folders)
        except BadArchive as error:  # noqa: PERF203 - each name has its own reason
            yield str(error)


def _validate_name(
    name: str, is_folder: bool, files: dict[str, str], folders: dict[str, str]
) -> None:
    parts = _split_name(name)
    paths = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
    for path in paths if is_folder else paths[:-1]:
        key = _fold(path)
        _check_distinct(path, files.get(key), folders.setdefault(key, path), is_folder=True)
    if not is_folder:
        key = _fold(paths[-1])
        if key in files and files[key] == paths[-1]:
            raise BadArchive(f"The zip has {name!r} twice.")
        file = files.setdefault(key, paths[-1])
        _check_distinct(paths[-1], file, folders.get(key), is_folder=False)


def read_entry(source: zipfile.ZipFile, name: str, limit: int = _BLOCK) -> bytes | None:
    """Read a small file of a zip; `None` for an unknown name.

    Args:
        source: The zip.
        name: The file's name.
        limit: Limit in bytes.

    Raises:
        BadArchive: The file is larger, or encrypted.
    """
    try:
        info = source.getinfo(name)
    except KeyError:
        return None
    _check_kind(info)
    with _translate_errors(f"{name} in the zip is broken"), source.open(info) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise BadArchive(f"{name} in the zip is larger than {limit // 1024} KiB.")
    return content


def _check_kind(info: zipfile.ZipInfo) -> None:
    """Refuse entries other than plain files and folders."""
    name = info.orig_filename
    if info.flag_bits & 0x1:
        raise BadArchive(f"The zip is encrypted: {name!r} needs a password.")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        raise BadArchive(f"{name!r} in the zip is a symbolic link. Replace it by the file.")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadArchive(f"{name!r} in the zip is neither a file nor a folder.")
    if kind and (kind == stat.S_IFDIR) != info.is_dir():
        raise BadArchive(f"{name!r} in the zip is marked as both a file and a folder.")


def _split_name(name: str) -> list[str]:
    parts = name.removesuffix("/").split("/")
    reason = None
    if _CONTROL.search(name):
        reason = "has a control character"
    elif "\\" in name:
        reason = "has a backslash: the parts of a path are separated by /"
    elif name.startswith("/") or _DRIVE.match(name):
        reason = "is absolute"
    elif ".." in parts:
        reason = "leads out of the folder"
    elif "" in parts or "." in parts:
        reason = "has an empty part"
    elif any(len(part.encode(errors="surrogatepass")) > 255 for part in parts):
        reason = "has a part of more than 255 bytes"
    elif len(name) > 2000 or len(parts) > 100:
        reason = "is too long"
    elif not _is_text(name):
        reason = "is not Unicode text"
    if reason is not None:
        raise BadArchive(f"The name {name[:200]!r} in the zip {reason}.")
    return parts


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _fold(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()


def _check_distinct(path: str, file: str | None, folder: str | None, *, is_folder: bool) -> None:
    """Refuse a path that some file system takes for another one's."""
    for other, other_is_folder in ((file, False), (folder, True)):
        if other is not None and (other != path or other_is_folder != is_folder):
            difference = "in case only" if other != path else "only in being a file and a folder"
            raise BadArchive(f"The names {other!r} and {path!r} in the zip differ {difference}.")


def _write(source: zipfile.ZipFile, info: zipfile.ZipInfo, folder: Path) -> None:
    path = folder.joinpath(*info.orig_filename.split("/"))
    if info.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    broken = f"{info.orig_filename!r} in the zip is broken"
    with path.open("xb") as target:
        with _translate_errors(broken):
            stream = source.open(info)
        with stream:
            while True:
                with _translate_errors(broken):
                    block = stream.read(_BLOCK)
                if not block:
                    break
                target.write(block)
    path.chmod(0o755 if info.external_attr >> 16 & 0o100 else 0o644)
