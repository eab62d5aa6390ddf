"""Announcing and confirming presigned uploads."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.errors import ClientError, InvalidResponse, ServerError, ValidationError
from synapse.transfer.presigned_protocol import (
    PresignedTarget,
    announce,
    confirm,
    describe_file,
    has_presigned_uploads,
    read_confirmation,
)
from synapse.transport import Transport
from synapse.transport.options import Options
from synapse.transport.retry import RetryPolicy

FILE = describe_file("a.png", 10)
SHA1 = "a" * 40


@pytest.fixture
def quick(server: Any, connect: Callable[..., Transport]) -> Transport:
    return connect(server.url, options=Options(retry=RetryPolicy(attempts=1, base=0.001)))


def list_storages(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"count": len(rows), "next": None, "previous": None, "results": [*rows]}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], False),
        ([{"provider": "minio"}], True),
        ([{"provider": "file_system"}], False),
        ([{"provider": "file_system"}, {"provider": "azure", "is_default": True}], True),
        ([{"provider": "gcs"}, {"provider": "smb", "is_default": True}], False),
        ([{"provider": None}], False),
        ([{}], False),
    ],
)
def test_default_storage_decides_and_is_asked_once(
    server: Any, quick: Transport, rows: list[dict[str, Any]], expected: bool
) -> None:
    server.reply(200, list_storages(*rows))

    assert [has_presigned_uploads(quick) for _ in range(3)] == [expected] * 3
    assert [request.target for request in server.requests] == ["/storages/?category=internal"]


@pytest.mark.parametrize("status", [400, 403, 404, 405, 501])
def test_server_that_does_not_tell(server: Any, quick: Transport, status: int) -> None:
    server.reply(status, {"detail": "no"})

    assert [has_presigned_uploads(quick), has_presigned_uploads(quick)] == [False, False]
    assert len(server.requests) == 1


def test_failure_is_not_remembered(server: Any, quick: Transport) -> None:
    server.reply(500, {"detail": "broken"})
    server.reply(200, list_storages({"provider": "s3"}))

    with pytest.raises(ServerError):
        has_presigned_uploads(quick)
    assert has_presigned_uploads(quick)


@pytest.mark.parametrize(("uploads", "expected"), [("direct", False), ("presigned", True)])
def test_option_decides_without_a_request(
    server: Any, connect: Callable[..., Transport], uploads: Any, expected: bool
) -> None:
    transport = connect(server.url, options=Options(uploads=uploads))

    assert has_presigned_uploads(transport) is expected
    assert server.requests == []


def row(part_size: Any, count: int, **changes: Any) -> dict[str, Any]:
    parts = [{"part_number": n, "presigned_url": f"http://s/{n}"} for n in range(1, count + 1)]
    multipart = {"upload_id": "u", "part_size": part_size, "parts": parts, **changes}
    return {"file_key": "k", "presigned_url": None, "multipart": multipart}


@given(st.integers(0, 10_000), st.integers(1, 3000), st.integers(0, 60))
def test_parts_must_cover_the_file(size: int, part_size: int, count: int) -> None:
    is_whole = count > 0 and (count - 1) * part_size < max(size, 1) <= count * part_size
    if is_whole:
        target = PresignedTarget.parse(row(part_size, count), size, "a")
        assert len(target.urls) == count
    else:
        with pytest.raises(InvalidResponse):
            PresignedTarget.parse(row(part_size, count), size, "a")


URL = "http://s/1"


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        {},
        {"presigned_url": URL},
        {"file_key": "k"},
        {"file_key": "k", "presigned_url": ""},
        {"file_key": "k", "presigned_url": 5},
        {"file_key": 5, "presigned_url": URL},
        {"file_key": "k", "multipart": [1]},
        row(0, 2),
        row(-5, 2),
        row("5", 2),
        row(True, 10),
        row(5, 2, upload_id=None),
        row(5, 2, parts=None),
        row(5, 2, parts=[{"part_number": 1, "presigned_url": URL}] * 2),
        row(5, 2, parts=[{"part_number": n, "presigned_url": URL} for n in (0, 1)]),
        row(5, 2, parts=[{"part_number": 1, "presigned_url": URL}, {"part_number": 2}]),
        row(5, 2, parts=[URL, URL]),
    ],
)
def test_rows_that_cannot_be_used(bad: Any) -> None:
    with pytest.raises(InvalidResponse):
        PresignedTarget.parse(bad, 10, "a")


def test_parts_come_in_any_order() -> None:
    shuffled = row(5, 2)
    shuffled["multipart"]["parts"].reverse()

    assert PresignedTarget.parse(shuffled, 10, "a").urls == ["http://s/1", "http://s/2"]


def test_urls_are_not_shown() -> None:
    assert "http" not in repr(PresignedTarget.parse(row(5, 2), 10, "a"))


@pytest.mark.parametrize(("size", "expiration"), [(10, 3600), (60 * 1024 * 1024, 86_400)])
def test_announcement(server: Any, quick: Transport, size: int, expiration: int) -> None:
    server.reply(503, {"detail": "busy"})
    server.reply(200, {"files": [{"file_key": "k"}]})
    file = describe_file("a.png", size)

    assert announce(quick, "data_files/", [file], resource="a") == [{"file_key": "k"}]
    assert server.last.target == "/data_files/presigned_upload/upload/"
    assert json.loads(server.last.body) == {"files": [file], "expiration": expiration}


@pytest.mark.parametrize("answer", [[], {}, {"files": None}, {"files": []}, {"files": [1, 2]}])
def test_announcement_with_another_number_of_files(
    server: Any, quick: Transport, answer: Any
) -> None:
    server.reply(200, answer)

    with pytest.raises(InvalidResponse):
        announce(quick, "data_files/", [FILE], resource="a")


def test_confirmation(server: Any, quick: Transport) -> None:
    result = {"file_key": "k", "checksum": SHA1, "data_file_id": 5, "success": True}
    server.reply(200, {"results": [result]})
    entry = {"file_key": "k", "checksum": SHA1, "size": 10}

    results = confirm(quick, "data_files/", [entry], resource="a")

    assert read_confirmation(results["k"], entry, "a") == 5
    assert json.loads(server.last.body) == {"files": [entry]}


def test_confirmation_is_never_repeated(server: Any, quick: Transport) -> None:
    server.reply(503, {"detail": "busy"})

    with pytest.raises(ClientError):
        confirm(quick, "data_files/", [{}], resource="a")
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("result", "kind", "text"),
    [
        (None, ValidationError, "didn't confirm"),
        ({"success": False, "error": "Part 2 was not sent."}, ValidationError, "Part 2 was not"),
        ({"success": False}, ValidationError, "didn't confirm"),
        ({"success": True, "checksum": "b" * 40}, InvalidResponse, "differs from the sent one"),
    ],
)
def test_refused_files(result: Any, kind: type[ClientError], text: str) -> None:
    with pytest.raises(kind, match=text):
        read_confirmation(result, {"checksum": SHA1}, "a")
