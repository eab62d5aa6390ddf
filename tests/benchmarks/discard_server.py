"""A server that takes one upload in chunks, reads it as fast as it can, and keeps nothing.

It prints its port, and ends when its input is closed.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import sys
import threading

_BUFFER = 1 << 20


class Upload:
    """What the server knows of the upload, whatever connection it comes by.

    Attributes:
        offset: Where the next chunk begins.
        checksum: Checksum of the whole file, as the client said it.
        received: Bytes of all chunks, also of those that broke off.
    """

    def __init__(self) -> None:
        self.offset = 0
        self.checksum = ""
        self.received = 0


class Connection:
    """One client: requests are read and answered one after the other."""

    def __init__(self, connection: socket.socket, upload: Upload) -> None:
        self.connection = connection
        self.upload = upload
        self.buffer = bytearray(_BUFFER)

    def serve(self) -> None:
        """Answer until the client goes away."""
        with self.connection, contextlib.suppress(ConnectionError):
            while self.exchange():
                pass

    def exchange(self) -> bool:
        """Read a request and answer it; say whether there was one."""
        head = b""
        while b"\r\n\r\n" not in head:
            piece = self.connection.recv(1 << 14)
            if not piece:
                return False
            head += piece
        head, _, rest = head.partition(b"\r\n\r\n")
        method, path, _ = head.partition(b"\r\n")[0].split(b" ")
        length = _number(rb"content-length: (\d+)", head) or 0
        body = rest
        left = length - len(rest)
        if left > 1 << 16:
            view = memoryview(self.buffer)
            self.upload.received += len(rest)
            while left > 0:
                count = self.connection.recv_into(view, min(left, _BUFFER))
                if not count:
                    return False
                left -= count
                self.upload.received += count
        while left > 0:
            piece = self.connection.recv(left)
            body += piece
            left -= len(piece)
        answer = json.dumps(self.answer(method, path, head, body)).encode()
        self.connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (len(answer), answer)
        )
        return True

    def answer(self, method: bytes, path: bytes, head: bytes, body: bytes) -> dict[str, object]:
        """Say what a server says that has kept everything."""
        upload = self.upload
        if path == b"/stats":
            return {"received": upload.received}
        if path.rstrip(b"/").endswith(b"data_files"):
            return {"id": 1, "checksum": upload.checksum, "size": upload.offset}
        if method == b"PUT":
            upload.offset = (_number(rb"content-range: bytes \d+-(\d+)/", head) or 0) + 1
        if method == b"POST":
            upload.checksum = json.loads(body)["md5"]
        row = {"id": "0-1", "url": "/chunked_upload/0-1/", "offset": upload.offset}
        return {**row, "status": 2 if method == b"POST" else 1}


def _number(pattern: bytes, head: bytes) -> int | None:
    found = re.search(pattern, head, re.IGNORECASE)
    return int(found[1]) if found else None


def main() -> None:
    """Serve until the input is closed."""
    upload = Upload()
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=Connection(connection, upload).serve, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
