"""A small, fast loopback server with prepared pages, for measuring clients and not servers.

Run as a program, it prints its port and serves until its standard input ends. Every page is made
before the first request. The same rows come in three shapes: pages of the platform, of NetBox
(`limit` and `offset`) and of GitLab (a bare list with paging headers). With `peers` there are also
pages of Label Studio and CVAT.

Usage: python page_server.py COUNT LATENCY_SECONDS [peers]
"""

from __future__ import annotations

import asyncio
import json
import sys
from functools import partial
from urllib.parse import parse_qs, urlsplit

from loopback import Answer, make_answer, serve
from peer_rows import make_pages

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
            made[shape, page] = make_answer(body.encode(), headers)
    return made


def answer_one(number: int) -> bytes:
    """Make the answer for one row of the platform's shape."""
    return make_answer(json.dumps(row(number)).encode())


class Pages:
    """Prepared pages."""

    def __init__(self, made: dict[tuple[str, int], bytes]) -> None:
        self._made = made

    def answer(self, _method: str, target: str, _body: bytes) -> bytes:
        """Answer a request for a page, or for one row."""
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        page = int(query.get("page", ["1"])[0])
        if "offset" in query:
            page = int(query["offset"][0]) // PER_PAGE + 1
        if parts.path.startswith("/tasks/"):
            return answer_one(int(parts.path.strip("/").rpartition("/")[2]))
        missing = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"
        return self._made.get((parts.path, page), missing)


def prepare(count: int, host: str, *, has_peers: bool) -> Answer:
    """Make every page."""
    made = answers(count, host)
    if has_peers:
        made |= {
            (path, page): make_answer(body)
            for path, page, body in make_pages(count, PER_PAGE, host)
        }
    return Pages(made).answer


if __name__ == "__main__":
    prepared = partial(prepare, int(sys.argv[1]), has_peers="peers" in sys.argv[3:])
    asyncio.run(serve(prepared, float(sys.argv[2])))
