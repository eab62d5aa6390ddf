"""A TCP proxy that hurts connections: between the SDK and a server, told what to do to the next.

It runs on asyncio in a thread of its own, where a connection can be reset (`transport.abort()`)
though somebody waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import attrs

T = TypeVar("T")
NEVER = 1 << 62


@attrs.frozen
class Fault:
    """What happens to one connection.

    Attributes:
        on_accept: `reset` it when something comes, or `ignore` it: take what comes, and do nothing
            with it.
        up: After how many bytes towards the server it is cut.
        down: After how many bytes of the first answer it is cut. Before that, the server has
            answered, or begun to.
        beyond_headers: Whether `down` counts from the end of the answer's headers.
        how: Whether a cut is an orderly end, a reset, or silence.
        latency: Seconds that each piece takes, either way.
        drip: Bytes of the answer that come at once, `pause` seconds apart; 0 for all.
        pause: Seconds between two drops.
    """

    on_accept: Literal["serve", "reset", "ignore"] = "serve"
    up: int = NEVER
    down: int = NEVER
    beyond_headers: bool = False
    how: Literal["end", "reset", "silence"] = "end"
    latency: float = 0.0
    drip: int = 0
    pause: float = 0.0


NONE = Fault()


class FaultProxy:
    """Forwards connections to a server, each with the next fault that it was told.

    Args:
        target: The server's address.
        faults: Where faults come from when none was told for a connection.

    Attributes:
        answered: Set when the server's first answer to a faulty connection has come in whole
            pieces, or its connection ended: what it did, it has done.
    """

    def __init__(self, target: str, faults: Callable[[], Fault] = lambda: NONE) -> None:
        address = urlsplit(target)
        self._target = (address.hostname, address.port)
        self._otherwise = faults
        self._next: deque[Fault] = deque()
        self.answered = threading.Event()
        self.connections = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy")
        self._thread.start()
        self.listen()
        self.url = f"http://127.0.0.1:{self._port}/"

    def next(self, *faults: Fault) -> None:
        """Say what happens to the next connections; those that are open end now."""
        self.answered.clear()
        self._next.extend(faults)
        self._run(self._hang_up())

    def listen(self) -> None:
        """Take connections, again."""
        self._run(self._listen())

    def refuse(self) -> None:
        """Take no connections until `listen`."""
        self._run(self._refuse())

    @property
    def listens(self) -> bool:
        return self._server is not None

    def close(self) -> None:
        self._run(self._refuse())
        self._run(self._end_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        done: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(30)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self._port, backlog=256, reuse_address=True
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._hang_up()

    async def _hang_up(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()
        self._writers.clear()

    async def _end_all(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        fault = self._next.popleft() if self._next else self._otherwise()
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            if fault.on_accept == "reset":
                await reader.read(1)
                _reset(writer)
            elif fault.on_accept == "ignore":
                with contextlib.suppress(OSError):
                    while await reader.read(65536):
                        pass
            else:
                await self._forward(fault, reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.close()

    async def _forward(
        self, fault: Fault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        up_reader, up_writer = await asyncio.open_connection(*self._target)
        self._writers.add(up_writer)
        try:
            up = asyncio.create_task(self._upwards(fault, reader, up_writer))
            down = asyncio.create_task(self._downwards(fault, up_reader, writer))
            try:
                await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (up, down):
                    task.cancel()
                await asyncio.gather(up, down, return_exceptions=True)
        finally:
            self._writers.discard(up_writer)
            up_writer.close()
            if fault is not NONE:
                self.answered.set()

    async def _upwards(
        self, fault: Fault, reader: asyncio.StreamReader, up_writer: asyncio.StreamWriter
    ) -> None:
        left = fault.up
        while piece := await reader.read(65536):
            await asyncio.sleep(fault.latency)
            up_writer.write(piece[:left])
            await up_writer.drain()
            left -= len(piece)
            if left < 0:
                return

    async def _downwards(
        self, fault: Fault, up_reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = b""
        left = NEVER if fault.beyond_headers else fault.down
        while piece := await up_reader.read(65536):
            await asyncio.sleep(fault.latency)
            if fault.beyond_headers and left == NEVER:
                head += piece
                if (end := head.find(b"\r\n\r\n")) >= 0:
                    left = end + 4 + fault.down - (len(head) - len(piece))
            await self._drip(fault, piece[:left], writer)
            left -= len(piece)
            if left < 0:
                self.answered.set()
                await self._cut(fault, writer)
                return

    async def _drip(self, fault: Fault, piece: bytes, writer: asyncio.StreamWriter) -> None:
        size = fault.drip or len(piece) or 1
        for start in range(0, len(piece), size):
            writer.write(piece[start : start + size])
            await writer.drain()
            await asyncio.sleep(fault.pause)

    async def _cut(self, fault: Fault, writer: asyncio.StreamWriter) -> None:
        if fault.how == "reset":
            _reset(writer)
        elif fault.how == "silence":
            await asyncio.sleep(3600)  # until the client hangs up, or the proxy is closed


def _reset(writer: asyncio.StreamWriter) -> None:
    one: socket.socket = writer.get_extra_info("socket")
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
