"""Send lists of items in batches whose size the server's responses decide."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Generic, TypeVar

import attrs

from synapse.errors import BadRequest, ClientError, PayloadTooLarge, is_transient_status
from synapse.transport.list_errors import reasons_by_position

__all__ = ["Batch", "BatchSize", "find_smaller_size", "match_rows", "read_batches", "send_batch"]

T = TypeVar("T")

# Seconds for one batch, at most a quarter of the read timeout: longer ones risk the timeout.
_SLOW = 5.0
# Part of those seconds below which batches may grow again.
_FAST = 0.25
# How often a batch whose response was lost is divided and sent again.
_MOST_LOST = 3

_TOO_MANY = re.compile(
    r"too (?:many|large|big|long)|no more than|at most|maximum|limit|exceed|up to", re.IGNORECASE
)
_NUMBER = re.compile(r"\d+")


class BatchSize:
    """The number of items for the next request, from any thread.

    Args:
        largest: The largest number.
        read_timeout: Seconds after which the session gives up reading.
    """

    def __init__(self, largest: int, read_timeout: float) -> None:
        self._most = self._size = largest
        self._slow = min(_SLOW, read_timeout / 4)
        self._lock = threading.Lock()

    @property
    def now(self) -> int:
        """The number of items for the next request."""
        return self._size

    def record_time(self, length: int, seconds: float) -> None:
        """Divide a slow size by two; double the size after a fast batch of that size."""
        with self._lock:
            if seconds > self._slow:
                self._size = max(1, min(self._size, length // 2))
            elif seconds < self._slow * _FAST and length >= self._size:
                self._size = min(self._most, 2 * self._size)

    def shrink(self, size: int, *, for_good: bool) -> None:
        """Use a smaller size.

        Args:
            size: The size.
            for_good: Whether the server refuses larger batches.
        """
        with self._lock:
            self._size = max(1, min(self._size, size))
            if for_good:
                self._most = max(1, min(self._most, size))


@attrs.define(eq=False)
class Batch(Generic[T]):
    """Consecutive items of the input, sent by one request or, if the server wants, by several.

    Attributes:
        start: Position of the first item in the input.
        items: The items.
        rows: What the server returned for the first items.
        in_flight: Number of items after those whose request has no response.
    """

    start: int
    items: list[T]
    rows: list[Any] = attrs.field(factory=list)
    in_flight: int = 0

    @property
    def sent(self) -> int:
        """Position in the input after the items that were processed."""
        return self.start + len(self.rows)


def read_batches(items: Iterable[T], size: BatchSize) -> Iterator[Batch[T]]:
    """Read items batch by batch, each with the size that is right at that time."""
    source, start = iter(items), 0
    while part := list(islice(source, size.now)):
        yield Batch(start, part)
        start += len(part)


def send_batch(
    batch: Batch[T],
    send: Callable[[list[T]], list[Any]],
    size: BatchSize,
    *,
    is_repeatable: bool = False,
) -> None:
    """Send a batch, divided as the server demands. One request, or more if batches are too large.

    After an error, `batch` says how far it got; a further call goes on there.

    Args:
        batch: The batch.
        send: Sends some of the items; returns a row for each.
        size: The size of batches.
        is_repeatable: Whether a part may be sent twice, when its response was lost.

    Raises:
        ClientError: The server refused a part, or the part's response was lost.
    """
    lost = 0
    while len(batch.rows) < len(batch.items):
        done = len(batch.rows)
        part = batch.items[done : done + size.now]
        batch.in_flight = len(part)
        started = time.monotonic()
        try:
            rows = send(part)
        except ClientError as error:
            smaller = find_smaller_size(error, len(part))
            if smaller is not None:
                size.shrink(smaller, for_good=True)
            elif is_repeatable and _was_lost(error) and lost < _MOST_LOST:
                lost += 1
                size.shrink(len(part) // 2, for_good=False)
            else:
                raise
            continue
        batch.rows += rows
        batch.in_flight = 0
        size.record_time(len(part), time.monotonic() - started)


def find_smaller_size(error: ClientError, length: int) -> int | None:
    """Return a size that a server may accept, if it refused a batch for its size.

    Args:
        error: The refusal.
        length: Number of items that were refused.

    Example:
        >>> find_smaller_size(BadRequest(400, response=["At most 100 objects."]), 500)
        100
        >>> find_smaller_size(BadRequest(400, response={"3": {"name": ["Too long."]}}), 500)
    """
    if length < 2:
        return None
    if isinstance(error, PayloadTooLarge):
        return length // 2
    if not isinstance(error, BadRequest):
        return None
    response = error.response
    texts = [response] if isinstance(response, str) else response
    is_of_items = not isinstance(texts, list) or not all(isinstance(one, str) for one in texts)
    if is_of_items and reasons_by_position(response):
        return None
    text = json.dumps(response, ensure_ascii=False) if response is not None else error.detail
    if not _TOO_MANY.search(text) or "character" in text:
        return None
    sizes = [int(number) for number in _NUMBER.findall(text) if 0 < int(number) < length]
    return max(sizes, default=length // 2)


def _was_lost(error: ClientError) -> bool:
    return is_transient_status(error.status_code) and error.may_have_been_processed


def match_rows(bodies: list[dict[str, Any]], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a server's rows in the order of the request's bodies.

    Servers usually keep the order, and fields that the server changed don't show it. So rows are
    moved only if the values of some field are those of the request in another order.

    Args:
        bodies: The objects of the request.
        rows: As many objects of the response.
    """
    names = set(bodies[0]).intersection(rows[0]) if bodies else set()
    if not any(_is_moved(bodies, rows, name) for name in names):
        return rows
    kept = [name for name in names if _counts(bodies, name) == _counts(rows, name)]
    by_values: defaultdict[tuple[str, ...], deque[dict[str, Any]]] = defaultdict(deque)
    for row in rows:
        by_values[tuple(_text(row.get(name)) for name in kept)].append(row)
    ordered = []
    for body in bodies:
        found = by_values[tuple(_text(body.get(name)) for name in kept)]
        if not found:
            return rows
        ordered.append(found.popleft())
    return ordered


def _is_moved(bodies: list[dict[str, Any]], rows: list[dict[str, Any]], name: str) -> bool:
    """Return whether a field has the same values in another order."""
    sent, received = ([each.get(name) for each in objects] for objects in (bodies, rows))
    if sent == received or sent[0] not in received:  # nearly always
        return False
    return _counts(bodies, name) == _counts(rows, name)


def _counts(objects: list[dict[str, Any]], name: str) -> Counter[str]:
    return Counter(_text(each.get(name)) for each in objects)


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
