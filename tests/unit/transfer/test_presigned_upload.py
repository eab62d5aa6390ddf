"""Files to presigned URLs: parts, retries, and rows that can't be used."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from synapse.errors import (
    BadRequest,
    ClientError,
    InvalidResponse,
    NotFound,
    PermissionDenied,
    ServerError,
    SynapseError,
)
from synapse.transfer import retry_delay
from synapse.transfer.checksum import Checksums
from synapse.transfer.local_file import LocalFile
from synapse.transfer.presigned_upload import send_presigned
from synapse.transfer.progress import Progress
from synapse.transfer.upload_state import UploadState
from synapse.transport.options import Options
from synapse.transport.retry import RetryPolicy

CONTENT = b"0123456789"
SHA1 = hashlib.sha1(CONTENT).hexdigest()


class Storage:
    """Takes what is put, and answers with an ETag or an error."""

    def __init__(self) -> None:
        self.puts: list[tuple[str, bytes, dict[str, str]]] = []
        self.errors: list[ClientError] = []
        self.has_etags = True
        self.options = Options(retry=RetryPolicy(base=0.001))

    def put(self, url: str, body: Any, *, headers: dict[str, str], resource: str) -> Any:
        self.puts.append((url, b"".join(body), headers))
        if self.errors:
            raise self.errors.pop(0)
        return {"ETag": f"tag-{len(self.puts)}"} if self.has_etags else {}


@pytest.fixture
def storage() -> Any:
    return Storage()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[LocalFile]:
    path = tmp_path / "a.bin"
    path.write_bytes(CONTENT)
    with LocalFile(path) as opened:
        yield opened


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    made: list[float] = []
    monkeypatch.setattr(retry_delay, "pause", lambda seconds: made.append(seconds) or len(made) < 5)
    return made


def describe_parts(size: int) -> dict[str, Any]:
    numbers = range(1, -(-len(CONTENT) // size) + 1)
    parts = [{"part_number": number, "presigned_url": f"http://s/{number}"} for number in numbers]
    multipart = {"upload_id": "u", "part_size": size, "parts": parts}
    return {"file_key": "k", "presigned_url": None, "multipart": multipart}


def test_one_request(storage: Any, file: LocalFile) -> None:
    target = {"file_key": "k", "presigned_url": "http://s/1", "multipart": None}

    entry, checksums = send_presigned(storage, target, file, content_type="text/plain")

    assert entry == {"file_key": "k", "checksum": SHA1, "size": 10}
    assert checksums == Checksums("", SHA1)
    headers = {"Content-Length": "10", "Content-Type": "text/plain"}
    assert storage.puts == [("http://s/1", CONTENT, headers)]


def test_parts(storage: Any, file: LocalFile) -> None:
    entry, _ = send_presigned(storage, describe_parts(4), file, content_type="text/plain")

    assert [content for _, content, _ in storage.puts] == [b"0123", b"4567", b"89"]
    assert [headers for *_, headers in storage.puts] == [
        {"Content-Length": length, "Content-Type": "text/plain"} for length in ("4", "4", "2")
    ]
    assert entry["multipart"] == {
        "upload_id": "u",
        "parts": [{"part_number": number, "etag": f"tag-{number}"} for number in (1, 2, 3)],
    }


@pytest.mark.parametrize(
    ("errors", "retries", "puts"),
    [
        ([ServerError(503), ServerError(503)], 2, 3),
        ([ServerError(503)], 1, 2),
    ],
)
def test_transient_failures(
    storage: Any,
    file: LocalFile,
    pauses: list[float],
    errors: list[ClientError],
    retries: int,
    puts: int,
) -> None:
    storage.errors = errors

    send_presigned(storage, describe_parts(10), file, retries=retries)

    assert [content for _, content, _ in storage.puts] == [CONTENT] * puts
    assert len(pauses) == puts - 1


@pytest.mark.parametrize(
    ("error", "retries", "puts"), [(NotFound(404), 5, 1), (ServerError(503), 0, 1)]
)
def test_final_failures(
    storage: Any, file: LocalFile, pauses: list[float], error: ClientError, retries: int, puts: int
) -> None:
    storage.errors = [error]

    with pytest.raises(type(error)):
        send_presigned(storage, describe_parts(10), file, retries=retries)
    assert (len(storage.puts), pauses) == (puts, [])


def test_no_time_for_a_pause(storage: Any, file: LocalFile, pauses: list[float]) -> None:
    storage.errors = [ServerError(503)] * 9

    with pytest.raises(ServerError):
        send_presigned(storage, describe_parts(10), file, retries=9)
    assert len(pauses) == 5


def test_part_without_an_etag(storage: Any, file: LocalFile) -> None:
    storage.has_etags = False

    with pytest.raises(InvalidResponse, match="part 1 without an ETag"):
        send_presigned(storage, describe_parts(4), file)


def test_row_without_a_url(storage: Any, file: LocalFile) -> None:
    with pytest.raises(InvalidResponse, match="no presigned URL"):
        send_presigned(storage, {"file_key": "k", "presigned_url": None}, file)
    assert storage.puts == []


def test_each_byte_is_read_once(
    storage: Any, file: LocalFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    read_at = file.read_at

    def count(offset: int, size: int) -> bytes:
        content = read_at(offset, size)
        read.append(len(content))
        return content

    monkeypatch.setattr(file, "read_at", count)
    send_presigned(storage, describe_parts(4), file)

    assert sum(read) == len(CONTENT)


def test_file_that_changes(storage: Any, file: LocalFile) -> None:
    assert file.path is not None
    Path(file.path).write_bytes(b"something else")

    with pytest.raises(SynapseError, match="changed while it was sent"):
        send_presigned(storage, describe_parts(4), file)


def test_progress(storage: Any, file: LocalFile) -> None:
    seen: list[tuple[int, int]] = []

    class Seen(Progress):
        def changed(self) -> None:
            seen.append((self.done, self.confirmed))

    with Seen().file(file.name, file.size) as progress:
        send_presigned(storage, describe_parts(4), file, progress=progress)

    assert seen == [(0, 0), (4, 0), (4, 4), (8, 4), (8, 8), (10, 8), (10, 10), (10, 10)]


class Renewal:
    """Gives new URLs, of the same upload or of another one."""

    def __init__(self, *keys: str) -> None:
        self.keys = list(keys)
        self.asked: list[str] = []

    def __call__(self, key: str) -> dict[str, Any]:
        self.asked.append(key)
        row = describe_parts(4)
        row["file_key"] = self.keys.pop(0)
        for part in row["multipart"]["parts"]:
            part["presigned_url"] = part["presigned_url"].replace("http://s/", "http://new/")
        return row


EXPIRED = [
    PermissionDenied(403),
    NotFound(404),
    BadRequest(400, response="<Code>ExpiredToken</Code>"),
]


@pytest.mark.parametrize("error", EXPIRED)
def test_expired_urls_are_renewed_and_parts_are_kept(
    storage: Any, file: LocalFile, error: ClientError
) -> None:
    renew = Renewal("k")
    put = storage.put

    def refuse_part_2(url: str, body: Any, **options: Any) -> Any:
        if url == "http://s/2":
            storage.errors = [error]
        return put(url, body, **options)

    storage.put = refuse_part_2
    entry, _ = send_presigned(storage, describe_parts(4), file, renew=renew)

    assert renew.asked == ["k"]
    urls = ["http://s/1", "http://s/2", "http://new/2", "http://new/3"]
    assert [url for url, *_ in storage.puts] == urls
    assert [part["etag"] for part in entry["multipart"]["parts"]] == ["tag-1", "tag-3", "tag-4"]
    assert entry["checksum"] == SHA1


def test_urls_are_renewed_once_per_expiry(storage: Any, file: LocalFile) -> None:
    storage.errors = [PermissionDenied(403)] * 2
    renew = Renewal("k", "k")

    with pytest.raises(PermissionDenied):
        send_presigned(storage, describe_parts(4), file, renew=renew)
    assert renew.asked == ["k"]


def test_other_refusals_are_final(storage: Any, file: LocalFile) -> None:
    storage.errors = [BadRequest(400, response="<Code>EntityTooLarge</Code>")]

    with pytest.raises(BadRequest):
        send_presigned(storage, describe_parts(4), file, renew=Renewal("k"))


def test_new_upload_begins_again(storage: Any, file: LocalFile) -> None:
    put = storage.put

    def refuse_part_3(url: str, body: Any, **options: Any) -> Any:
        if url == "http://s/3":
            storage.errors = [PermissionDenied(403)]
        return put(url, body, **options)

    storage.put = refuse_part_3
    entry, _ = send_presigned(storage, describe_parts(4), file, renew=Renewal("other"))

    assert [url for url, *_ in storage.puts][3:] == [f"http://new/{n}" for n in (1, 2, 3)]
    assert (entry["file_key"], entry["checksum"]) == ("other", SHA1)
    assert [part["etag"] for part in entry["multipart"]["parts"]] == ["tag-4", "tag-5", "tag-6"]


def test_server_that_forgets_every_upload(storage: Any, file: LocalFile) -> None:
    put = storage.put

    def refuse_part_3(url: str, body: Any, **options: Any) -> Any:
        if url.endswith("/3"):
            storage.errors = [PermissionDenied(403)]
        return put(url, body, **options)

    storage.put = refuse_part_3
    with pytest.raises(PermissionDenied):
        send_presigned(storage, describe_parts(4), file, renew=Renewal("a", "b", "c"))
    assert len(storage.puts) == 6


def test_later_call_sends_the_missing_parts(
    storage: Any,
    file: LocalFile,
    transport: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    put = storage.put

    def stop_at_part_3(url: str, body: Any, **options: Any) -> Any:
        if url == "http://s/3":
            raise KeyboardInterrupt
        return put(url, body, **options)

    storage.put = stop_at_part_3
    with UploadState(transport, file) as state, pytest.raises(KeyboardInterrupt):
        send_presigned(storage, describe_parts(4), file, state=state)
    storage.put = put
    with UploadState(transport, file) as state:
        assert state.target == describe_parts(4)
        entry, checksums = send_presigned(storage, state.target, file, state=state)

    assert [content for _, content, _ in storage.puts] == [b"0123", b"4567", b"89"]
    assert [part["etag"] for part in entry["multipart"]["parts"]] == ["tag-1", "tag-2", "tag-3"]
    assert checksums == Checksums("", SHA1)
