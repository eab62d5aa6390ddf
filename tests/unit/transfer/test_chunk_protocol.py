"""Requests of a chunked upload."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from synapse.errors import InvalidResponse
from synapse.transfer.chunk_protocol import ServerUpload
from synapse.transfer.local_file import LocalFile
from synapse.transport import Transport


@pytest.fixture
def file(tmp_path: Path) -> Iterator[LocalFile]:
    path = tmp_path / "a.bin"
    path.write_bytes(b"0123456789")
    with LocalFile(path) as opened:
        yield opened


def test_first_chunk_creates_the_upload(server: Any, transport: Transport, file: LocalFile) -> None:
    server.reply(201, {"url": "http://elsewhere/chunked_upload/7/", "offset": 4})
    upload = ServerUpload(transport, file, None)

    assert upload.send_chunk(0, 4)["offset"] == 4

    assert upload.id == "7"
    assert (server.last.method, server.last.target) == ("PUT", "/chunked_upload/")
    assert server.last.headers["content-range"] == "bytes 0-3/10"


def test_next_requests_use_the_id(server: Any, transport: Transport, file: LocalFile) -> None:
    upload = ServerUpload(transport, file, "7")
    md5 = hashlib.md5(b"0123456789").hexdigest()
    for status in (1, 1, 2):
        server.reply(200, {"id": 7, "offset": 10, "status": status})

    upload.send_chunk(4, 6)
    assert server.last.headers["content-range"] == "bytes 4-9/10"
    assert not upload.is_complete(upload.fetch())
    assert upload.is_complete(upload.finish(md5))

    assert server.last.target == "/chunked_upload/7/"
    assert json.loads(server.last.body) == {"md5": md5}


@pytest.mark.parametrize(
    ("answer", "message"),
    [({"id": 7}, "offset is missing"), ([], "offset is missing"), ({"offset": 4}, "id is missing")],
)
def test_malformed_response(
    server: Any, transport: Transport, file: LocalFile, answer: Any, message: str
) -> None:
    server.reply(201, answer)

    with pytest.raises(InvalidResponse, match=message):
        ServerUpload(transport, file, None).send_chunk(0, 4)
