"""A fast server of projects, in a process of its own, that fails now and then and counts creates.

`python soak_server.py FAULTS SEED [RESTART_EVERY ROTATE_EVERY TOKEN_FILE]` prints its port, and
ends with its standard input. With the last three, it restarts after so many requests: it drops
every connection, refuses others for a moment, and comes back on the same port. And after so many
requests it writes another token to the file, and refuses the one before.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
import struct
import sys
import threading
import uuid
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

# Before the request is done, and after.
BEFORE = ["503", "503-later", "429", "502", "close", "reset", "html-503"]
AFTER = [
    *("lost", "lost-reset", "502-after", "504-after", "empty", "html", "text"),
    *("cut-status", "cut-headers", "cut-body", "reset-body", "drip"),
]
# It costs a timeout each, and so comes less often.
SELDOM = ["silence", "silence-after"]
KINDS = BEFORE * 4 + AFTER * 4 + SELDOM

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_REASONS = {200: "OK", 201: "Created", 204: "No Content", 404: "Not Found"}


class Projects:
    """The rows, and how often each title was made."""

    def __init__(self, share: float, seed: int) -> None:
        self.share = share
        self.random = random.Random(seed)
        self.rows: dict[int, dict[str, Any]] = {}
        self.made: Counter[str] = Counter()
        self.ids: defaultdict[str, list[int]] = defaultdict(list)
        self.faults: Counter[str] = Counter()
        self.requests = 0
        self.restarts = 0
        self.rotations = 0
        self._next = 1

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if path == "/_report/":
            return 200, {
                "rows": [[row["title"], row["description"]] for row in self.rows.values()],
                "made": self.made,
                "faults": self.faults,
                "requests": self.requests,
                "restarts": self.restarts,
                "rotations": self.rotations,
            }
        path, _, query = path.partition("?")
        key = path.removeprefix("/projects/").strip("/")
        if method == "POST":
            row = {"id": self._next, "description": "", **json.loads(body)}
            self._next += 1
            self.rows[row["id"]] = row
            self.made[row["title"]] += 1
            self.ids[row["title"]].append(row["id"])
            return 201, row
        if not key:
            ids = re.findall(r"(?:^|&)id=(\d+)", query)
            found = [self.rows[int(one)] for one in ids if int(one) in self.rows]
            for title in re.findall(r"(?:^|&)title=([^&]+)", query):
                found = [self.rows[one] for one in self.ids[title] if one in self.rows]
            return 200, {"count": len(found), "next": None, "previous": None, "results": found}
        row = self.rows.get(int(key))  # type: ignore[assignment]
        if row is None:
            return 404, {"detail": "Not found."}
        if method == "DELETE":
            del self.rows[int(key)]
            return 204, None
        if method == "PATCH":
            row.update(json.loads(body))
        return 200, row

    def fault(self, path: str) -> str | None:
        if path == "/_report/":
            return None
        self.requests += 1
        if self.random.random() >= self.share:
            return None
        kind = self.random.choice(KINDS)
        self.faults[kind] += 1
        return kind


class Troubles:
    """What happens to a backend in the long run: restarts, and tokens that rotate.

    Args:
        projects: The backend's content, which survives.
        restart_every: After how many requests it restarts; 0 for never.
        rotate_every: After how many requests there is another token; 0 for never.
        token: The file with the token.
    """

    def __init__(
        self, projects: Projects, restart_every: int, rotate_every: int, token: Path | None
    ) -> None:
        self.projects = projects
        self.connections: set[Connection] = set()
        self.token = b""
        self._restart_every = restart_every
        self._rotate_every = rotate_every
        self._file = token
        self._port = 0
        self._server: asyncio.Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Listen; return the port."""
        if self._file is not None and not self.token:
            self._rotate()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(self.projects, self),
            "127.0.0.1",
            self._port,
            backlog=1024,
            reuse_address=True,
        )
        self._port = self._server.sockets[0].getsockname()[1]
        return self._port

    def is_due(self, every: int) -> bool:
        return every > 0 and self.projects.requests % every == 0

    def happen(self) -> None:
        """Do what is due before the next request is looked at."""
        if self.is_due(self._rotate_every):
            self._rotate()
        if self.is_due(self._restart_every) and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._restart())

    def _rotate(self) -> None:
        assert self._file is not None
        self.projects.rotations += 1
        self.token = f"soak-token-{uuid.uuid4()}".encode()
        beside = self._file.with_suffix(".new")
        beside.write_bytes(self.token)
        beside.replace(self._file)

    async def _restart(self) -> None:
        self.projects.restarts += 1
        assert self._server is not None
        self._server.close()
        for number, connection in enumerate(list(self.connections)):
            # Politely, as at a shutdown, or not at all, as at a crash.
            connection.transport.close() if number % 2 else connection.reset()
        await asyncio.sleep(0.3)
        await self.start()


class Connection(asyncio.Protocol):
    """One connection."""

    transport: asyncio.Transport

    def __init__(self, projects: Projects, troubles: Troubles) -> None:
        self.projects = projects
        self.troubles = troubles
        self.unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.troubles.connections.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.troubles.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        self.unread += data
        end = self.unread.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.unread[:end]
        length = _LENGTH.search(head)
        whole = end + 4 + (int(length[1]) if length else 0)
        if len(self.unread) < whole:
            return
        body, self.unread = self.unread[end + 4 : whole], self.unread[whole:]
        method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        fault = self.projects.fault(path)
        if path != "/_report/":
            self.troubles.happen()
            if self.troubles.token not in head:
                self.transport.write(http(401, {"detail": "Invalid token."}))
                return
        if fault in BEFORE or fault == "silence":
            self.fail(fault)
            return
        self.send(fault, *self.projects.answer(method, path, body))

    def fail(self, fault: str | None) -> None:
        match fault:
            case "503" | "502" | "429":
                self.transport.write(http(int(fault), {"detail": "Not now."}))
            case "503-later":
                self.transport.write(http(503, {"detail": "Not now."}, "Retry-After: 0"))
            case "html-503":
                self.transport.write(http(503, b"<html><title>Down</title></html>"))
            case "close":
                self.transport.close()
            case "reset":
                self.reset()

    def send(self, fault: str | None, status: int, document: Any) -> None:
        raw = http(status, b"" if document is None else document)
        body = raw.index(b"\r\n\r\n") + 4
        match fault:
            case None:
                self.transport.write(raw)
            case "lost":
                self.transport.close()
            case "lost-reset":
                self.reset()
            case "502-after" | "504-after":
                self.transport.write(http(int(fault[:3]), b"<html>gateway</html>"))
            case "empty" | "html" | "text":
                content = {"empty": b"", "html": b"<html></html>", "text": b"OK"}[fault]
                self.transport.write(http(200, content))
            case "cut-status":
                self.cut(raw, 7)
            case "cut-headers":
                self.cut(raw, body - 10)
            case "cut-body":
                self.cut(raw, body + 5)
            case "reset-body":
                self.transport.write(raw[: body + 5])
                asyncio.get_running_loop().call_later(0.01, self.reset)
            case "drip":
                self.drip(raw)

    def cut(self, raw: bytes, length: int) -> None:
        self.transport.write(raw[:length])
        self.transport.close()

    def drip(self, raw: bytes) -> None:
        self.transport.write(raw[:40])
        if len(raw) > 40:
            asyncio.get_running_loop().call_later(0.001, self.drip, raw[40:])

    def reset(self) -> None:
        one: socket.socket | None = self.transport.get_extra_info("socket")
        if one is not None and one.fileno() >= 0:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


def http(status: int, document: Any, *headers: str) -> bytes:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    lines = [
        f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}",
        "Content-Type: application/json",
        *([f"Content-Length: {len(body)}"] if status != 204 else []),
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def serve(troubles: Troubles) -> None:
    loop = asyncio.get_running_loop()
    print(await troubles.start(), flush=True)
    ended = asyncio.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    await ended.wait()


if __name__ == "__main__":
    share, seed, restart_every, rotate_every, token = (*sys.argv[1:], "0", "0", "")[:5]
    content = Projects(float(share), int(seed))
    file = Path(token) if token else None
    asyncio.run(serve(Troubles(content, int(restart_every), int(rotate_every), file)))
