"""Uploads that create a data file, by form or in chunks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synapse.errors import ServerError, UsageError
from synapse.transfer.checksum import Checksums
from synapse.transfer.local_file import LocalFile
from synapse.transfer.upload import upload
from synapse.transfer.upload_state import UploadState
from synapse.transport import Transport
from synapse.transport.options import Options
from synapse.transport.retry import RetryPolicy

CONTENT = b"0123456789"
MD5 = hashlib.md5(CONTENT).hexdigest()
ROW = {"id": 5, "checksum": MD5, "size": 10}


@pytest.fixture
def quick(server: Any, connect: Callable[..., Transport]) -> Transport:
    return connect(server.url, options=Options(retry=RetryPolicy(attempts=1, base=0.001)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.bin"
    path.write_bytes(CONTENT)
    return path


def test_form(server: Any, quick: Transport, path: Path) -> None:
    server.reply(201, ROW)

    assert upload(quick, "data_files/", path) == ROW
    assert server.last.target == "/data_files/"


def test_chunks(server: Any, quick: Transport, path: Path) -> None:
    server.reply(201, {"id": 7, "offset": 10})
    server.reply(200, {"id": 7, "offset": 10, "status": 2})
    server.reply(201, ROW)

    assert upload(quick, "data_files/", path, chunked=True, state=False) == ROW
    assert json.loads(server.last.body) == {"chunked_upload": 7, "meta": {"filename": "a.bin"}}


def test_lost_response_to_a_stored_file(server: Any, quick: Transport, path: Path) -> None:
    server.reply(502, "bad gateway")
    server.reply(200, {"checksums": [MD5]})

    row = upload(quick, "data_files/", path)

    assert (row["id"], row["checksum"], row["size"]) == (None, MD5, 10)
    assert server.last.target == "/data_files/verify_checksums/"


def test_lost_request_is_sent_again(server: Any, quick: Transport, path: Path) -> None:
    server.reply(502, "bad gateway")
    server.reply(200, {"checksums": []})
    server.reply(200, {"checksums": []})
    server.reply(201, ROW)

    assert upload(quick, "data_files/", path) == ROW


def test_error_that_is_not_transient(server: Any, quick: Transport, path: Path) -> None:
    server.reply(500, "broken")

    with pytest.raises(ServerError):
        upload(quick, "data_files/", path)


def test_empty_file(quick: Transport, path: Path) -> None:
    path.write_bytes(b"")
    with pytest.raises(UsageError, match="takes no empty files"):
        upload(quick, "data_files/", path)


def test_the_md5_of_chunks_is_not_enough_for_a_storage(
    quick: Transport, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    given = []

    def send(*_: Any, checksums: Any, **__: Any) -> None:
        given.append(checksums)
        raise ServerError(503)

    monkeypatch.setattr("synapse.transfer.upload.send_presigned", send)
    for sha1 in ("", "bb"):
        with LocalFile(path) as file, UploadState(quick, file) as state:
            state.save(checksum=MD5, sha1=sha1, target={"file_key": "k"})
        with pytest.raises(ServerError):
            upload(quick, "data_files/", path, is_presigned=True)

    assert given == [None, Checksums(MD5, "bb")]
