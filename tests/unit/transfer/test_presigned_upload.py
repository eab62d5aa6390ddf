"""Files to presigned URLs: parts, retries, and rows that can't be used."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from synapse.errors import ClientError, InvalidResponse, NotFound, ServerError
from synapse.transfer import presigned_upload
from synapse.transfer.local_file import LocalFile
from synapse.transfer.presigned_upload import send_presigned

CONTENT = b"0123456789"


class Storage:
    """Takes what is put, and answers with an ETag or an error."""

    def __init__(self) -> None:
        self.puts: list[tuple[str, bytes, dict[str, str]]] = []
        self.errors: list[ClientError] = []
        self.has_etags = True

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
    monkeypatch.setattr(
        presigned_upload, "pause", lambda seconds: made.append(seconds) or len(made) < 5
    )
    return made


def describe_parts(size: int) -> dict[str, Any]:
    numbers = range(1, -(-len(CONTENT) // size) + 1)
    parts = [{"part_number": number, "presigned_url": f"http://s/{number}"} for number in numbers]
    multipart = {"upload_id": "u", "part_size": size, "parts": parts}
    return {"file_key": "k", "presigned_url": None, "multipart": multipart}


def test_one_request(storage: Any, file: LocalFile) -> None:
    target = {"file_key": "k", "presigned_url": "http://s/1", "multipart": None}

    entry = send_presigned(storage, target, file, content_type="text/plain")

    assert entry == {"file_key": "k", "checksum": hashlib.sha1(CONTENT).hexdigest(), "size": 10}
    headers = {"Content-Length": "10", "Content-Type": "text/plain"}
    assert storage.puts == [("http://s/1", CONTENT, headers)]


def test_parts(storage: Any, file: LocalFile) -> None:
    entry = send_presigned(storage, describe_parts(4), file, content_type="text/plain")

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
