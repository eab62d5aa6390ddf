"""Read ids and rows from arguments and from standard input, and count the results."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import typer

from synapse._internal.lazy_import import load
from synapse._internal.threads import run_each
from synapse.cli.errors import SOME_FAILED, exit_after, print_error
from synapse.cli.options import print_note
from synapse.cli.output import print_line
from synapse.cli.values import check_key, is_pair
from synapse.errors import AuthenticationError, SessionClosed, SynapseError, UsageError

if TYPE_CHECKING:
    from synapse.orm.resource import Resource
    from synapse.orm.schema import Schema

__all__ = [
    "BATCH",
    "NO_IDS",
    "Results",
    "Target",
    "attempt",
    "batches",
    "read_rows",
    "read_targets",
    "refuse_arguments",
    "run_batch",
]

T = TypeVar("T")

# Objects of a bulk request, and objects in memory while a long input is read.
BATCH = 500
_WORKERS = 8
# Characters of a line; a longer input is most likely another file, given by mistake.
_LONGEST_LINE = 1 << 26
NO_IDS = "No ids on standard input."


@attrs.frozen
class Target:
    """An object that a command shall act on.

    Attributes:
        key: The id.
        row: The row of standard input that named the object; empty for an id alone.
    """

    key: Any
    row: dict[str, Any] = attrs.field(factory=dict)


@attrs.define
class Results:
    """Results of a command for many objects; failures are printed at once.

    Attributes:
        name: Name of an object's class.
        done: Number of objects that were handled.
        failed: Number of failures.
    """

    name: str
    done: int = 0
    failed: int = 0

    def fail(self, key: Any, why: object) -> None:
        """Print a failure on standard error."""
        self.failed += 1
        text = str(why)
        label = f"{self.name} {key}"
        print_error(text if label in text else f"{label}: {text}")

    @contextmanager
    def collect(self, key: Any) -> Iterator[None]:
        """Count what the block does for one object; an error doesn't stop the others."""
        try:
            yield
        except (AuthenticationError, SessionClosed):
            raise
        except SynapseError as error:
            self.fail(key, error)
        else:
            self.done += 1

    def fail_line(self, error: UsageError) -> None:
        """Print why a line of standard input isn't used."""
        self.failed += 1
        print_error(str(error))

    @contextmanager
    def report_stop(self) -> Iterator[None]:
        """Print how many objects are done if the block ends early.

        Raises:
            typer.Exit: An error ended the block, and some objects were handled before.
        """
        try:
            yield
        except SynapseError as error:
            if not self.done:
                raise
            print_error(f"synapse: {error}")
            self._print_stop()
            raise typer.Exit(SOME_FAILED) from error
        except KeyboardInterrupt:
            if self.done or self.failed:
                self._print_stop()
            raise

    def _print_stop(self) -> None:
        print_note(f"Stopped: {self.done:,} done, {self.failed:,} failed; the others are left.")

    def finish(self) -> None:
        """Exit with 3 if some failed, with 1 if all did.

        Raises:
            typer.Exit: Something failed.
        """
        if self.failed and self.done:
            print_note(f"{self.failed:,} failed, {self.done:,} done.")
        exit_after(self.failed, done=self.done)


def attempt(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Return the result, or the error of one object, which must not stop the others."""
    try:
        return function(*args, **options)
    except (AuthenticationError, SessionClosed):
        raise
    except (SynapseError, AttributeError, TypeError, ValueError) as error:
        return error


def batches(items: Iterable[Any], size: int = BATCH) -> Iterator[list[Any]]:
    """Yield the items in lists of a size; an input of any length needs the memory of one list."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def run_batch(act: Callable[[Target], Any], batch: Sequence[Target], results: Results) -> None:
    """Act on each object, several at a time; print each result in order as soon as it is known."""
    outcomes: dict[int, Any] = {}
    waiting = dict(enumerate(batch))
    printing = Lock()

    def report(numbers: Iterable[int]) -> None:
        for number in numbers:
            if number not in outcomes:
                return
            target, why = waiting.pop(number), outcomes.pop(number)
            if isinstance(why, Exception):
                results.fail(target.key, why)
            else:
                results.done += 1
                print_line(str(target.key))
                sys.stdout.flush()  # a process that is killed has told what it did

    def run(number: int) -> None:
        outcome = act(batch[number])
        with printing:
            outcomes[number] = outcome
            report(list(waiting))

    try:
        run_each(run, range(len(batch)), _WORKERS, "synapse-cli")
    finally:
        report(sorted(outcomes))  # those behind one that was interrupted


def read_targets(
    schema: Schema, words: Iterable[str], results: Results | None = None
) -> Iterator[Target]:
    """Yield the objects that arguments name: ids, ids with commas, or `-` for standard input.

    Args:
        schema: The objects' declaration.
        words: The arguments.
        results: Collects the lines that are neither ids nor rows with an id; by default each raises
            the error, as does the first line of all.

    Raises:
        UsageError: No id was given, or a line is neither an id nor a row with an id.
    """
    is_empty = True
    for word in words:
        if word == "-":
            is_empty = False

            def parse(line: str, place: str) -> Target:
                return _parse_target(schema, line, place)

            yield from (target for _, target in _parse_lines(parse, results))
            continue
        for part in [word] if is_pair(word) else word.split(","):
            if part.strip():
                is_empty = False
                yield Target(check_key(schema, part.strip()))
    if is_empty:
        raise UsageError(f"No id of {schema.plural}. Give ids, or - to read them from a pipe.")


def _parse_target(schema: Schema, line: str, place: str) -> Target:
    if not line.startswith("{"):
        try:
            return Target(check_key(schema, line.strip('"')))
        except UsageError as error:
            raise UsageError(f"{place}: {error} A pipe takes ids or rows: write -o ids.") from None
    row = _parse_row(line, place)
    key = row.get(schema.key)
    if key is None:
        raise UsageError(f"{place}: the row has no {schema.key!r}. Each row needs one.")
    return Target(schema.to_key(key), row)


def read_rows(results: Results | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield number and row of each line of standard input.

    Args:
        results: Collects the lines that aren't rows; by default each raises the error, as does the
            first line of all.

    Raises:
        UsageError: A line isn't a JSON object.
    """
    yield from _parse_lines(_parse_row, results)


def refuse_arguments(
    cls: type[Resource],
    manager: Any,
    rows: Iterable[tuple[int, dict[str, Any]]],
    results: Results,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows that have fields only.

    Rows may come from a server, which must not choose files of this machine to upload.
    """
    fields = {each.name for each in load("synapse.orm.signatures").find_keywords(cls, "create")}
    arguments = inspect.signature(manager.create).parameters.keys() - fields
    for number, row in rows:
        if taken := sorted(arguments & row.keys()):
            results.fail(
                number, f"{taken[0]!r} isn't a field. Write {taken[0]}=VALUE as an argument."
            )
        else:
            yield number, row


def _parse_lines(
    parse: Callable[[str, str], T], results: Results | None
) -> Iterator[tuple[int, T]]:
    lines = _read_lines()
    is_first = True
    while True:
        try:
            number, line = next(lines)
            parsed = parse(line, f"standard input, line {number}")
        except StopIteration:  # noqa: PERF203 - each line has its own reason
            return
        except UsageError as error:
            if results is None or is_first:  # the input is of another kind
                raise
            results.fail_line(error)
        else:
            is_first = False
            yield number, parsed


def _parse_row(line: str, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{place}: not valid JSON ({error}). Write one object a line.") from None
    if not isinstance(row, dict):
        raise UsageError(f"{place}: not a JSON object. Write one object a line.")
    return row


def _read_lines() -> Iterator[tuple[int, str]]:
    if sys.stdin.isatty():
        print_note("Reading standard input; Ctrl-D ends it.")
    try:
        for number, line in enumerate(iter(lambda: sys.stdin.readline(_LONGEST_LINE), ""), 1):
            if len(line) == _LONGEST_LINE and not line.endswith("\n"):
                raise UsageError(
                    f"Standard input, line {number} has more than {_LONGEST_LINE:,} characters. "
                    "Write ids or JSON, one a line."
                )
            if stripped := line.strip().lstrip("\ufeff"):
                yield number, stripped
    except UnicodeDecodeError as error:
        raise UsageError(f"Standard input is not text ({error}). Write ids or JSON.") from None
