"""Create objects in batches, several batches in flight, and report exactly what was created."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Generic, NoReturn, TypeVar

from synapse.errors import (
    BulkError,
    ClientError,
    FieldValueError,
    InvalidQuery,
    InvalidResponse,
    SynapseError,
    UsageError,
)
from synapse.orm._typing import Entity
from synapse.orm.session_base import SessionBase
from synapse.transport.batches import Batch, BatchSize, match_rows, read_batches, send_batch
from synapse.transport.in_flight import InFlight, ItemOutcome
from synapse.transport.list_errors import describe_reasons, reasons_by_position

__all__ = ["BulkCreation", "InvalidItem"]

T = TypeVar("T", bound=Entity)
Body = dict[str, Any]


class InvalidItem(Exception):
    """An item of the input can't be created.

    Args:
        position: The item's position.
        reason: The error.
    """

    def __init__(self, position: int, reason: UsageError | FieldValueError) -> None:
        super().__init__(f"item {position}: {reason}")
        self.position = position
        self.reason = reason


class BulkCreation(Generic[T]):
    """One run over the bodies of new objects.

    Args:
        session: The session.
        resource: The class of the objects.
        bodies: The bodies; may raise `InvalidItem`.
        batch_size: Largest number of objects in a request.
        workers: Largest number of requests in flight.
        keeps: Whether an error shall have all objects, or only those that weren't yielded.
    """

    def __init__(
        self,
        session: SessionBase,
        resource: type[T],
        bodies: Iterable[Body],
        *,
        batch_size: int,
        workers: int,
        keeps: bool,
    ) -> None:
        self._session = session
        self._resource = resource
        self._plural = resource.__schema__.plural
        self._size = BatchSize(batch_size, session.transport.settings.timeout.read)
        batches = read_batches(bodies, self._size)
        self._flights = InFlight(session.transport, self._send, batches, workers, "synapse-create")
        self._keeps = keeps
        self._yielded = 0
        self._created: list[T] = []
        self._positions: list[range] = []
        self._failed: list[ClientError] = []
        self._refused = range(0)
        self._uncertain: list[range] = []
        self._errors: dict[int, Any] = {}

    def run(self) -> Iterator[list[T]]:
        """Yield the objects of each batch, in order of the bodies.

        Raises:
            BulkError: The server refused a batch, or objects were made before another error.
        """
        try:
            for outcome in self._flights:
                created = self._note(outcome)
                self._flights.settle()
                if outcome.error is not None:
                    raise outcome.error
                if not self._keeps:
                    self._created.clear()
                    self._positions.clear()
                self._yielded += len(created)
                yield created
        except BaseException as error:
            for outcome in self._flights.land():
                self._note(outcome)
            if isinstance(error, GeneratorExit):
                raise
            self._report(error)
        finally:
            # It refers to this object, and both to the created ones, which a caller may let go.
            del self._flights

    # -- Requests ----------------------------------------------------------------------------

    def _send(self, batch: Batch[Body]) -> None:
        send_batch(batch, self._post, self._size)

    def _post(self, bodies: list[Body]) -> list[Any]:
        label = f"{len(bodies)} new {self._plural}"
        path, transport = self._resource.__schema__.path, self._session.transport
        rows = transport.request("POST", path, json=bodies, resource=label)
        if (
            not isinstance(rows, list)
            or len(rows) != len(bodies)
            or not all(isinstance(row, dict) for row in rows)
        ):
            raise InvalidResponse(
                200, "the response is not a list of the new objects", response=rows, resource=label
            )
        return match_rows(bodies, rows)

    # -- Reports -----------------------------------------------------------------------------

    def _note(self, outcome: ItemOutcome[Batch[Body], None]) -> list[T]:
        """Note the end of a batch; return its objects."""
        batch, error = outcome.item, outcome.error
        rows, in_flight = list(batch.rows), batch.in_flight
        try:
            created = self._session.identity.load(self._resource, rows)
        except InvalidResponse as malformed:
            created, rows, in_flight = [], [], len(batch.items)
            error = outcome.error = malformed
        start = batch.start + len(rows)
        self._created += created
        self._positions.append(range(batch.start, start))
        if outcome.is_open:
            in_flight = len(batch.items) - len(rows)
        part = range(start, start + in_flight)
        if isinstance(error, ClientError):
            if not self._failed:
                self._refused = part
            self._failed.append(error)
            if not error.may_have_been_processed:
                reasons = reasons_by_position(error.response)
                self._errors.update({start + at: reason for at, reason in reasons.items()})
                return created
        elif error is None or isinstance(error, SynapseError):
            return created  # other errors of ours are raised before sending
        if part:
            self._uncertain.append(part)
        return created

    def _report(self, error: BaseException) -> NoReturn:
        """Raise an error that says which objects were made."""
        made = self._yielded if not self._keeps else 0
        made += sum(map(len, self._positions))
        if isinstance(error, InvalidItem):
            if not made and not self._uncertain:
                kinds = (InvalidQuery, UsageError, FieldValueError)
                kind = next(kind for kind in kinds if isinstance(error.reason, kind))
                raise kind(str(error)) from None
            self._errors[error.position] = str(error.reason)
            text = f"{error} {self._count_made(error.position)}; {self._name_created()}."
            raise self._build(text) from error.reason
        if isinstance(error, ClientError) and self._failed:
            raise self._build(self._describe_refusal()) from self._failed[0]
        if not made and not self._uncertain:
            raise error
        stopped = self._build(self._describe_stop(error, made))
        if isinstance(error, Exception):
            raise stopped from error
        if isinstance(error, KeyboardInterrupt) and not error.args:
            error.args = (f"{stopped} This error's __cause__ is a BulkError.",)
        raise error from stopped

    def _build(self, message: str) -> BulkError:
        return BulkError(
            message,
            created=self._created,
            positions=[at for part in self._positions for at in part],
            uncertain=[at for part in self._uncertain for at in part],
            errors=self._errors,
            cause=self._failed[0] if self._failed else None,
        )

    def _count_made(self, position: int) -> str:
        """Describe the number of objects that were made before and after a position."""
        later = sum(len(part) for part in self._positions if part.start > position)
        earlier = sum(map(len, self._positions)) - later
        earlier += 0 if self._keeps else self._yielded
        after = f" and {later} after it (err.positions)" if later else ""
        return f"{earlier} were made before it{after}"

    def _name_created(self) -> str:
        which = "them" if self._keeps else "those that were not yielded"
        return f"err.created has {which}"

    def _describe_refusal(self) -> str:
        error, part = self._failed[0], self._refused
        what = f"The batch of {self._plural} from {part.start} to {part.stop - 1}"
        reasons = {at: reason for at, reason in self._errors.items() if at in part}
        which = f"{len(reasons)} of them" if reasons else "them"
        # The response has the positions in the request.
        detail = describe_reasons(reasons) or error.detail
        if error.may_have_been_processed:
            outcome, why = "may have been made or not", str(error).rstrip(".")
        elif error.status_code < 500:
            outcome, why = "was not made", f"the server refused {which} ({detail})"
        else:
            outcome, why = "was not made", str(error).rstrip(".")
        others = sum(len(each) for each in self._uncertain if each.start != part.start)
        more = f" {others} others may have been made or not (err.uncertain)." if others else ""
        where = ", err.errors the reasons by position" if reasons else ""
        return (
            f"{what} {outcome}: {why}. {self._count_made(part.start)}; "
            f"{self._name_created()}{where}.{more}"
        )

    def _describe_stop(self, error: BaseException, made: int) -> str:
        why = f" ({type(error).__name__}: {error})" if isinstance(error, Exception) else ""
        verb = "bulk_create" if self._keeps else "create_batches"
        text = f"{verb}() stopped{why} after {made} {self._plural} were made; "
        text += self._name_created()
        if self._uncertain:
            parts = [f"from {part.start} to {part.stop - 1}" for part in self._uncertain]
            which = f"batch {parts[0]}" if len(parts) == 1 else f"batches {', '.join(parts)}"
            return (
                f"{text}. The {which} may have been made or not: look on the server before you "
                "send them again."
            )
        end = max((part.stop for part in self._positions if part), default=self._yielded)
        return f"{text}. Item {end} and later ones were not sent."
