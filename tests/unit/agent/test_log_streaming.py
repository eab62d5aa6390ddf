"""Streaming a job's output: from a line on, to the end, and visibly cut if the agent ends."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from starlette.requests import Request
from starlette.websockets import WebSocket

from synapse.agent.http_errors import Refusal
from synapse.agent.log_streaming import Followers, follow_by_websocket, stream_text
from synapse.agent.store import Store
from synapse.jobs.spec import Outcome

from .conftest import add_job, make_lines

GONE = {"http": "http.disconnect", "websocket": "websocket.disconnect"}


class Follower:
    """The other end of an ASGI connection; may leave after some messages."""

    def __init__(self, kind: str, *, leaves_after: int | None = None) -> None:
        self.kind = kind
        self.messages: list[dict[str, Any]] = []
        self._leaves_after = leaves_after
        self._is_connecting = kind == "websocket"
        self._has_left = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if self._is_connecting:
            self._is_connecting = False
            return {"type": "websocket.connect"}
        await self._has_left.wait()
        return {"type": GONE[self.kind], "code": 1001}

    async def send(self, message: Any) -> None:
        self.messages.append(message)
        if len(self.messages) == self._leaves_after:
            self._has_left.set()
            await asyncio.sleep(0)  # lets the agent's task notice


@pytest.fixture
def stopping() -> threading.Event:
    """The sign that the agent is being stopped."""
    return threading.Event()


@pytest.fixture
def job(store: Store) -> str:
    """A job that printed four lines and goes on."""
    add_job(store, "j")
    store.begin("j")
    store.append("j", make_lines("a", "b", "", "ü"))
    return "j"


def stream(
    store: Store, stopping: threading.Event, headers: dict[str, str], **options: Any
) -> list[dict[str, Any]]:
    """Stream the job's output by HTTP; return the messages of the response."""

    async def follow() -> list[dict[str, Any]]:
        follower = Follower("http", **options)
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": "GET", "headers": raw}
        response = stream_text(store, "j", Request(scope), stopping)
        await response(scope, follower.receive, follower.send)
        return follower.messages

    return asyncio.run(follow())


def follow_socket(
    store: Store, stopping: threading.Event, start: int = 0, **options: Any
) -> list[dict[str, Any]]:
    """Follow the job's output by WebSocket; return the messages."""

    async def follow() -> list[dict[str, Any]]:
        follower = Follower("websocket", **options)
        socket = WebSocket({"type": "websocket", "headers": []}, follower.receive, follower.send)
        await follow_by_websocket(store, "j", socket, start, stopping)
        return follower.messages

    return asyncio.run(follow())


def join_bodies(messages: list[dict[str, Any]]) -> bytes:
    return b"".join(message["body"] for message in messages[1:])


def list_texts(messages: list[dict[str, Any]]) -> list[str]:
    return [message["text"] for message in messages if message["type"] == "websocket.send"]


class TestHttp:
    def test_output_of_an_ended_job(
        self, store: Store, stopping: threading.Event, job: str
    ) -> None:
        store.end(job, Outcome("completed"))

        messages = stream(store, stopping, {})

        headers = dict(messages[0]["headers"])
        assert messages[0]["status"] == 200
        assert headers[b"content-type"] == b"text/plain; charset=utf-8"
        assert headers[b"x-accel-buffering"] == b"no"
        assert b"content-length" not in headers
        assert join_bodies(messages) == "a\nb\n\nü\n".encode()
        assert messages[-1]["more_body"] is False

    @pytest.mark.parametrize(
        ("wanted", "body"),
        [
            ("lines=0-", "a\nb\n\nü\n"),
            ("lines=1-", "b\n\nü\n"),
            ("lines = 3-", "ü\n"),
            ("lines=4-", ""),
            ("lines=9-", ""),
        ],
    )
    def test_range_begins_at_a_line(
        self, store: Store, stopping: threading.Event, job: str, wanted: str, body: str
    ) -> None:
        store.end(job, Outcome("completed"))

        messages = stream(store, stopping, {"range": wanted})

        start = wanted.replace(" ", "")[len("lines=") : -1]
        assert messages[0]["status"] == 206
        assert (b"content-range", f"lines {start}-/*".encode()) in messages[0]["headers"]
        assert join_bodies(messages) == body.encode()

    @pytest.mark.parametrize(
        "wanted", ["", "bytes=0-", "lines=-1", "lines=1-2", "lines=x-", f"lines={'9' * 16}-"]
    )
    def test_other_ranges_are_refused(
        self, store: Store, stopping: threading.Event, job: str, wanted: str
    ) -> None:
        with pytest.raises(Refusal, match="lines=N-") as caught:
            stream(store, stopping, {"range": wanted})

        assert caught.value.status == 416

    def test_stopped_agent_leaves_the_stream_open_ended(
        self, store: Store, stopping: threading.Event, job: str
    ) -> None:
        stopping.set()

        messages = stream(store, stopping, {})

        assert join_bodies(messages) == "a\nb\n\nü\n".encode()
        assert messages[-1]["more_body"] is True

    def test_stopped_agent_still_sends_the_whole_output_of_an_ended_job(
        self, store: Store, stopping: threading.Event, job: str
    ) -> None:
        store.append(job, make_lines(*map(str, range(1000))))
        store.end(job, Outcome("completed"))
        stopping.set()

        messages = stream(store, stopping, {})

        assert join_bodies(messages).count(b"\n") == 1004
        assert messages[-1]["more_body"] is False

    def test_nothing_is_sent_to_a_follower_that_left(
        self, store: Store, stopping: threading.Event, job: str
    ) -> None:
        store.append(job, make_lines(*map(str, range(2000))))
        store.end(job, Outcome("completed"))

        messages = stream(store, stopping, {}, leaves_after=2)

        assert len(messages) == 2  # of five


class TestWebSocket:
    def test_output_of_an_ended_job(
        self, store: Store, stopping: threading.Event, job: str
    ) -> None:
        store.end(job, Outcome("completed"))

        messages = follow_socket(store, stopping)

        assert messages[0]["type"] == "websocket.accept"
        assert list_texts(messages) == ["a\nb\n\nü"]
        assert (messages[-1]["type"], messages[-1]["code"]) == ("websocket.close", 1000)

    def test_message_that_ends_with_an_empty_line_gets_one_more_line_end(
        self, store: Store, stopping: threading.Event, job: str
    ) -> None:
        store.append(job, make_lines(""))
        store.end(job, Outcome("completed"))

        assert list_texts(follow_socket(store, stopping, 3)) == ["ü\n\n"]

    @pytest.mark.parametrize(
        ("sizes", "messages"),
        [
            ([8191], [[8191]]),
            ([8192], [[8192]]),
            ([4095, 4095], [[4095, 4095]]),
            ([4095, 4096], [[4095], [4096]]),
            ([20_000, 1], [[20_000], [1]]),
        ],
    )
    def test_messages_have_at_most_8_kib_unless_one_line_has_more(
        self,
        store: Store,
        stopping: threading.Event,
        job: str,
        sizes: list[int],
        messages: list[list[int]],
    ) -> None:
        store.append(job, make_lines(*("x" * size for size in sizes)))
        store.end(job, Outcome("completed"))

        texts = list_texts(follow_socket(store, stopping, 4))

        assert [[len(line) for line in text.split("\n")] for text in texts] == messages

    def test_stopped_agent_closes_with_1012(
        self, store: Store, stopping: threading.Event, job: str
    ) -> None:
        stopping.set()

        messages = follow_socket(store, stopping)

        assert list_texts(messages) == ["a\nb\n\nü"]
        assert (messages[-1]["type"], messages[-1]["code"]) == ("websocket.close", 1012)

    def test_nothing_is_sent_to_a_follower_that_left(
        self, store: Store, stopping: threading.Event, job: str
    ) -> None:
        store.append(job, make_lines(*("x" * 8000 for _ in range(4))))
        store.end(job, Outcome("completed"))

        messages = follow_socket(store, stopping, 4, leaves_after=2)

        assert list_texts(messages) == ["x" * 8000]


def test_lines_that_come_later_are_streamed_too(
    store: Store, stopping: threading.Event, job: str
) -> None:
    class Printer(Follower):
        """Has the job print another line, and end, after the first lines came."""

        async def send(self, message: Any) -> None:
            await super().send(message)
            if len(self.messages) == 2:
                store.append(job, make_lines("late"))
                store.end(job, Outcome("failed", "It broke."))

    async def follow() -> list[dict[str, Any]]:
        follower = Printer("websocket")
        socket = WebSocket({"type": "websocket", "headers": []}, follower.receive, follower.send)
        await follow_by_websocket(store, job, socket, 0, stopping)
        return follower.messages

    assert list_texts(asyncio.run(follow())) == ["a\nb\n\nü", "late\nIt broke."]


class TestFollowers:
    def test_have_limited_places(self) -> None:
        followers = Followers(2)
        with followers.take_place():
            with followers.take_place(), pytest.raises(Refusal) as error, followers.take_place():
                pass
            with followers.take_place():
                pass

        assert (error.value.status, error.value.headers) == (429, {"Retry-After": "1"})

    def test_give_their_place_back_however_they_end(
        self, store: Store, stopping: threading.Event, job: str
    ) -> None:
        store.end(job, Outcome("completed"))
        followers = Followers(1)

        async def follow(error: Exception | None) -> None:
            follower = Follower("http")

            async def send(message: Any) -> None:
                if error is not None:
                    raise error
                await follower.send(message)

            scope = {"type": "http", "method": "GET", "headers": []}
            response = followers.limit(stream_text(store, job, Request(scope), stopping))
            await response(scope, follower.receive, send)

        for error in (None, OSError("gone"), None):
            if error is None:
                asyncio.run(follow(None))
            else:
                with pytest.raises(OSError, match="gone"):
                    asyncio.run(follow(error))
