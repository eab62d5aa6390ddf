"""Checksums and bytes of upload items."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from synapse.errors import ServerError
from synapse.transfer.bulk import file_sender
from synapse.transfer.bulk.file_sender import FileSender, hash_file
from synapse.transfer.bulk.pipeline import Pipeline, PipelineStopped
from synapse.transfer.bulk.upload_item import ItemFile, UploadItem
from synapse.transfer.local_file import LocalFile
from synapse.transfer.progress import Progress
from synapse.transport import Transport

MD5 = hashlib.md5(b"abc").hexdigest()
SHA1 = hashlib.sha1(b"abc").hexdigest()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_sender, "_PAUSE", 0.001)


@pytest.fixture
def item(tmp_path: Path) -> UploadItem:
    path = tmp_path / "a.png"
    path.write_bytes(b"abc")
    file = ItemFile("image", str(path), "sub/a.png")
    hash_file(file, lambda: None)
    return UploadItem("a", [file], {})


@pytest.fixture
def counts() -> Counter[str]:
    return Counter()


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline("test")


@pytest.fixture
def sender(transport: Transport, pipeline: Pipeline, counts: Counter[str]) -> FileSender:
    def count(name: str, number: int) -> None:
        counts[name] += number

    return FileSender(transport, "data_files/", pipeline, Progress(), count)


def test_hash_sets_checksum_and_size(item: UploadItem) -> None:
    assert (item.files[0].checksum, item.files[0].size) == (MD5, 3)


def test_hash_asks_for_no_more_bytes_than_there_are(
    item: UploadItem, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    monkeypatch.setattr(file_sender, "BLOCK_SIZE", 2)
    read_at = LocalFile.read_at
    monkeypatch.setattr(
        LocalFile,
        "read_at",
        lambda self, offset, size: sizes.append(size) or read_at(self, offset, size),
    )
    hash_file(item.files[0], lambda: None)

    assert (sizes, item.files[0].sha1) == ([2, 1], SHA1)


def test_stored_file_is_not_sent(
    server: Any, sender: FileSender, item: UploadItem, counts: Counter[str]
) -> None:
    server.reply(200, {"checksums": [MD5]})

    sender.verify([item])
    sender.send(item)

    assert json.loads(server.last.body) == {"checksums": [MD5]}
    assert counts == {"files_held": 1}


def test_new_file_is_sent(
    server: Any, sender: FileSender, item: UploadItem, counts: Counter[str]
) -> None:
    server.reply(200, {"checksums": []})
    server.reply(201, {"id": 1, "checksum": MD5})

    sender.verify([item])
    sender.send(item)

    assert b'filename="a.png"' in server.last.body
    assert counts == {"files_sent": 1, "bytes": 3}


def test_server_that_cannot_verify_is_asked_once(
    server: Any, sender: FileSender, item: UploadItem
) -> None:
    server.reply(404, {"detail": "Not found."})

    sender.verify([item])
    sender.verify([item])

    assert not item.files[0].is_stored
    assert len(server.requests) == 1


def test_crash_of_the_server_is_retried_and_then_raised(
    server: Any, sender: FileSender, item: UploadItem
) -> None:
    for _ in range(3):
        server.reply(500, "broken")
        server.reply(200, {"checksums": []})

    with pytest.raises(ServerError):
        sender.send(item)


def test_stopped_pipeline(sender: FileSender, item: UploadItem, pipeline: Pipeline) -> None:
    pipeline.stop()
    with pytest.raises(PipelineStopped):
        sender.send(item)


# -- By presigned URLs ---------------------------------------------------------------------------

STORAGES = {"count": 1, "next": None, "previous": None, "results": [{"provider": "minio"}]}


def announce(server: Any) -> None:
    """Script the answers up to the bytes of one file."""
    target = {"file_key": "k", "presigned_url": f"{server.url}bucket/a", "multipart": None}
    server.reply(200, STORAGES)
    server.reply(200, {"checksums": []})
    server.reply(200, {"files": [target]})
    server.reply(200, "")


def list_targets(server: Any) -> list[str]:
    return [request.target.rstrip("/").rpartition("/")[2] for request in server.requests]


def test_file_goes_to_the_storage_and_counts_when_confirmed(
    server: Any, sender: FileSender, item: UploadItem, counts: Counter[str]
) -> None:
    announce(server)
    server.reply(200, {"results": [{"file_key": "k", "success": True, "checksum": SHA1}]})

    sender.prepare([item], is_verified=True)
    sender.send(item)
    assert counts == {}
    assert sender.confirm([item]) == {}

    assert counts == {"files_sent": 1, "bytes": 3}
    assert server.requests[3].body == b"abc"
    assert item.body(7)["files"]["image"]["checksum"] == SHA1


def test_server_may_know_files_by_sha1_alone(
    server: Any, sender: FileSender, item: UploadItem, counts: Counter[str]
) -> None:
    server.reply(200, STORAGES)
    server.reply(200, {"checksums": [SHA1]})

    sender.prepare([item], is_verified=True)
    sender.send(item)

    assert json.loads(server.last.body) == {"checksums": [MD5, SHA1]}
    assert counts == {"files_held": 1}
    assert item.body(7)["files"]["image"]["checksum"] == SHA1


def test_lost_confirmation_is_looked_up_before_it_is_repeated(
    server: Any, sender: FileSender, item: UploadItem, counts: Counter[str]
) -> None:
    announce(server)
    server.reply(502, "bad gateway")
    server.reply(200, {"checksums": [SHA1]})

    sender.prepare([item], is_verified=True)
    sender.send(item)

    assert sender.confirm([item]) == {}
    assert list_targets(server).count("confirm_upload") == 1
    assert counts == {"files_sent": 1, "bytes": 3}


def test_lost_confirmation_of_an_unknown_file_is_repeated(
    server: Any, sender: FileSender, item: UploadItem, counts: Counter[str]
) -> None:
    announce(server)
    server.reply(502, "bad gateway")
    server.reply(200, {"checksums": []})
    server.reply(200, {"results": [{"file_key": "k", "success": True, "checksum": SHA1}]})

    sender.prepare([item], is_verified=True)
    sender.send(item)

    assert sender.confirm([item]) == {}
    assert list_targets(server).count("confirm_upload") == 2
    assert counts == {"files_sent": 1, "bytes": 3}


def test_refused_confirmation_is_the_items_failure(
    server: Any, sender: FileSender, item: UploadItem, counts: Counter[str]
) -> None:
    announce(server)
    server.reply(200, {"results": [{"file_key": "k", "success": False, "error": "Too small."}]})

    sender.prepare([item], is_verified=True)
    sender.send(item)
    failures = sender.confirm([item])

    assert "Too small." in str(failures[id(item)])
    assert counts == {}


def test_file_that_changed_after_the_announcement(
    server: Any, sender: FileSender, item: UploadItem, tmp_path: Path, counts: Counter[str]
) -> None:
    """The announced size and the checksums are of the former file."""
    server.reply(200, STORAGES)
    server.reply(200, {"checksums": []})
    server.reply(200, {"files": [{"file_key": "k", "presigned_url": f"{server.url}bucket/a"}]})
    sender.prepare([item], is_verified=True)
    (tmp_path / "a.png").write_bytes(b"another")
    sha1 = hashlib.sha1(b"another").hexdigest()
    server.reply(200, {"files": [{"file_key": "n", "presigned_url": f"{server.url}bucket/n"}]})
    server.reply(200, "")
    server.reply(200, {"results": [{"file_key": "n", "success": True, "checksum": sha1}]})

    sender.send(item)

    assert sender.confirm([item]) == {}
    assert json.loads(server.last.body)["files"][0]["checksum"] == sha1
    assert counts == {"files_sent": 1, "bytes": 7}
