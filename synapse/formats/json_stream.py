"""JSON files that are larger than the memory, read item by item."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import attrs

from synapse.errors import UsageError

__all__ = ["JSON_ERRORS", "JsonItem", "read_items"]

JSON_ERRORS = "backslashreplace"
"""Error handler of JSON files: half a surrogate pair, which UTF-8 lacks, becomes its escape."""

_CHUNK = 2**20
# Characters of the largest single item, such as the outline of one object.
_MAX_ITEM = 2**28
# Characters at the window's end in which an error may come from a value that is cut there.
_MARGIN = 16
_BLANKS = re.compile(r"[ \t\n\r]*")
_SEPARATOR = re.compile(r"[ \t\n\r]*,[ \t\n\r]*")
_DECODER = json.JSONDecoder()


@attrs.define
class JsonItem:
    """An item of a file's list, or a member of its object.

    Attributes:
        key: Name of the member; empty for a file that is a list.
        value: The value, or the item of the list.
        text: The JSON text of the value.
        is_item: Whether the value is one item of the list with this name.
    """

    key: str
    value: Any
    text: str
    is_item: bool


def read_items(path: Path) -> Iterator[JsonItem]:
    """Yield the members of a JSON object; lists item by item, if not empty. Memory stays flat.

    A file that is a list yields its items with an empty key.

    Args:
        path: The file, in UTF-8.

    Raises:
        UsageError: The file isn't valid JSON, is cut, or is neither an object nor a list.
    """
    with path.open(encoding="utf-8-sig") as file:
        try:
            yield from _Window(path, file).read()
        except UnicodeDecodeError as error:
            raise UsageError(f"{path} is not UTF-8 text ({error}). Convert the file.") from None


class _Window:
    """A part of a file's text that slides on."""

    def __init__(self, path: Path, file: IO[str]) -> None:
        self._path = path
        self._file = file
        self._text = ""
        self._position = 0
        self._before = 0  # characters that left the window
        self._is_last = False

    def read(self) -> Iterator[JsonItem]:
        opening = self._peek()
        if opening == "[":
            yield from self._read_list("", is_whole=True)
        elif opening == "{":
            yield from self._read_object()
        else:
            raise self._error("the file is neither an object nor a list")
        if self._peek():
            raise self._error("text follows the end of the JSON")

    def _read_object(self) -> Iterator[JsonItem]:
        self._position += 1
        if self._peek() == "}":
            self._position += 1
            return
        while True:
            key, _ = self._decode()
            if not isinstance(key, str):
                raise self._error("a name in double quotes is expected")
            self._expect(":")
            if self._peek() == "[":
                yield from self._read_list(key)
            else:
                value, text = self._decode()
                yield JsonItem(key, value, text, is_item=False)
            if self._expect(",}") == "}":
                return
            self._peek()

    def _read_list(self, key: str, *, is_whole: bool = False) -> Iterator[JsonItem]:
        self._position += 1
        if self._peek() == "]":
            self._position += 1
            if not is_whole:
                yield JsonItem(key, [], "[]", is_item=False)
            return
        while True:
            value, text = self._decode()
            yield JsonItem(key, value, text, is_item=True)
            match = _SEPARATOR.match(self._text, self._position)
            if match and match.end() < len(self._text):
                self._position = match.end()  # the usual case, in one step
            elif self._expect(",]") == "]":
                return
            else:
                self._peek()

    def _peek(self) -> str:
        """Return the next character that isn't blank, or an empty text at the end."""
        while True:
            match = _BLANKS.match(self._text, self._position)
            self._position = match.end() if match else self._position
            if self._position < len(self._text):
                return self._text[self._position]
            if not self._slide():
                return ""

    def _expect(self, characters: str) -> str:
        found = self._peek()
        if not found or found not in characters:
            names = " or ".join(map(repr, characters))
            raise self._error(f"{names} is expected" if found else "the file is cut")
        self._position += 1
        return found

    def _decode(self) -> tuple[Any, str]:
        """Return the value at the position, and its text."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._position)
            except json.JSONDecodeError as error:
                is_cut = error.msg.startswith("Unterminated") or (
                    error.pos >= len(self._text) - _MARGIN
                )
                if is_cut and self._slide():
                    continue
                if error.msg.startswith("Unterminated") or not self._text[error.pos :].strip():
                    raise self._error("the file is cut") from None
                raise self._error(error.msg, error.pos) from None
            except (RecursionError, ValueError) as error:
                # Too deeply nested, or an integer of too many digits.
                raise self._error(str(error)) from None
            # A number near the end may go on, by ".5" or "e+5".
            if end + 3 > len(self._text) and type(value) in (int, float) and self._slide():
                continue
            text = self._text[self._position : end]
            self._position = end
            return value, text

    def _slide(self) -> bool:
        """Drop the text that was read, and add more, in doubling parts for a large value."""
        rest = self._text[self._position :]
        if len(rest) > _MAX_ITEM:
            raise self._error(f"a value is longer than {_MAX_ITEM} characters")
        more = "" if self._is_last else self._file.read(max(_CHUNK, len(rest)))
        self._is_last = not more
        if more:
            self._before += self._position
            self._text, self._position = rest + more, 0
        return bool(more)

    def _error(self, reason: str, position: int | None = None) -> UsageError:
        place = self._before + (self._position if position is None else position)
        return UsageError(
            f"{self._path}, character {place}: not valid JSON ({reason}). Make the file again."
        )
