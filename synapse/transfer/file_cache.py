"""Copies of the server's files, in a cache that only this user can read and fill."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import unquote, urljoin, urlsplit

from synapse._internal.threads import run_each
from synapse.transfer.cache_folder import count_added, make_entry, read_limit
from synapse.transfer.download import download
from synapse.transfer.filenames import safe_name
from synapse.transport import Transport
from synapse.transport.urls import without_query

__all__ = ["FileCache"]

T = TypeVar("T")

_WORKERS = 8
# Times that another process may remove a file between two steps here.
_ATTEMPTS = 5

Row = dict[str, Any]


class FileCache:
    """Local copies of files; complete or absent, and requested once if a checksum is known.

    Safe for threads and processes. Beyond the bound, see `cache_folder.read_limit`, the files that
    were used least recently are removed.

    Args:
        transport: The transport. A URL on another host gets no credentials.

    Raises:
        ConfigurationError: The bound isn't a size.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        read_limit()  # before anything is downloaded

    def fetch(self, url: str, checksum: Any = None, size: Any = None) -> Path:
        """Return a local copy of a file. One request, or none for a known copy.

        A copy is known by the checksum, whatever the URL. The size is compared at each use, the
        checksum when the copy is written. Open the copy soon: others may fill the cache.

        Args:
            url: Address of the file. A signature in its query may change.
            checksum: MD5 or SHA-1 of the file in hex, if known.
            size: Size in bytes, if known.

        Raises:
            InvalidResponse: The received bytes have another size or checksum; nothing is kept.
            ClientError: The host refused, or couldn't be reached.
            ConfigurationError: The cache belongs to someone else.
            OSError: The copy can't be written.
        """
        return _try_again(partial(self._fetch, url, checksum, size))

    def open(self, url: str, checksum: Any = None, size: Any = None) -> IO[bytes]:
        """Open a local copy of a file for reading. One request, or none for a known copy.

        The file stays readable if another process removes it from the cache meanwhile.

        Args:
            url: Address of the file. A signature in its query may change.
            checksum: MD5 or SHA-1 of the file in hex, if known.
            size: Size in bytes, if known.

        Raises:
            InvalidResponse: The received bytes have another size or checksum; nothing is kept.
            ClientError: The host refused, or couldn't be reached.
            ConfigurationError: The cache belongs to someone else.
            OSError: The copy can't be written.
        """
        return _try_again(lambda: self._fetch(url, checksum, size).open("rb"))

    def _fetch(self, url: str, checksum: Any, size: Any) -> Path:
        checksum = checksum if isinstance(checksum, str) and checksum else None
        size = size if isinstance(size, int) else None
        path = self.locate(url, checksum)
        # Without a checksum, the file behind the address may be another one now.
        if checksum is not None and (_is_complete(path, size) or _link_sibling(path, size)):
            return path
        download(self._transport, url, path, size=size, checksum=checksum, progress=False)
        with contextlib.suppress(OSError):
            path.chmod(0o600)
        count_added(path.parent, path.stat().st_size)
        return path

    def locate(self, url: str, checksum: Any = None) -> Path:
        """Return where the copy of a file is or would be, in an existing folder of its own.

        Makes no request.

        Args:
            url: Address of the file. A signature in its query may change.
            checksum: MD5 or SHA-1 of the file in hex, if known.

        Raises:
            ConfigurationError: The cache belongs to someone else.
        """
        address = without_query(urljoin(self._transport.base_url, url))
        if isinstance(checksum, str) and checksum:
            # Of one server: somebody who makes two files of one MD5 must not reach another's files.
            content = f"{self._transport.base_url}\n{checksum.lower()}"
        else:
            content = address
        key = hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()[:32]
        return make_entry(key) / safe_name(unquote(urlsplit(address).path.rpartition("/")[2]))

    def localize(self, row: Row, fields: Iterable[str]) -> Row:
        """Return a copy of a row whose files are local. One request for each file.

        A field with a URL becomes a path; a file, a mapping with a `url`, gets a `path`.

        Args:
            row: The row.
            fields: Fields that hold a URL, a file, or a list or mapping of those.
        """
        return {**row, **{name: self._localize(row[name]) for name in fields if name in row}}

    def localize_all(self, rows: list[Row], fields: Iterable[str]) -> Iterator[Row]:
        """Yield copies of rows whose files are local, several files at a time.

        Args:
            rows: The rows of one page.
            fields: As for `localize`.
        """
        localize = partial(self.localize, fields=tuple(fields))
        yield from run_each(localize, list(rows), _WORKERS, "synapse-files")

    def _localize(self, value: Any) -> Any:
        if isinstance(value, str) and value:
            return self.fetch(value)
        if isinstance(value, list):
            return [self._localize(item) for item in value]
        if isinstance(value, dict):
            url = value.get("url")
            if isinstance(url, str) and url:
                path = self.fetch(url, value.get("checksum"), value.get("size"))
                return {**value, "path": path}
            if "checksum" not in value:  # the files by name
                return {name: self._localize(item) for name, item in value.items()}
        return value


def _is_complete(path: Path, size: int | None) -> bool:
    """Return whether a copy is whole: a crash of the system may leave an empty file."""
    try:
        found = path.stat().st_size
    except FileNotFoundError:
        return False
    return found == size if size is not None else found > 0


def _link_sibling(path: Path, size: int | None) -> bool:
    """Return whether a copy of the same bytes took this name as well."""
    for other in path.parent.iterdir():
        if not other.name.startswith(".") and _is_complete(other, size):
            with contextlib.suppress(OSError):  # a file system without links
                os.link(other, path)
            return _is_complete(path, size)
    return False


def _try_again(step: Callable[[], T]) -> T:
    """Return a step's result; repeat the step if another process removes the file meanwhile."""
    for _ in range(_ATTEMPTS - 1):
        with contextlib.suppress(FileNotFoundError):
            return step()
    return step()
