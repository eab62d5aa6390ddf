"""A loopback server with a list of any length, which answers bounds on the id in constant memory.

Run as a program, it prints its port and serves until its standard input ends. A row is one of ten
prepared ones with another id, so that a page costs the same at any depth.

Usage: python long_list_server.py ROWS LATENCY_SECONDS
"""

from __future__ import annotations

import asyncio
import json
import sys
from urllib.parse import parse_qs, urlencode, urlsplit

from loopback import make_answer, serve
from page_server import row

_ID = "the id"


class LongList:
    """Rows with the ids from 1 on.

    Args:
        count: Number of rows.
        host: The server's address.
    """

    def __init__(self, count: int, host: str) -> None:
        self.count, self.host = count, host
        texts = [json.dumps({**row(number), "id": _ID}) for number in range(10)]
        self._parts = [text.encode().split(f'"{_ID}"'.encode()) for text in texts]

    def answer(self, _method: str, target: str, _body: bytes) -> bytes:
        """Answer a request for a page."""
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        size, page = int(query.get("page_size", "100")), int(query.get("page", "1"))
        low = max(int(query.get("id__gt", "0")) + 1, int(query.get("id__gte", "1")))
        high = min(int(query.get("id__lt", "9" * 18)) - 1, int(query.get("id__lte", "9" * 18)))
        low, high = max(low, 1), min(high, self.count)
        total = max(0, high - low + 1)
        skipped = (page - 1) * size
        if query.get("ordering", "id") == "id":
            ids = range(low + skipped, min(low + skipped + size, high + 1))
        else:
            ids = range(high - skipped, max(high - skipped - size, low - 1), -1)
        following = "null"
        if skipped + len(ids) < total:
            link = urlencode({**query, "page": page + 1})
            following = json.dumps(f"{self.host}{parts.path}?{link}")
        head = f'{{"count": {total}, "next": {following}, "previous": null, "results": ['
        rows = b", ".join(self._make_row(number) for number in ids)
        return make_answer(head.encode() + rows + b"]}")

    def _make_row(self, number: int) -> bytes:
        before, after = self._parts[number % 10]
        return b"%b%d%b" % (before, number, after)


if __name__ == "__main__":
    asyncio.run(serve(lambda host: LongList(int(sys.argv[1]), host).answer, float(sys.argv[2])))
