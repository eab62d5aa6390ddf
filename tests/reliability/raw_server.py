"""A server on loopback that answers the bytes that it is told, and keeps what it receives."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any


class Recorder:
    """Keeps every byte that it receives, and answers each request with what it is told.

    Attributes:
        received: The bytes, of all connections.
        targets: The requests, as method and target.
        answers: Answers by target, as they go over the wire.
        otherwise: The answer to everything else.
        delay: Seconds before each answer.
        closes: Whether each answer ends its connection.
        connections: How many there were.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.received = b""
        self.targets: list[str] = []
        self.closes = False
        self.delay = 0.0
        self.connections = 0
        self.answers: dict[str, bytes] = {}
        self.otherwise = reply(200, {"count": 0, "next": None, "results": []})
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._listener = socket.create_server((host, 0))
        self.port = self._listener.getsockname()[1]
        self.host = host
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/"

    def wait_until_idle(self) -> None:
        """Wait until every connection so far has ended."""
        for thread in list(self._threads):
            thread.join()

    def close(self) -> None:
        self._ending.set()
        socket.create_connection((self.host, self.port)).close()
        self._accepting.join()
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._ending.is_set():
                connection.close()
                return
            with self._lock:
                self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(0.05)
        content = b""
        with connection:
            while not self._ending.is_set():
                try:
                    piece = connection.recv(65536)
                except TimeoutError:
                    continue
                except OSError:
                    return
                if not piece:
                    return
                with self._lock:
                    self.received += piece
                content += piece
                if content.startswith(b"\x16\x03"):  # TLS, of which this server has nothing
                    return
                while (end := content.find(b"\r\n\r\n")) >= 0:
                    head = content[:end].decode("latin-1")
                    length = 0
                    for line in head.split("\r\n"):
                        if line.lower().startswith("content-length:"):
                            length = int(line.partition(":")[2])
                    if len(content) < end + 4 + length:
                        break
                    content = content[end + 4 + length :]
                    target = head.split(" ")[1]
                    with self._lock:
                        self.targets.append(f"{head.split(' ')[0]} {target}")
                    closes = self.closes
                    self._ending.wait(self.delay)
                    connection.sendall(self.answers.get(target, self.otherwise))
                    if closes:
                        return


def reply(status: int, body: Any, **headers: str) -> bytes:
    """Put a well-formed answer together; what isn't bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Status", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content
