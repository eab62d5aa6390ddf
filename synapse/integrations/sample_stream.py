"""The rows of a query in an order that a seed decides, shared by workers, and resumable."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Generator, Iterator, Mapping
from itertools import chain
from typing import Any

import attrs

from synapse._internal.validate import validate_int
from synapse.errors import UsageError
from synapse.integrations.key_range import find_key_range
from synapse.integrations.query_part import QueryPart
from synapse.integrations.samples import SampleReader, SampleRow

__all__ = ["SampleStream", "StreamPosition"]

_VERSION = 1


@attrs.define
class StreamPosition:
    """The place in one pass over a stream.

    Attributes:
        epoch: Number of the pass, which decides the order.
        part: Number of this worker's part.
        page: Where the part's current page begins: a key, or a number of rows; `None` at the start.
        until: Last key of the page, where pages are ranges of keys.
        row: Number of samples that were read of the page.
        last: Id of the last of these.
    """

    epoch: int = 0
    part: int = 0
    page: int | None = None
    until: int | None = None
    row: int = 0
    last: int | str | None = None


class SampleStream:
    """The rows of a query as a stream.

    Where the server can be asked for ranges of ids, each part is a range, and rows that others add
    later don't move the rest. Elsewhere, each part is a page by number.

    Args:
        reader: The query.
        page_size: Rows per request, among which a page's order is shuffled.
        seed: Number that decides the order; `None` keeps the query's order.
    """

    def __init__(self, reader: SampleReader, page_size: int, seed: int | None) -> None:
        if seed is not None:
            validate_int("seed", seed, minimum=0)
        self._reader = reader
        self._page_size = page_size
        self._seed = seed
        self._count = reader.query.count()
        self._keys = find_key_range(reader.query) if self._count > 1 else None

    def rows(
        self, position: StreamPosition, shard: int, shards: int
    ) -> Generator[SampleRow, None, None]:
        """Yield the rows of one worker from a place on, and note each before it is yielded.

        One request for each page.

        Args:
            position: The place, which goes on with the rows.
            shard: Number of the worker, from 0.
            shards: Number of workers.
        """
        parts = self._divide(position.epoch)[shard::shards]
        while position.part < len(parts):
            for begin, until, rows in self._pages(parts[position.part], position):
                if position.page != begin:
                    position.page, position.until = begin, until
                    position.row, position.last = 0, None
                for row in self._order(rows, position):
                    position.row, position.last = position.row + 1, row["id"]
                    yield row
            position.part, position.page, position.until = position.part + 1, None, None
            position.row, position.last = 0, None

    def state(self) -> dict[str, Any]:
        """Return the values that a resumed stream needs; new rows don't change these values."""
        keys = self._keys
        return {
            "version": _VERSION,
            "seed": self._seed,
            "page_size": self._page_size,
            "count": self._count,
            "keys": None if keys is None else [keys.start, keys.stop, keys.step],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Use the parts of the stream that a state comes from.

        Raises:
            UsageError: The state is of another seed or page size, or isn't a state.
        """
        for name, value in self.state().items():
            if name not in state:
                raise UsageError(f"The state has no {name!r}. Pass a result of state_dict().")
            if name in ("version", "seed", "page_size") and state[name] != value:
                raise UsageError(
                    f"The state has {name}={state[name]!r}, and this data set {value!r}. Resume "
                    "with the same query and arguments."
                )
        self._count = state["count"]
        self._keys = None if state["keys"] is None else range(*state["keys"])

    def _divide(self, epoch: int) -> list[QueryPart]:
        reader = self._reader
        part = QueryPart(reader.query, reader.names, "json", self._page_size, self._keys)
        parts = [each for each, _ in part.divide(self._count, -(-self._count // self._page_size))]
        if self._seed is not None:
            # Texts as seeds: the same order in every process and version of Python.
            random.Random(f"{self._seed} {epoch}").shuffle(parts)  # noqa: S311 - no secret
        return parts if self._count else []

    def _pages(
        self, part: QueryPart, position: StreamPosition
    ) -> Iterator[tuple[int, int | None, list[SampleRow]]]:
        """Yield the pages of a part from a place on, each with the begin and the last key."""
        begin = position.page
        if self._keys is None:
            start = begin or 0
            for rows in part.slice(start, None).pages():
                yield start, None, list(self._reader.slim(rows))
                start += len(rows)
            return
        if begin is not None and position.until is not None:
            # The same rows as before, less those that are gone: none of the next page moves up.
            until = position.until
            first, last = sorted((begin, until))
            again = part.narrow(gte=first, lte=last).pages()
            yield begin, until, list(self._reader.slim(chain.from_iterable(again)))
            part = part.narrow(gt=until) if self._keys.step > 0 else part.narrow(lt=until)
        for rows in part.pages():
            found = list(self._reader.slim(rows))
            yield found[0]["id"], found[-1]["id"], found

    def _order(self, rows: list[SampleRow], position: StreamPosition) -> list[SampleRow]:
        """Return the rest of a page in the order of a pass; a row that is gone moves no other."""
        last = position.last
        if self._seed is not None:
            salt = f"{self._seed} {position.epoch} "
            places = {row["id"]: _digest(f"{salt}{row['id']}") for row in rows}
            start = b"" if last is None else _digest(f"{salt}{last}")
            rest = [row for row in rows if places[row["id"]] > start]
            return sorted(rest, key=lambda row: places[row["id"]])
        ids = [row["id"] for row in rows]
        if last is None or last in ids:
            return rows if last is None else rows[ids.index(last) + 1 :]
        if self._keys is None:
            return rows[position.row :]
        step = self._keys.step
        return [row for row in rows if (row["id"] - last) * step > 0]


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
