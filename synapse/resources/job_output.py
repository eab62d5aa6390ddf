"""The output of a job: the printed lines, with levels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, overload

import attrs

from synapse._internal.described import Described, Description
from synapse.errors import InvalidResponse
from synapse.orm.convert import ValueObject, structure_hook
from synapse.resources.enums import LogLevel

if TYPE_CHECKING:
    from synapse.resources.jobs import Job

__all__ = ["ConsoleLine", "JobOutput"]

_PAGE = 1000


@attrs.frozen(kw_only=True, repr=False)
class ConsoleLine(ValueObject):
    """A line that a job printed; `str()`, and so `print()`, gives the message.

    Attributes:
        message: The line.
        level: Severity, if the server knows the severity.
        created: Time of printing, if the server knows the time.
    """

    message: str
    level: LogLevel | str | None = None
    created: datetime | None = None

    def __str__(self) -> str:
        return self.message


class JobOutput(Described):
    """The lines that a job has printed so far; each iteration fetches them again.

    Making this object makes no request. Iterating makes one request for each thousand lines; a
    server without pages of lines sends all at once.

    Args:
        job: The job.

    Example:
        >>> job = session.plugins.create(name="Detector").run("train")
        >>> log = job.update(console_logs=["one", "two", "three"]).logs()
        >>> [line.message for line in log], log.last(1)[0].message, log.count()
        (['one', 'two', 'three'], 'three', 3)
    """

    def __init__(self, job: Job) -> None:
        self._job = job

    def __iter__(self) -> Iterator[ConsoleLine]:
        number = 1
        while True:
            rows, _, has_next = self._page(number, _PAGE)
            yield from map(_parse_line, rows)
            if not (has_next and rows):
                return
            number += 1

    @overload
    def __getitem__(self, key: int) -> ConsoleLine: ...
    @overload
    def __getitem__(self, key: slice) -> list[ConsoleLine]: ...
    def __getitem__(self, key: int | slice) -> ConsoleLine | list[ConsoleLine]:
        if key == -1:
            return self.last(1)[-1]
        return list(self)[key]

    def last(self, count: int = 20) -> list[ConsoleLine]:
        """Return the last lines. One to three requests.

        Args:
            count: How many, at most a thousand.

        Example:
            >>> job = session.plugins.create(name="Detector").run("train")
            >>> log = job.update(console_logs=[f"epoch {n}" for n in range(50)]).logs()
            >>> [line.message for line in log.last(2)]
            ['epoch 48', 'epoch 49']
        """
        count = max(0, min(count, _PAGE))
        if not count:
            return []
        rows, total, has_next = self._page(1, count)
        if has_next and rows:
            size = len(rows)
            number = -(-total // size)
            rows, _, _ = self._page(number, count)
            if len(rows) < count and number > 1:
                earlier, _, _ = self._page(number - 1, count)
                rows = earlier + rows
        return [_parse_line(row) for row in rows[-count:]]

    def count(self) -> int:
        """Return the number of lines. One request."""
        _, total, _ = self._page(1, 1)
        return total

    def _page(self, number: int, size: int) -> tuple[list[Any], int, bool]:
        """Return a page's rows, the total, and whether another page follows."""
        path = type(self._job).__schema__.detail_path(self._job._key, "console_logs/")
        params = [("page_size", size), *([("page", number)] if number > 1 else [])]
        response = self._job._ask("GET", path, params=params)
        if isinstance(response, list):
            return response, len(response), False
        match response:
            case {"results": list(rows)}:
                total = response.get("count")
                total = total if isinstance(total, int) else len(rows)
                return rows, total, bool(response.get("next"))
        raise InvalidResponse(
            200,
            "the response is not a job's output",
            response=response,
            resource=self._job._label(),
        )

    def __repr__(self) -> str:
        return f"<console log of {self._job._label()}>"

    def _describe(self) -> Description:
        note = "Not read yet. last(20) and a loop send requests."
        return Description("JobOutput", fields=[("job", repr(self._job)[1:-1])], notes=[note])


def _parse_line(row: Any) -> ConsoleLine:
    if isinstance(row, Mapping):
        line: ConsoleLine = structure_hook(ConsoleLine)(row)
        return line
    return ConsoleLine(message=str(row))
