"""Stream a job's output while the job runs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from synapse.agent.http_errors import Refusal
from synapse.agent.store import Store

__all__ = ["Followers", "follow_by_websocket", "stream_events", "stream_text"]

_LINES = 500
_PERIOD = 0.1
# Seconds without a line until followers hear that the connection lives; less than their timeouts.
_LONGEST_SILENCE = 10.0
# A message of more than 10 KiB is more than followers take by default.
_MOST_MESSAGE = 8 << 10
_RANGE = re.compile(r"lines=([0-9]{1,15})-")


class Followers:
    """The places for followers, who query the store ten times a second. For one event loop.

    Args:
        most: Number of the places.
    """

    def __init__(self, most: int = 64) -> None:
        self._free = most

    @contextlib.contextmanager
    def take_place(self) -> Iterator[None]:
        """Take a place for the block.

        Raises:
            Refusal: No place is free.
        """
        if not self._free:
            raise Refusal(
                429, "The agent has reached its limit of followers. Try again in a second."
            )
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1

    def limit(self, response: Response) -> ASGIApp:
        """Return a response that takes a place while it is sent."""

        async def send_response(scope: Scope, receive: Receive, send: Send) -> None:
            with self.take_place():
                await response(scope, receive, send)

        return send_response


class _Cut(Exception):
    """The agent ends while the job doesn't."""


async def _batches(
    store: Store, job_id: str, start: int, stopping: threading.Event
) -> AsyncIterator[list[str]]:
    """Yield a job's lines from a number on, until the job has ended; no lines after a silence.

    Raises:
        _Cut: The agent is being stopped.
    """
    silence = 0.0
    while True:
        # Asked before the lines, so that those which came with the end are among them.
        job = store.job(job_id)
        lines = [line.message for line in store.lines(job_id, start, _LINES)]
        if lines or silence >= _LONGEST_SILENCE:
            silence = 0.0
            start += len(lines)
            yield lines
        elif job is None or job.is_final:
            return
        elif stopping.is_set():
            raise _Cut
        else:
            await asyncio.sleep(_PERIOD)
            silence += _PERIOD


def stream_text(store: Store, job_id: str, request: Request, stopping: threading.Event) -> Response:
    """Return a log as streamed text; `Range: lines=N-` gives the first line.

    Raises:
        Refusal: The range is malformed.
    """
    wanted = request.headers.get("range")
    if wanted is None:
        return _Stream(_encode_text(_batches(store, job_id, 0, stopping)))
    found = _RANGE.fullmatch(wanted.replace(" ", ""))
    if found is None:
        raise Refusal(416, "The range must be lines=N-, with the number of the first line.")
    start = int(found[1])
    response = _Stream(_encode_text(_batches(store, job_id, start, stopping)), 206)
    response.headers["Content-Range"] = _content_range(start)
    return response


def stream_events(store: Store, job_id: str, start: int, stopping: threading.Event) -> Response:
    """Return a log as server-sent events from a line on: one per line, and one for the end."""
    events = _encode_events(_batches(store, job_id, start, stopping), start)
    return _Stream(events, media_type="text/event-stream")


async def _encode_text(batches: AsyncIterator[list[str]]) -> AsyncIterator[bytes]:
    async for lines in batches:
        yield "".join(f"{line}\n" for line in lines).encode()


async def _encode_events(batches: AsyncIterator[list[str]], start: int) -> AsyncIterator[bytes]:
    """Yield events as `data:` lines only, since followers may take other lines for output."""
    async for lines in batches:
        events = [
            _encode_event(type="log", message=line, line=number)
            for number, line in enumerate(lines, start)
        ]
        start += len(lines)
        yield b"".join(events) or _encode_event(type="ping")
    yield _encode_event(type="complete")


def _encode_event(**event: Any) -> bytes:
    return f"data: {json.dumps(event)}\n\n".encode()


def _content_range(start: int) -> str:
    return f"lines {start}-/*"


class _Stream(Response):
    """A response that is sent in pieces, and left open-ended if interrupted."""

    def __init__(
        self, pieces: AsyncIterator[bytes], status: int = 200, media_type: str = "text/plain"
    ) -> None:
        super().__init__(status_code=status, media_type=media_type)
        del self.headers["content-length"]
        self.headers["X-Accel-Buffering"] = "no"  # a proxy in between passes it on at once
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        gone = asyncio.ensure_future(_wait_for_disconnect(receive))
        try:
            async for piece in self._pieces:
                if gone.done():
                    return
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except _Cut:
            return  # without the last chunk, which tells followers that the log goes on
        finally:
            gone.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def follow_by_websocket(
    store: Store, job_id: str, socket: WebSocket, start: int, stopping: threading.Event
) -> None:
    """Send a log by WebSocket, in messages of some lines; closed with 1000 at the end.

    The header tells followers that the log begins at the line that they asked for.
    """
    await socket.accept(headers=[(b"content-range", _content_range(start).encode())])
    gone = asyncio.ensure_future(_wait_for_close(socket))
    try:
        async for lines in _batches(store, job_id, start, stopping):
            for message in _messages(lines):
                if gone.done():
                    return
                await socket.send_text(message)
    except _Cut:
        await socket.close(1012, "The agent is being stopped.")
    except (WebSocketDisconnect, RuntimeError):
        return  # the follower has gone while something was sent
    else:
        await socket.close(1000)
    finally:
        gone.cancel()


async def _wait_for_close(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


def _messages(lines: list[str]) -> list[str]:
    """Join lines into messages of bounded size.

    Readers may strip a line end from a message's end. So a message whose last line is empty gets
    one more line end.
    """
    messages: list[list[str]] = []
    size = _MOST_MESSAGE
    for line in lines:
        length = len(line.encode()) + 1
        if size + length > _MOST_MESSAGE:
            messages.append([])
            size = 0
        messages[-1].append(line)
        size += length
    return ["\n".join(message) + ("" if message[-1] else "\n") for message in messages]
