"""Copies of the server's files, in a cache that only this user can read and fill."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from synapse._internal.threads import run_each
from synapse._internal.user_folders import find_user_folder, make_private
from synapse.transfer.download import download
from synapse.transfer.filenames import safe_name
from synapse.transport import Transport
from synapse.transport.urls import without_query

__all__ = ["FileCache", "cache_folder"]

_WORKERS = 8

Row = dict[str, Any]


def cache_folder() -> Path:
    """Return the folder of the cache, `$XDG_CACHE_HOME/synapse/files`.

    Without that variable, the folder is in the operating system's usual place.
    """
    return find_user_folder("XDG_CACHE_HOME", ".cache") / "synapse" / "files"


class FileCache:
    """Local copies of files; complete or absent, and requested once if a checksum is known.

    Nothing is ever removed: the folder may be deleted at any time.

    Args:
        transport: The transport. A URL on another host gets no credentials.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def fetch(self, url: str, checksum: Any = None, size: Any = None) -> Path:
        """Return a local copy of a file. One request, or none for a known copy.

        Args:
            url: Address of the file. A signature in its query may change.
            checksum: MD5 or SHA-1 of the file in hex, if known.
            size: Size in bytes, if known.

        Raises:
            InvalidResponse: The received bytes have another size or checksum; nothing is kept.
            ClientError: The host refused, or couldn't be reached.
            ConfigurationError: The cache belongs to someone else.
        """
        checksum = checksum if isinstance(checksum, str) and checksum else None
        path = self.locate(url, checksum)
        # Without a checksum, the file behind the address may be another one now.
        if checksum is None or not path.is_file():
            download(
                self._transport,
                url,
                path,
                size=size if isinstance(size, int) else None,
                checksum=checksum,
                progress=False,
            )
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
        checksum = checksum if isinstance(checksum, str) and checksum else None
        address = without_query(urljoin(self._transport.base_url, url))
        key = hashlib.sha256(f"{address}\n{checksum}".encode("utf-8", "replace")).hexdigest()
        folder = make_private(make_private(cache_folder()) / key[:32])
        return folder / safe_name(unquote(urlsplit(address).path.rpartition("/")[2]))

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
