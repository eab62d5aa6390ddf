"""Download of one file."""

from __future__ import annotations

import os
from pathlib import Path

from synapse.transfer.progress import ProgressArgument, showing
from synapse.transport import Transport

__all__ = ["download"]


def download(
    transport: Transport,
    url: str,
    dest: str | os.PathLike[str],
    *,
    size: int | None = None,
    checksum: str | None = None,
    progress: ProgressArgument = None,
) -> Path:
    """Download a file.

    Args:
        transport: The way to the server.
        url: Where the file is.
        dest: The path that it gets.
        size: Bytes that it must have.
        checksum: The MD5 that it must have, in hex.
        progress: How to show it.
    """
    del checksum
    path = Path(dest)
    beside = path.with_name(f".{path.name}.part")
    with showing(progress) as shown, shown.file(path.name, size or 0) as one:
        content = transport.fetch("GET", url.removeprefix(transport.base_url)).content
        beside.write_bytes(content)
        one.at(len(content))
        beside.replace(path)
    return path
