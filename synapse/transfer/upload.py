"""Upload of one file."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from synapse.errors import InvalidQuery, InvalidResponse
from synapse.transfer.multipart import MultipartFile
from synapse.transfer.progress import ProgressArgument, showing
from synapse.transport import Transport

__all__ = ["DIRECT_LIMIT", "checked_name", "open_file", "upload", "upload_file"]

CHUNK_SIZE = 50 * 1024 * 1024
"""Bytes per chunk, unless told otherwise."""

DIRECT_LIMIT = 50 * 1024 * 1024
"""Bytes up to which a file goes in one request."""


def upload(
    transport: Transport,
    path: str,
    source: str | os.PathLike[str] | IO[bytes],
    *,
    name: str | None = None,
    chunk_size: int = CHUNK_SIZE,
    chunked: bool | None = None,
    progress: ProgressArgument = None,
    checksum: str | None = None,
) -> dict[str, Any]:
    """Make a data file of a file."""
    from synapse.transfer.chunked import upload_in_chunks

    del checksum
    with showing(progress) as shown:
        if isinstance(source, (str, os.PathLike)):
            size = Path(source).stat().st_size
            if size == 0:
                raise InvalidQuery(f"{source} is empty: the server takes no empty files.")
            if chunked or (chunked is None and size > DIRECT_LIMIT):
                with shown.file(name or Path(source).name, size) as one:
                    row = upload_in_chunks(
                        transport,
                        source,
                        chunk_size=chunk_size,
                        on_progress=lambda done, _: one.at(done),
                    )
                    body = {
                        "chunked_upload": row["id"],
                        "meta": {"filename": name or Path(source).name},
                    }
                    made: dict[str, Any] = transport.request("POST", path, json=body)
                    return made
            with shown.file(name or Path(source).name, size) as one:
                made = upload_file(transport, path, source, name=name)
                one.at(size)
                return made
        return upload_file(transport, path, source, name=name)


def upload_file(
    transport: Transport,
    path: str,
    source: str | os.PathLike[str] | IO[bytes],
    *,
    name: str | None = None,
    fields: Mapping[str, str] | None = None,
    has_checksum: bool = True,
) -> dict[str, Any]:
    """Send a file in one request, streamed from the disk, and check what arrived.

    Args:
        transport: The way to the server.
        path: The endpoint.
        source: A path, or a file opened for reading bytes.
        name: The file's name on the server.
        fields: Further fields of the form.
        has_checksum: Whether the endpoint answers the MD5 of what arrived.

    Returns:
        The server's record of the file.

    Raises:
        InvalidQuery: The source can't be read, or has no name.
        InvalidResponse: The server's checksum isn't that of what was sent.
    """
    if isinstance(source, (str, os.PathLike)):
        with open_file(source) as file:
            name = name or Path(source).name
            return _send(transport, path, file, name, fields or {}, has_checksum)
    own = getattr(source, "name", None)
    name = name or (Path(own).name if isinstance(own, str) else None)
    if not name:
        raise InvalidQuery("A file without a name of its own needs one: upload(file, name=...).")
    return _send(transport, path, source, name, fields or {}, has_checksum)


def open_file(path: str | os.PathLike[str]) -> IO[bytes]:
    """Open a file for reading bytes.

    Raises:
        InvalidQuery: It can't be read, or isn't a file.
    """
    where = Path(path)
    try:
        file = where.open("rb") if stat.S_ISREG(where.stat().st_mode) else None
    except OSError as error:
        raise InvalidQuery(f"{where} can't be read: {error.strerror}.") from error
    except ValueError as error:  # a NUL in it, for one
        raise InvalidQuery(f"{str(where)!r} can't be a path: {error}.") from None
    if file is None:
        raise InvalidQuery(f"{where} is not a file.")
    return file


def checked_name(name: str) -> str:
    """Return a file's name as the server can be told it.

    Raises:
        InvalidQuery: It isn't valid text.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InvalidQuery(
            f"The file name {name!r} is not valid text: give another, upload(file, name=...)."
        ) from None
    return name


def _send(
    transport: Transport,
    path: str,
    file: IO[bytes],
    name: str,
    fields: Mapping[str, str],
    has_checksum: bool,
) -> dict[str, Any]:
    checked_name(name)
    try:
        start = file.tell()
        size = file.seek(0, os.SEEK_END) - start
        file.seek(start)
        is_binary = isinstance(file.read(0), bytes)
    except (AttributeError, OSError, ValueError) as error:
        # A pipe can't tell its size, and a server may take a body without one for an empty one.
        raise InvalidQuery(
            f"The file {name!r} can't be read from its start to its end: {error}."
        ) from error
    if not is_binary:
        raise InvalidQuery(f"The file {name!r} is open for text: open it with 'rb'.")
    body = MultipartFile(file, size=size, filename=name, fields=fields)
    label = f"file {name!r}"
    row = transport.request("POST", path, body=body, headers=body.headers, resource=label)
    if not isinstance(row, dict) or (has_checksum and row.get("checksum") != body.checksum):
        raise InvalidResponse(
            200,
            f"what the server has is not what was sent (its MD5 would be {body.checksum})",
            hint="Upload the file again.",
            response=row,
            resource=label,
        )
    return row
