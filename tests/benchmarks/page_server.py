"""A small, fast loopback server with prepared pages, for measuring clients and not servers.

Run as a program, it prints its port and serves until its standard input ends. Every page is made
before the first request. The same rows come in three shapes: pages of the platform, of NetBox
(`limit` and `offset`) and of GitLab (a bare list with paging headers).

Usage: python page_server.py COUNT LATENCY_SECONDS
"""

from __future__ import annotations

import asyncio
import json
import sys
from urllib.parse import parse_qs, urlsplit

PER_PAGE = 100
SHAPES = "/sdk/tasks/", "/api/dcim/devices/", "/api/v4/todos"


def row(number: int) -> dict[str, object]:
    """Make a row of about 900 bytes, with the fields of a task."""
    return {
        "id": number,
        "project": number % 7 + 1,
        "data_unit": number + 1_000_000,
        "status": ("pending", "in_progress", "completed")[number % 3],
        "priority": "normal",
        "assignee": number % 11 or None,
        "tags": [number % 5, number % 13 + 5],
        "data": {
            "annotations": [
                {"id": f"{number}-{k}", "type": "bbox", "coordinates": [k, 10, 100 + k, 80.5]}
                | {"label": "person", "confidence": 0.97}
                for k in range(3)
            ]
        },
        "meta": {"camera": f"front-{number % 4}", "sequence": number, "weather": "overcast"},
        "files": {"image": {"checksum": f"{number:032x}", "size": 120_000 + number}},
        "is_discarded": False,
        "created": "2026-01-31T12:00:00.123456Z",
        "updated": "2026-02-01T08:30:00.654321Z",
        "display": f"Task {number}",
        "url": f"http://127.0.0.1/tasks/{number}/",
        "description": "A street in the evening, seen from the front camera; two persons, one car.",
    }


def answers(count: int, host: str) -> dict[tuple[str, int], bytes]:
    """Prepare every answer by shape and number of the page."""
    made: dict[tuple[str, int], bytes] = {}
    pages = -(-count // PER_PAGE)
    for page in range(1, pages + 1):
        start = (page - 1) * PER_PAGE
        rows = json.dumps([row(n) for n in range(start + 1, min(start + PER_PAGE, count) + 1)])
        for shape in SHAPES:
            headers = ""
            if shape == SHAPES[2]:
                body = rows
                link = f"{host}{shape}?page={page + 1}&per_page={PER_PAGE}&pagination=x"
                headers = f"X-Total: {count}\r\nX-Total-Pages: {pages}\r\nX-Page: {page}\r\n"
                headers += f"X-Per-Page: {PER_PAGE}\r\n"
                if page < pages:
                    headers += f'X-Next-Page: {page + 1}\r\nLink: <{link}>; rel="next"\r\n'
            else:
                query = (
                    f"page={page + 1}&page_size={PER_PAGE}"
                    if shape == SHAPES[0]
                    else f"limit={PER_PAGE}&offset={page * PER_PAGE}"
                )
                following = f'"{host}{shape}?{query}"' if page < pages else "null"
                body = (
                    f'{{"count": {count}, "next": {following}, "previous": null, '
                    f'"results": {rows}}}'
                )
            data = body.encode()
            made[shape, page] = (
                f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{headers}"
                f"Content-Length: {len(data)}\r\n\r\n"
            ).encode() + data
    return made


def answer_one(number: int) -> bytes:
    """Make the answer for one row of the platform's shape."""
    data = json.dumps(row(number)).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(data)}"
    return head.encode() + b"\r\n\r\n" + data


class Connection(asyncio.Protocol):
    """One connection: reads requests without a body, answers after the latency."""

    def __init__(self, made: dict[tuple[str, int], bytes], latency: float) -> None:
        self.made = made
        self.latency = latency
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        while b"\r\n\r\n" in self.received:
            head, _, self.received = self.received.partition(b"\r\n\r\n")
            answer = self.answer(head.split(b" ", 2)[1].decode())
            if self.latency:
                asyncio.get_running_loop().call_later(self.latency, self.write, answer)
            else:
                self.write(answer)

    def answer(self, target: str) -> bytes:
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        page = int(query.get("page", ["1"])[0])
        if "offset" in query:
            page = int(query["offset"][0]) // PER_PAGE + 1
        if parts.path.startswith("/tasks/"):
            return answer_one(int(parts.path.strip("/").rpartition("/")[2]))
        missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"
        return self.made.get((parts.path, page), missing)

    def write(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)


async def serve(count: int, latency: float) -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    made: dict[tuple[str, int], bytes] = {}
    server = await loop.create_server(lambda: Connection(made, latency), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    made.update(answers(count, f"http://127.0.0.1:{port}"))
    print(port, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))
