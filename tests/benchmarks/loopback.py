"""The small, fast loopback servers of the measurements: how they start, read and answer.

A server is a program that prints its port and serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

Answer: TypeAlias = Callable[[str, str, bytes], bytes]
"""Makes a whole response from method, target and body of a request."""

COLLECTION = {
    "id": 1,
    "name": "Bench",
    "created": "2026-01-31T12:00:00Z",
    "file_specifications": [
        {"id": 1, "name": "image", "file_type": "data", "is_required": True, "is_primary": True}
    ],
}
"""The row of a collection with one file for each unit."""

_HERE = Path(__file__).parent
# The kernel hands over as much at once. A buffer that stays costs less than a new one each time.
_BUFFER = 256 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_EXPECTATION = re.compile(rb"\r\nexpect: *100-continue", re.IGNORECASE)


@contextmanager
def run_server(script: str, *arguments: object) -> Iterator[str]:
    """Run a server of this folder in a process of its own, and give its URL."""
    command = [sys.executable, str(_HERE / script), *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()


def make_answer(body: bytes, headers: str = "", kind: str = "application/json") -> bytes:
    """Put the head before a body."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{headers}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def serve(prepare: Callable[[str], Answer], latency: float = 0.0) -> None:
    """Serve until standard input ends.

    Args:
        prepare: Called with the server's URL before the first connection is taken.
        latency: Seconds that every answer takes at least.
    """
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(answer, latency), "127.0.0.1", 0, backlog=64, start_serving=False
    )
    port = server.sockets[0].getsockname()[1]
    answer = prepare(f"http://127.0.0.1:{port}")
    await server.start_serving()
    print(port, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


class Connection(asyncio.BufferedProtocol):
    """One connection: reads requests, answers each after the latency."""

    def __init__(self, answer: Answer, latency: float) -> None:
        self._answer = answer
        self._latency = latency
        self._buffer = bytearray(_BUFFER)
        # Received and unread bytes lie between these two.
        self._start = self._end = 0
        self._head: tuple[str, str] | None = None
        self._length = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        if self._start == self._end:
            self._start = self._end = 0
        needed = self._start + max(self._length, self._end - self._start + 1)
        if needed > len(self._buffer):
            unread = self._buffer[self._start : self._end]
            self._buffer = bytearray(max(_BUFFER, 2 * (needed - self._start)))
            self._buffer[: len(unread)] = unread
            self._start, self._end = 0, len(unread)
        return memoryview(self._buffer)[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        self._end += nbytes
        while self._head is not None or self._read_head():
            if self._end - self._start < self._length:
                return
            end = self._start + self._length
            body = bytes(memoryview(self._buffer)[self._start : end])
            assert self._head is not None
            answer = self._answer(*self._head, body)
            self._start, self._head, self._length = end, None, 0
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._write, answer)
            else:
                self._write(answer)

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n", self._start, self._end)
        if end < 0:
            return False
        head = bytes(memoryview(self._buffer)[self._start : end])
        self._start = end + 4
        method, target, _ = head.split(b" ", 2)
        self._head = method.decode(), target.decode()
        if found := _LENGTH.search(head):
            self._length = int(found[1])
        if _EXPECTATION.search(head):
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")  # type: ignore[attr-defined] # a write transport
        return True

    def _write(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)  # type: ignore[attr-defined] # a write transport
