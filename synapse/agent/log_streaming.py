"""Stream a job's output while the job runs."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from synapse.agent.http_errors import Refusal
from synapse.agent.store import Store

__all__ = ["follow_by_http", "follow_by_websocket"]

_LINES = 500
_PERIOD = 0.1
# A message of more than 10 KiB is more than followers take by default.
_MOST_MESSAGE = 8 << 10
_RANGE = re.compile(r"lines=([0-9]{1,15})-")


class _Cut(Exception):
    """The agent ends while the job doesn't."""


async def _batches(
    store: Store, job_id: str, start: int, stopping: threading.Event
) -> AsyncIterator[list[str]]:
    """Yield a job's lines from a number on, until the job has ended.

    Raises:
        _Cut: The agent is being stopped.
    """
    while True:
        # Asked before the lines, so that those which came with the end are among them.
        job = store.job(job_id)
        lines = [line.message for line in store.lines(job_id, start, _LINES)]
        if lines:
            start += len(lines)
            yield lines
        elif job is None or job.is_final:
            return
        elif stopping.is_set():
            raise _Cut
        else:
            await asyncio.sleep(_PERIOD)


def follow_by_http(
    store: Store, job_id: str, request: Request, stopping: threading.Event
) -> Response:
    """Return the answer that a log is streamed in; `Range: lines=N-` says from where on.

    Raises:
        Refusal: The range can't be one.
    """
    wanted = request.headers.get("range")
    start = 0
    if wanted is not None:
        found = _RANGE.fullmatch(wanted.replace(" ", ""))
        if found is None:
            raise Refusal(416, "The range must be lines=N-, with the number of the first line.")
        start = int(found[1])
    return _Lines(store, job_id, start, stopping, is_part=wanted is not None)


class _Lines(Response):
    """A text that is sent line by line, and left open-ended if interrupted."""

    media_type = "text/plain"

    def __init__(
        self, store: Store, job_id: str, start: int, stopping: threading.Event, *, is_part: bool
    ) -> None:
        super().__init__(status_code=206 if is_part else 200)
        del self.headers["content-length"]
        self.headers["X-Accel-Buffering"] = "no"  # a proxy in between passes it on at once
        if is_part:
            self.headers["Content-Range"] = f"lines {start}-/*"
        self._batches = _batches(store, job_id, start, stopping)

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
            async for lines in self._batches:
                if gone.done():
                    return
                text = "".join(f"{line}\n" for line in lines).encode()
                await send({"type": "http.response.body", "body": text, "more_body": True})
        except _Cut:
            return  # without the last chunk: who follows sees that this isn't the end
        finally:
            gone.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def follow_by_websocket(
    store: Store, job_id: str, socket: WebSocket, start: int, stopping: threading.Event
) -> None:
    """Send a log by WebSocket, in messages of some lines; closed with 1000 at the end."""
    await socket.accept()
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
