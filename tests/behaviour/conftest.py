"""A small server of tables, for what the emulator does too well to be tested with."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import attrs
import pytest

import synapse


@attrs.frozen
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, list[str]]
    body: Any

    def one(self, name: str) -> str | None:
        return self.query.get(name, [None])[-1]  # type: ignore[list-item]


class Tables:
    """Serves the rows of some tables, page by page, and does what a test tells it to besides.

    Attributes:
        rows: The rows by path, such as `projects`.
        cap: The largest page.
        before: Called with each request before it is answered; what it returns, if anything, is
            the answer: a status and a body.
        asked: The requests so far.
    """

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.cap = 1000
        self.before: Callable[[Asked], tuple[int, Any] | None] = lambda asked: None
        self.asked: list[Asked] = []
        self.failures: list[BaseException] = []
        self._lock = threading.Lock()
        tables = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1  # an answer goes out in one piece

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                content = self.rfile.read(length)
                url = urlsplit(self.path)
                asked = Asked(
                    self.command,
                    url.path.strip("/"),
                    parse_qs(url.query),
                    json.loads(content) if content else None,
                )
                try:
                    status, document = tables.answer(asked)
                except Exception as error:
                    tables.failures.append(error)
                    status, document = 500, {"detail": repr(error)}
                body = b"" if document is None else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, asked: Asked) -> tuple[int, Any]:
        with self._lock:
            self.asked.append(asked)
        told = self.before(asked)
        if told is not None:
            return told
        with self._lock:
            return self._by_table(asked)

    def _by_table(self, asked: Asked) -> tuple[int, Any]:
        path, _, key = asked.path.removeprefix("sdk/").partition("/")
        table = self.rows.setdefault(path, [])
        if not key and asked.method == "GET":
            return self._page(asked, table)
        if not key:
            row = {"id": max([0, *(row["id"] for row in table)]) + 1, **asked.body}
            table.append(row)
            return 201, row
        found = [row for row in table if str(row["id"]) == key]
        if not found:
            return 404, {"detail": "Not found."}
        if asked.method == "DELETE":
            table.remove(found[0])
            return 204, None
        if asked.method == "PATCH":
            found[0].update(asked.body)
        return 200, found[0]

    def _page(self, asked: Asked, table: list[dict[str, Any]]) -> tuple[int, Any]:
        size = min(int(asked.one("page_size") or 100), self.cap)
        number = int(asked.one("page") or 1)
        several = asked.one("id__in")
        wanted = several.split(",") if several else asked.query.get("id")
        rows = [row for row in table if wanted is None or str(row["id"]) in wanted]
        start = (number - 1) * size
        if start and start >= len(rows):
            return 404, {"detail": "Invalid page."}
        # As behind a proxy that hides its name: the host of a link isn't the one to ask.
        link = f"http://inside.example:8/{asked.path}/?page={number + 1}&page_size={size}"
        return 200, {
            "count": len(rows),
            "next": link if start + size < len(rows) else None,
            "previous": None,
            "results": rows[start : start + size],
        }


@pytest.fixture
def tables() -> Iterator[Tables]:
    """The server, empty."""
    server = Tables()
    yield server
    server.close()
    assert not server.failures


@pytest.fixture
def connected(tables: Tables) -> Iterator[synapse.Session]:
    """A session with the server."""
    with synapse.connect(tables.url, "some-token") as session:
        yield session


@pytest.fixture
def units(session: synapse.Session, unit: synapse.DataUnit) -> Callable[[int], list[Any]]:
    """What makes a project with some tasks, and gives the tasks."""

    def make(count: int, **values: Any) -> list[Any]:
        project = session.projects.create(title="Many", category="text")
        return project.tasks.bulk_create({"data_unit": unit, **values} for _ in range(count))

    return make
