"""A stand-in for the dashboard of a Ray head."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = tuple[int, Any]

TRACEBACK = """Traceback (most recent call last):
  File "/somewhere/job_head.py", line 406, in submit_job
    raise ValueError(
ValueError: Job with submission_id mine already exists. Please use a different submission_id.
"""


class Dashboard:
    """A server whose responses a test decides; `None` closes the connection."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Callable[[str, str, Any], Answer | None] = lambda *_: (200, {})
        dashboard = self

        class Handler(BaseHTTPRequestHandler):
            def respond(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                try:
                    body = json.loads(content) if content else None
                except ValueError:
                    body = content
                dashboard.asked.append((self.command, self.path, body))
                dashboard.headers.append(dict(self.headers))
                answer = dashboard.answer(self.command, self.path, body)
                if answer is None:
                    self.close_connection = True
                    return
                status, document = answer
                is_text = isinstance(document, str)
                sent = document.encode() if is_text else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/plain" if is_text else "application/json")
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            do_GET = do_POST = do_PUT = do_DELETE = respond  # noqa: N815

            def log_message(self, *args: Any) -> None:
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
