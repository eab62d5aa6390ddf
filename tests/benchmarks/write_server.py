"""A small, fast loopback server that takes writes of tasks, for measuring clients.

Run as a program, it prints its port and serves until its standard input ends.

Usage: python write_server.py LATENCY_SECONDS COUNT
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

from loopback import make_answer, serve


class Tasks:
    """Some tasks to read, and answers to writes, of which only the number is kept."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.made = count

    def answer(self, method: str, target: str, body: bytes) -> Any:
        """Answer a request."""
        url = urlsplit(target)
        parts = url.path.strip("/").split("/")
        if method == "GET":
            return self._read(parse_qs(url.query))
        document = json.loads(body)
        if parts[-1] == "set_tags":
            return {}
        if method == "POST" and isinstance(document, list):
            first = self.made + 1
            self.made += len(document)
            return [{"id": at, **row} for at, row in enumerate(document, first)]
        if method == "POST":
            self.made += 1
            return {"id": self.made, **document}
        if parts[-1] == "annotate_task_data":
            return {"id": int(parts[1]), "status": "completed", "data": document["data"]}
        return {"id": int(parts[1]), **document}

    def _read(self, query: dict[str, list[str]]) -> Any:
        several = query.get("id__in")
        size, number = (int(query.get(name, ["100"])[0]) for name in ("page_size", "page"))
        number = number if "page" in query else 1
        if "id" in query or several:
            wanted = several[0].split(",") if several else query["id"]
            rows = [self._row(int(one)) for one in wanted]
            return {"count": len(rows), "next": None, "results": rows}
        after = int(query["id__gt"][0]) if "id__gt" in query else (number - 1) * size
        last = min(self.count, *(int(value) - 1 for value in query.get("id__lt", [])), after + size)
        rows = [self._row(one) for one in range(after + 1, last + 1)]
        link = f"?page={number + 1}" if last < self.count else None
        return {"count": self.count, "next": link, "results": rows}

    def _row(self, number: int) -> Any:
        return {"id": number, "status": "pending", "data": None, "tags": [], "meta": {}}


def main(latency: float, count: int) -> None:
    """Serve until standard input ends."""
    tasks = Tasks(count)
    serving = serve(
        lambda _: lambda *request: make_answer(json.dumps(tasks.answer(*request)).encode()), latency
    )
    asyncio.run(serving)


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
