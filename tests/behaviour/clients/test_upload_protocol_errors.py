"""Chunked uploads to a faulty server: each ends with a reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synapse.clients.backend import BackendClient
from synapse.errors import BadRequest, Conflict, InvalidResponse

CONTENT = b"x" * 2500
ID = "0b9a4f0c-8e0e-4a0e-9a3e-0a7a1f6f2c11"
# More requests than any of these may make.
ENOUGH = 25


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of three chunks."""
    file = tmp_path / "video.bin"
    file.write_bytes(CONTENT)
    return file


@pytest.fixture
def reply(recorder: Any) -> Callable[..., Any]:
    """Makes an answer of the recording server."""
    return type(recorder.answer)


@pytest.mark.parametrize("offset", [0, 999, 1000, 3000, -1])
def test_no_headway(
    recorded: BackendClient, recorder: Any, reply: Callable[..., Any], path: Path, offset: int
) -> None:
    """After the first chunk the server wants what it has, or what the file hasn't."""

    def answer(asked: Any) -> Any:
        wanted = 1000 if asked.path == "chunked_upload/" else offset
        return reply(200, {"id": ID, "offset": wanted, "status": 1})

    recorder.answer = answer

    with pytest.raises(Conflict, match=f"wants byte {offset} next"):
        recorded.create_chunked_upload(path, chunk_size=1000)

    assert len(recorder.asked) < ENOUGH


def test_refusal_without_a_reason(
    recorded: BackendClient, recorder: Any, reply: Callable[..., Any], path: Path
) -> None:
    """The offsets don't match, says the server, and then that they do."""

    def answer(asked: Any) -> Any:
        if asked.method == "PUT" and asked.path != "chunked_upload/":
            return reply(400, {"detail": "Offsets do not match", "expected_offset": 1000})
        return reply(200, {"id": ID, "offset": 1000, "status": 1})

    recorder.answer = answer

    with pytest.raises(BadRequest, match=r"file 'video\.bin': Offsets do not match"):
        recorded.create_chunked_upload(path, chunk_size=1000)

    assert len(recorder.asked) < ENOUGH


@pytest.mark.parametrize("body", [{}, {"offset": None}, {"offset": "1000"}, [], 7, None])
def test_answer_that_is_no_upload(
    recorded: BackendClient, recorder: Any, reply: Callable[..., Any], path: Path, body: Any
) -> None:
    recorder.answer = reply(200, body)

    with pytest.raises(InvalidResponse, match=r"^file 'video\.bin': ") as caught:
        recorded.create_chunked_upload(path)

    assert caught.value.response == body
    assert len(recorder.asked) < ENOUGH


@pytest.mark.parametrize("status", [502, 503, 504])
def test_gateway_whose_server_is_away(
    recorded: BackendClient, recorder: Any, reply: Callable[..., Any], path: Path, status: int
) -> None:
    """What a proxy says in the server's place is a lost answer, too."""
    done = {"id": ID, "offset": 2500, "status": 2}
    recorder.answer = lambda asked: (
        reply(status, b"<html>away</html>") if len(recorder.asked) == 1 else reply(200, done)
    )

    assert recorded.create_chunked_upload(path) == done
    assert [asked.method for asked in recorder.asked] == ["PUT", "PUT", "POST"]


def test_only_the_id_of_the_servers_url_counts(
    recorded: BackendClient, recorder: Any, reply: Callable[..., Any], path: Path
) -> None:
    url = f"http://inside.example:8/api/chunked_upload/{ID}/?page=1"
    recorder.answer = reply(200, {"url": url, "offset": 2500, "status": 2})

    recorded.create_chunked_upload(path)

    assert recorder.lines == [("PUT", "chunked_upload/"), ("POST", f"chunked_upload/{ID}/")]
