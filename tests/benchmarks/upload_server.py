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
import time
from typing import Any
from urllib.parse import urlsplit

from loopback import COLLECTION, Answer, make_answer, serve


class Stub:
    """What the server knows.

    Args:
        host: The server's URL, which is also that of its storage.

    Attributes:
        files: How many files were sent.
        size: Bytes of them.
        units: How many units were made.
        first: When the first file had arrived, by the machine's clock of `time.monotonic()`.
    """

    def __init__(self, host: str) -> None:
        self.host = host
        self.files = 0
        self.size = 0
        self.units = 0
        self.announced = 0
        self.first = 0.0
        self.checksums: set[bytes] = set()

    def answer(self, method: str, target: str, body: bytes) -> Any:
        """Answer a request."""
        path = urlsplit(target).path.strip("/")
        if path == "data_files" and method == "POST":
            return self._take(body)
        if path.startswith("storage/"):
            return self._keep(memoryview(body))
        if path.startswith("data_files/presigned_upload/"):
            files = json.loads(body)["files"]
            return self._announce(files) if path.endswith("/upload") else self._confirm(files)
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
        if path == "storages":  # one without presigned uploads, which a session can ask for
            row = {"id": 1, "provider": "file_system", "is_default": True}
            return {"count": 1, "next": None, "previous": None, "results": [row]}
        if path == "stats":
            counts = {"files": self.files, "size": self.size, "units": self.units}
            return {**counts, "first": self.first}
        return COLLECTION

    def _take(self, body: bytes) -> Any:
        start = body.index(b"\r\n\r\n", body.index(b"filename=")) + 4
        end = body.rindex(b"\r\n--")
        return self._keep(memoryview(body)[start:end])

    def _keep(self, content: memoryview) -> Any:
        digest = hashlib.md5(content, usedforsecurity=False)
        self.checksums.add(digest.digest())
        self.first = self.first or time.monotonic()
        self.files += 1
        self.size += len(content)
        return {"id": self.files, "checksum": digest.hexdigest(), "size": len(content)}

    def _announce(self, files: list[Any]) -> Any:
        first = self.announced + 1
        self.announced += len(files)
        keys = [f"key-{number}" for number in range(first, self.announced + 1)]
        signature = f"X-Amz-Expires=3600&X-Amz-Signature={'0' * 64}"
        rows = [
            {"file_key": key, "presigned_url": f"{self.host}/storage/{key}?{signature}"}
            for key in keys
        ]
        return {"files": rows}

    def _confirm(self, files: list[Any]) -> Any:
        self.checksums |= {bytes.fromhex(file["checksum"]) for file in files}
        rows = [
            {"file_key": file["file_key"], "success": True, "checksum": file["checksum"]}
            for file in files
        ]
        return {"results": [{**row, "data_file_id": n} for n, row in enumerate(rows, start=1)]}


def main(latency: float) -> None:
    """Serve until standard input ends."""

    def prepare(host: str) -> Answer:
        stub = Stub(host)
        return lambda *request: make_answer(json.dumps(stub.answer(*request)).encode())

    asyncio.run(serve(prepare, latency))


if __name__ == "__main__":
    main(float(sys.argv[1]))
