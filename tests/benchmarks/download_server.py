"""A small, fast loopback server of one collection's files, which is also a hub of one repository.

Run as a program, it prints its port and serves until its standard input ends.

Usage: python download_server.py FILES SIZE LATENCY_SECONDS
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
from urllib.parse import parse_qs, urlsplit

from loopback import COLLECTION, make_answer, serve

REPOSITORY = "bench/files"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PRESIGNED = 2
"""The collection whose files have presigned URLs of another host."""
SIGNATURE = f"X-Amz-Expires=3600&X-Amz-Signature={'0' * 64}"


class Store:
    """Files that differ in their first bytes, and the documents that name them."""

    def __init__(self, count: int, size: int, host: str) -> None:
        self.count, self.host = count, host
        self.other_host = host.replace("127.0.0.1", "localhost")
        self.bodies = [b"%08d" % number + b"x" * (size - 8) for number in range(count)]
        self.md5 = [hashlib.md5(body, usedforsecurity=False).hexdigest() for body in self.bodies]
        self.size = size

    def answer(self, method: str, target: str, _: bytes) -> bytes:
        """Answer a request."""
        parts = urlsplit(target)
        path = parts.path.strip("/")
        if path.endswith(".bin"):
            number = int(path.rpartition("/")[2].removesuffix(".bin"))
            headers = f'ETag: "{self.md5[number]}"\r\nX-Repo-Commit: {COMMIT}\r\n'
            whole = make_answer(self.bodies[number], headers, "application/octet-stream")
        else:
            whole = make_answer(json.dumps(self._describe(path, parse_qs(parts.query))).encode())
        return whole.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == "HEAD" else whole

    def _describe(self, path: str, query: dict[str, list[str]]) -> object:
        if path.startswith(f"api/models/{REPOSITORY}/revision"):
            siblings = [{"rfilename": f"{number:08}.bin"} for number in range(self.count)]
            return {"id": REPOSITORY, "modelId": REPOSITORY, "sha": COMMIT, "siblings": siblings}
        if path.startswith(f"api/models/{REPOSITORY}/tree"):
            return [
                {"type": "file", "path": f"{number:08}.bin", "size": self.size, "oid": digest}
                for number, digest in enumerate(self.md5)
            ]
        if path != "data_units":
            return {**COLLECTION, "id": int(path.rpartition("/")[2])}
        collection = int(query["data_collection"][0])
        size = int(query.get("page_size", ["100"])[0])
        page = int(query.get("page", ["1"])[0])
        first, last = (page - 1) * size, min(page * size, self.count)
        following = f"{self.host}/data_units/?page_size={size}&page={page + 1}"
        following += f"&data_collection={collection}"
        return {
            "count": self.count,
            "next": following if last < self.count else None,
            "previous": None,
            "results": [self._unit(number, collection) for number in range(first, last)],
        }

    def _unit(self, number: int, collection: int) -> object:
        name = f"{number:08}.bin"
        file = {"url": f"{self.host}/files/{name}", "path": name, "file_type": "data"}
        if collection == PRESIGNED:
            file["url"] = f"{self.other_host}/files/{name}?{SIGNATURE}"
        file |= {"checksum": self.md5[number], "size": self.size}
        return {
            "id": number + 1,
            "data_collection": collection,
            "files": {"image": file},
            "meta": {},
        }


if __name__ == "__main__":
    files, size, latency = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    asyncio.run(serve(lambda host: Store(files, size, host).answer, latency))
