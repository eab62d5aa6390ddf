"""A table over HTTP that takes writes, and does to them what a plan says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

from json_server import JsonHandler, JsonServer

FAULTS = (
    *("capped", "large", "throttled", "refused", "dropped", "lost", "broken", "fewer", "moved"),
    *("gateway", "busy"),
)
"""What a plan may say about a write besides `ok`: see `WritingServer.write`."""


class WritingServer(JsonServer):
    """A server with tasks, which are created, changed, deleted and tagged.

    Attributes:
        rows: The tasks by id.
        tagged: The ids that were tagged.
        cap: Largest number of objects in a request.
        plan: What happens to each write, in the order of arrival; after its end all is well.
        lengths: How many objects each write had, in the order of arrival.
        methods: The methods of the writes.
        before: Called with the number and the body of each write before it is done, in the thread
            of its connection.
        has_written: Set when the first write is done.
    """

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, Any]] = {}
        self.tagged: list[int] = []
        self.cap = 10**6
        self.plan: list[str] = []
        self.lengths: list[int] = []
        self.methods: list[str] = []
        self.before: Callable[[int, Any], object] = lambda number, body: None
        self.has_written = threading.Event()
        self._lock = threading.Lock()
        owner = self

        class Handler(JsonHandler):
            def handle_request(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = owner.answer(self.command, self.path, content)
                if answer is None:
                    self.close_connection = True
                else:
                    self.reply(*answer)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_request  # noqa: N815

        super().__init__(Handler)

    def fill(self, count: int) -> None:
        """Make tasks with the ids from 1."""
        self.rows = {number: {"id": number, "status": "pending"} for number in range(1, count + 1)}

    def answer(self, method: str, path: str, content: bytes) -> tuple[int, Any, Any] | None:
        """Answer a request; `None` closes the connection."""
        if method == "GET":
            with self._lock:
                rows = list(self.rows.values())
            return 200, {"count": len(rows), "next": None, "results": rows}, {}
        body = json.loads(content) if content else None
        length = len(body["ids"] if "set_tags" in path else body) if method == "POST" else 1
        with self._lock:
            number = len(self.lengths)
            self.lengths.append(length)
            self.methods.append(method)
            fault = self.plan[number] if number < len(self.plan) else "ok"
        self.before(number, body)
        with self._lock:
            return self.write(method, path, body, length, fault)

    def write(
        self, method: str, path: str, body: Any, length: int, fault: str
    ) -> tuple[int, Any, Any] | None:
        """Do a write, or what the plan says: the first seven do nothing, the others do it."""
        if length > self.cap or (fault == "capped" and length > 3):
            most = min(self.cap, 3)
            return 400, {"non_field_errors": [f"At most {most} objects, not {length}."]}, {}
        match fault:
            case "large":
                return 413, {"detail": "Too large."}, {}
            case "throttled":
                return 429, {"detail": "Slow down."}, {"Retry-After": "0"}
            case "busy":
                return 503, {"detail": "Starting."}, {"Retry-After": "0"}
            case "refused" if isinstance(body, list):
                return 400, [{}] * (length - 1) + [{"status": ["Not allowed."]}], {}
            case "refused":
                return 400, {"status": ["Not allowed."]}, {}
            case "dropped":
                return None
        status, document = self._do(method, path, body)
        self.has_written.set()
        match fault:
            case "lost":
                return None
            case "broken":
                return 500, {"detail": "Broken."}, {}
            case "gateway":
                return 504, {"detail": "Too slow."}, {}
            case "fewer" if isinstance(document, list):
                return status, document[:-1], {}
            case "moved" if isinstance(document, list):
                return status, document[::-1], {}
        return status, document, {}

    def _do(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        if "set_tags" in path:
            self.tagged += body["ids"]
            return 200, {}
        if method == "POST":
            made = [{"id": len(self.rows) + n, **row} for n, row in enumerate(body, start=1)]
            self.rows.update((row["id"], row) for row in made)
            return 201, made
        key = int(path.strip("/").split("/")[1])
        if method == "DELETE":
            del self.rows[key]
            return 204, None
        self.rows[key].update(body)
        return 200, self.rows[key]
