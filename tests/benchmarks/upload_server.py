"""A small, fast loopback server that takes files and keeps nothing of them, for measuring clients.

Run as a program, it prints its port and serves until its standard input ends. It has one
collection with one file specification, knows the checksums of what it was sent, and counts.

Usage: python upload_server.py LATENCY_SECONDS
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from typing import Any
from urllib.parse import urlsplit

COLLECTION = {
    "id": 1,
    "name": "Bench",
    "created": "2026-01-31T12:00:00Z",
    "file_specifications": [
        {"id": 1, "name": "image", "file_type": "data", "is_required": True, "is_primary": True}
    ],
}


class Stub:
    """What the server knows.

    Attributes:
        files: How many files were sent.
        size: Bytes of them.
        units: How many units were made.
    """

    def __init__(self) -> None:
        self.files = 0
        self.size = 0
        self.units = 0
        self.checksums: set[bytes] = set()

    def answer(self, method: str, target: str, body: bytearray) -> Any:
        """Answer a request."""
        path = urlsplit(target).path.strip("/")
        if path == "data_files" and method == "POST":
            return self._take(body)
        if path == "data_files/verify_checksums":
            asked = json.loads(body)["checksums"]
            return {"checksums": [one for one in asked if bytes.fromhex(one) in self.checksums]}
        if path == "data_units" and method == "POST":
            made = [{"id": self.units + n} for n, _ in enumerate(json.loads(body), start=1)]
            self.units += len(made)
            return made
        if path == "data_units":
            rows = [{"id": self.units}] if self.units else []
            return {"count": self.units, "next": None, "previous": None, "results": rows}
        if path == "stats":
            return {"files": self.files, "size": self.size, "units": self.units}
        return COLLECTION

    def _take(self, body: bytearray) -> Any:
        start = body.index(b"\r\n\r\n", body.index(b"filename=")) + 4
        end = body.rindex(b"\r\n--")
        digest = hashlib.md5(memoryview(body)[start:end], usedforsecurity=False)
        self.checksums.add(digest.digest())
        self.files += 1
        self.size += end - start
        return {"id": self.files, "checksum": digest.hexdigest(), "size": end - start}


class Connection(asyncio.Protocol):
    """One connection: reads requests, answers each after the latency."""

    def __init__(self, stub: Stub, latency: float) -> None:
        self.stub = stub
        self.latency = latency
        self.received = bytearray()
        self.wanted = 0
        self.head: tuple[str, str] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        while True:
            if self.head is None:
                end = self.received.find(b"\r\n\r\n")
                if end < 0:
                    return
                lines = self.received[:end].decode("latin-1").split("\r\n")
                method, target, _ = lines[0].split(" ", 2)
                headers = dict(line.lower().split(": ", 1) for line in lines[1:])
                self.head = method, target
                self.wanted = int(headers.get("content-length", "0"))
                del self.received[: end + 4]
                if headers.get("expect") == "100-continue":
                    self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if len(self.received) < self.wanted:
                return
            body, self.received = self.received[: self.wanted], self.received[self.wanted :]
            answer = json.dumps(self.stub.answer(*self.head, body)).encode()
            self.head = None
            whole = (
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(answer)}\r\n\r\n"
            ).encode() + answer
            if self.latency:
                asyncio.get_running_loop().call_later(self.latency, self.write, whole)
            else:
                self.write(whole)

    def write(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)


async def serve(latency: float) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    stub = Stub()
    server = await loop.create_server(lambda: Connection(stub, latency), "127.0.0.1", 0, backlog=64)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
