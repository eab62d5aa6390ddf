"""Read ids and rows from arguments and from standard input, and count the results."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import attrs

from synapse.cli.errors import exit_after, print_error
from synapse.cli.options import print_note
from synapse.cli.values import check_key, is_pair
from synapse.errors import AuthenticationError, SessionClosed, SynapseError, UsageError

if TYPE_CHECKING:
    from synapse.orm.schema import Schema

__all__ = ["BATCH", "NO_IDS", "Results", "Target", "batches", "read_rows", "read_targets"]

# Objects of a bulk request, and objects in memory while a long input is read.
BATCH = 500
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

    def finish(self) -> None:
        """Exit with 3 if some failed, with 1 if all did.

        Raises:
            typer.Exit: Something failed.
        """
        if self.failed and self.done:
            print_note(f"{self.failed:,} failed, {self.done:,} done.")
        exit_after(self.failed, done=self.done)


def batches(items: Iterable[Any], size: int = BATCH) -> Iterator[list[Any]]:
    """Yield the items in lists of a size; an input of any length needs the memory of one list."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def read_targets(schema: Schema, words: Iterable[str]) -> Iterator[Target]:
    """Yield the objects that arguments name: ids, ids with commas, or `-` for standard input.

    Raises:
        UsageError: No id was given, or a line is neither an id nor a row with an id.
    """
    is_empty = True
    for word in words:
        if word == "-":
            is_empty = False
            for number, line in _read_lines():
                yield _parse_target(schema, line, f"standard input, line {number}")
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


def read_rows() -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield number and row of each line of standard input.

    Raises:
        UsageError: A line isn't a JSON object.
    """
    for number, line in _read_lines():
        yield number, _parse_row(line, f"standard input, line {number}")


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
        for number, line in enumerate(sys.stdin, 1):
            if stripped := line.strip().lstrip("\ufeff"):
                yield number, stripped
    except UnicodeDecodeError as error:
        raise UsageError(f"Standard input is not text ({error}). Write ids or JSON.") from None
