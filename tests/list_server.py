"""A list over HTTP, as several kinds of servers offer it."""

from __future__ import annotations

import hashlib
import random
import re
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qs, urlsplit

from json_server import JsonHandler, JsonServer

Row = dict[str, Any]
Query = dict[str, list[str]]

_BOUNDS: dict[str, Callable[[int, int], bool]] = {
    "gt": int.__gt__,
    "gte": int.__ge__,
    "lt": int.__lt__,
    "lte": int.__le__,
}


class ListServer(JsonServer):
    """A server with one list at any path.

    Attributes:
        rows: The rows.
        key: Their unique field.
        default_order: The order without `ordering=`, as in `ordering=`; `None` for that of `rows`.
        has_ordering: Whether the server honours `ordering=`, or ignores it.
        has_bounds: Whether the server honours `id__gt=` and the like, or ignores them.
        is_sorted: Whether `rows` are in the order of the key, which makes long lists fast.
        is_strict: Whether the server refuses bounds that it doesn't know with 400.
        filters: Fields that the list can be filtered by.
        has_cursors: Whether the server honours `pagination=cursor`.
        deepest_page: The last page by number that the server answers.
        max_page_size: Largest page.
        longest_query: Longest query that the server answers.
        answers_left: Number of requests until the server answers 503 to all.
        count: The total that pages show; `None` for the true one.
        shuffles_ties: Whether rows that compare equal come in another order on each page.
        before: Called before each request, with the query: lets the list change meanwhile.
        queries: The queries so far.
        cost: Rows that a database would have passed over for the requests so far.
    """

    def __init__(self, rows: list[Row], *, key: str = "id") -> None:
        self.rows = rows
        self.key = key
        self.default_order: str | None = None
        self.has_ordering = True
        self.has_bounds = True
        self.is_sorted = False
        self.is_strict = False
        self.filters: set[str] = set()
        self.longest_query = 10**9
        self.has_cursors = True
        self.deepest_page = 10**9
        self.max_page_size = 10**9
        self.answers_left = 10**9
        self.count: int | None = None
        self.shuffles_ties = False
        self.before: Callable[[Query], object] = lambda query: None
        self.queries: list[Query] = []
        self.cost = 0
        self._lock = threading.Lock()
        owner = self

        class Handler(JsonHandler):
            def do_GET(self) -> None:  # noqa: N802 - the name that the base calls
                with owner._lock:
                    status, document = owner.answer(self.path)
                self.reply(status, document)

        super().__init__(Handler)

    def forget_queries(self) -> None:
        """Forget the queries so far, and those that a stopped call of this process still sends."""
        for thread in threading.enumerate():
            if thread.name.startswith("synapse-pages"):
                thread.join()
        self.queries.clear()

    def answer(self, target: str) -> tuple[int, Any]:
        text = urlsplit(target).query
        query = parse_qs(text, keep_blank_values=True)
        if len(text) > self.longest_query:
            return 414, {"detail": "The address is too long."}
        self.before(query)
        self.queries.append(query)
        self.answers_left -= 1
        if self.answers_left < 0:
            return 503, {"detail": "Down."}
        if self.is_strict and any("__" in name for name in query):
            return 400, {"detail": "Unknown filter."}
        rows = self._filter(query)
        size = min(int(query.get("page_size", ["100"])[0]), self.max_page_size)
        if self.has_cursors and query.get("pagination") == ["cursor"]:
            return 200, self._cursor_page(rows, query, size)
        number = int(query.get("page", ["1"])[0])
        start = (number - 1) * size
        self.cost += start + size
        if number > self.deepest_page:
            return 504, {"detail": "The database takes too long."}
        if start and start >= len(rows):
            return 404, {"detail": "Invalid page."}
        rows = self._sort(rows, query)
        is_last = start + size >= len(rows)
        link = None if is_last else f"http://elsewhere.invalid/x/?page={number + 1}"
        count = len(rows) if self.count is None else self.count
        return 200, {"count": count, "next": link, "results": rows[start : start + size]}

    def _filter(self, query: Query) -> list[Row]:
        rows = self.rows
        for name, values in query.items():
            field, _, bound = name.partition("__")
            if bound in _BOUNDS and field == self.key and self.is_sorted and self.has_bounds:
                limit, key = int(values[-1]), itemgetter(field)
                place = (bisect_right if bound in ("gt", "lte") else bisect_left)(
                    rows, limit, key=key
                )
                rows = rows[place:] if bound in ("gt", "gte") else rows[:place]
            elif bound in _BOUNDS and field == self.key and self.has_bounds:
                limit, holds = int(values[-1]), _BOUNDS[bound]
                rows = [row for row in rows if holds(row[field], limit)]
            elif bound == "in":
                wanted = set(values[0].split(","))
                rows = [row for row in rows if str(row[field]) in wanted]
            elif name in self.filters:
                rows = [row for row in rows if _matches(row[name], values)]
        return rows

    def _sort(self, rows: list[Row], query: Query) -> list[Row]:
        wanted = query.get("ordering") if self.has_ordering else None
        ordering = wanted[0] if wanted else self.default_order
        if self.is_sorted and ordering in (self.key, f"-{self.key}"):
            return rows if ordering == self.key else rows[::-1]
        if self.shuffles_ties:
            rows = random.Random(len(self.queries)).sample(rows, len(rows))
        for name in reversed((ordering or "").split(",")):
            if name:
                field = name.lstrip("-")
                rows = sorted(rows, key=lambda row: row[field], reverse=name[0] == "-")
        return rows

    def _cursor_page(self, rows: list[Row], query: Query, size: int) -> Any:
        rows = self._sort(rows, query)
        after = query.get("cursor")
        if after is not None and self.is_sorted:
            sign = 1 if rows[0][self.key] <= rows[-1][self.key] else -1
            last = sign * int(after[0])
            rows = rows[bisect_right(rows, last, key=lambda row: sign * row[self.key]) :]
        elif after is not None:
            places = [n for n, row in enumerate(rows) if str(row[self.key]) == after[0]]
            rows = rows[places[0] + 1 :] if places else rows
        self.cost += size
        page = rows[:size]
        more = {**{name: values[0] for name, values in query.items()}}
        more["cursor"] = str(page[-1][self.key]) if page else ""
        link = "?" + "&".join(f"{name}={value}" for name, value in more.items())
        return {"next": link if len(rows) > size else None, "results": page}


def _matches(value: Any, wanted: list[str]) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(str(one) in wanted for one in values)


class FileServer(ListServer):
    """A list of data units in the order of the key, and their files.

    Attributes:
        fetched: Ids of the units whose files were requested.
    """

    def __init__(self, keys: Iterable[int]) -> None:
        super().__init__([make_unit(key) for key in keys])
        self.default_order, self.is_sorted = "id", True
        self.fetched: list[int] = []

    def answer(self, target: str) -> tuple[int, Any]:
        if found := re.match(r"/media/(\d+)\?", target):
            self.fetched.append(int(found[1]))
            return 200, int(found[1])
        return super().answer(target)


def make_unit(key: int) -> Row:
    """Return the row of a unit with a file, which has the key as content."""
    content = str(key).encode()
    file = {
        "path": f"{key}.txt",
        "url": f"/media/{key}?X-Amz-Signature=5ecret",
        "size": len(content),
        "checksum": hashlib.md5(content).hexdigest(),
    }
    return {"id": key, "files": {"text": file}, "meta": {"n": key}}
