"""Create many objects in few requests, each once, even when a response is lost.

If the response to a POST is lost, the server may have created all of the batch or none. The batch
is set aside, and the server is asked later. Objects that are still missing twice the session's read
timeout after the POST are requested again: by then the server is done with the lost request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from synapse.errors import (
    BadRequest,
    ClientError,
    ConnectionFailed,
    InvalidResponse,
    NotFound,
    PayloadTooLarge,
    RequestTimeout,
    ServerError,
    SynapseError,
    ValidationError,
)
from synapse.transfer.bulk.pipeline import Pipeline
from synapse.transfer.bulk.upload_item import PendingCreate, UploadItem
from synapse.transport import Transport

__all__ = ["BatchCreator"]

_GIVES_WAY = 5
"""How many batches whose outcome isn't known are put aside, before they are looked into."""

_MOST_LOST = 3
"""How often a record may have its answer lost in one run."""

_LOOK_AGAIN = 0.5


class BatchCreator:
    """Makes one thing for each record. A subclass says which.

    Args:
        transport: The way to the server.
        line: Says when to stop.
        batch_size: How many at once.
        on_made: Called with the records that have theirs.
        on_failed: Called with a record that can't have one, and why.
    """

    what = "things"

    def __init__(
        self,
        transport: Transport,
        line: Pipeline,
        *,
        batch_size: int,
        on_made: Callable[[list[UploadItem]], None],
        on_failed: Callable[[UploadItem, SynapseError], None],
    ) -> None:
        self.transport = transport
        self.batch_size = batch_size
        self._line = line
        self._on_made = on_made
        self._on_failed = on_failed
        self._unknown: list[tuple[UploadItem, PendingCreate]] = []

    def make(self, records: list[UploadItem]) -> None:
        """Make those of some records. One request, or more when some are refused."""
        fresh: list[UploadItem] = []
        # They come as they are done; in the order of the source, ids are easier to follow.
        for record in sorted(records, key=lambda one: one.number):
            asked = self.asked(record)
            if asked is None:
                fresh.append(record)
            else:
                self._unknown.append((record, asked))
        if len(self._unknown) >= _GIVES_WAY * self.batch_size:
            self.settle()
        if fresh:
            self._post(fresh)

    def settle(self) -> None:
        """Find out the outcome of the batches set aside, and create the rest."""
        longest = 2 * self.transport.settings.timeout.read
        while self._unknown:
            unknown, self._unknown = self._unknown, []
            # Looked at before the server is asked: what is not there then may come after.
            now = time.time()
            found = self._look_up(unknown)
            made = [record for record, _ in unknown if id(record) in found]
            for record in made:
                self.take(record, found[id(record)])
            if made:
                self.note_made(made)
                self._on_made(made)
            again: list[UploadItem] = []
            for record, asked in unknown:
                if id(record) in found:
                    continue
                if 0 <= now - asked.at < longest:
                    self._unknown.append((record, asked))
                else:
                    again.append(record)
            for start in range(0, len(again), self.batch_size):
                self._post(again[start : start + self.batch_size])
            if self._unknown:
                self._line.wait(min(_LOOK_AGAIN, longest))

    # -- What a subclass says ----------------------------------------------------------------

    path = ""

    def asked(self, record: UploadItem) -> PendingCreate | None:
        """Return an item's pending request, if its outcome is unknown."""
        raise NotImplementedError

    def body(self, record: UploadItem) -> dict[str, Any]:
        """Return the request body for an item."""
        raise NotImplementedError

    def note_asked(self, records: Sequence[UploadItem]) -> PendingCreate:
        """Note that they are about to be asked for."""
        raise NotImplementedError

    def note_made(self, records: Sequence[UploadItem]) -> None:
        """Note that they are made."""
        raise NotImplementedError

    def note_refused(self, records: Sequence[UploadItem]) -> None:
        """Note that they weren't made."""
        raise NotImplementedError

    def take(self, record: UploadItem, row: Mapping[str, Any]) -> None:
        """Store the server's row of an item."""
        raise NotImplementedError

    def look_up(
        self, unknown: Sequence[tuple[UploadItem, PendingCreate]]
    ) -> dict[int, Mapping[str, Any]]:
        """Ask the server which objects exist; by the item's identity."""
        raise NotImplementedError

    # -- Inside ------------------------------------------------------------------------------

    def _look_up(
        self, unknown: list[tuple[UploadItem, PendingCreate]]
    ) -> dict[int, Mapping[str, Any]]:
        try:
            return self.look_up(unknown)
        except (BadRequest, NotFound) as error:
            for record, _ in unknown:
                self._on_failed(record, error)
            unknown.clear()
            return {}

    def _post(self, records: list[UploadItem]) -> None:
        self._line.check()
        asked = self.note_asked(records)
        what = f"{len(records)} new {self.what}"
        try:
            rows = self.transport.request(
                "POST", self.path, json=[*map(self.body, records)], resource=what
            )
            if not isinstance(rows, list) or len(rows) != len(records):
                raise InvalidResponse(
                    200, "the answer is not a list of what was made", response=rows, resource=what
                )
        except ClientError as error:
            self._survive(records, asked, error)
            return
        for record, row in zip(records, rows, strict=True):
            self.take(record, row)
        self.note_made(records)
        self._on_made(records)

    def _survive(self, records: list[UploadItem], asked: PendingCreate, error: ClientError) -> None:
        """Handle a batch that failed, or whose outcome is unknown."""
        if isinstance(error, ConnectionFailed) and not error.was_sent:
            self._give_up(records, error)
        elif isinstance(error, (ServerError, RequestTimeout)):
            # Broken, late, or from something that stands in front of the server.
            if all(record.lost < _MOST_LOST for record in records):
                for record in records:
                    record.lost += 1
                self._unknown += [(record, asked) for record in records]
            else:
                self._give_up(records, error, is_refused=False)
        elif isinstance(error, (BadRequest, PayloadTooLarge)):
            self._divide(records, error)
        else:
            self._give_up(records, error)

    def _divide(self, records: list[UploadItem], error: ClientError) -> None:
        """Create the valid items of a refused batch."""
        reasons = dict(_by_position(error.response))
        self.note_refused(records)
        bad = {place for place, reason in reasons.items() if reason and place < len(records)}
        if bad:
            for place in sorted(bad):
                self._on_failed(records[place], _one_error(error, reasons[place], self.what))
            good = [record for place, record in enumerate(records) if place not in bad]
            if good:
                self._post(good)
        elif len(records) > 1:
            middle = len(records) // 2
            self._post(records[:middle])
            self._post(records[middle:])
        else:
            self._on_failed(records[0], error)

    def _give_up(
        self, records: list[UploadItem], error: ClientError, *, is_refused: bool = True
    ) -> None:
        if is_refused:
            self.note_refused(records)
        for record in records:
            self._on_failed(record, error)


def _by_position(reasons: Any) -> Iterator[tuple[int, Any]]:
    """Read the reasons of a refused list: older servers answer a list, newer ones a mapping."""
    if isinstance(reasons, list):
        yield from enumerate(reasons)
    elif isinstance(reasons, Mapping):
        for place, reason in reasons.items():
            if str(place).isdecimal():
                yield int(place), reason


def _one_error(error: ClientError, reason: Any, what: str) -> ValidationError:
    """Make an error about one item of a refused list."""
    fields = reason if isinstance(reason, Mapping) else {"non_field_errors": reason}
    parts = []
    for name, texts in fields.items():
        items = texts if isinstance(texts, list) else [texts]
        parts.append(f"{name}: {' '.join(map(str, items))}")
    return ValidationError(
        error.status_code,
        "; ".join(parts),
        fields=dict(fields),
        request_id=error.request_id,
        method=error.method,
        url=error.url,
        response=reason,
        resource=f"one of the new {what}",
    )
