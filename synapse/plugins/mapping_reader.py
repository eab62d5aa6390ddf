"""Read a mapping written by people, and note every mistake with the path of the key."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

__all__ = ["MIN_SIMILARITY", "MappingReader", "Mistakes", "did_you_mean"]

#: Least similarity of a key to a known one that counts as a misspelling.
MIN_SIMILARITY = 0.7


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return `; did you mean 'x'?` for a misspelling, else a full stop.

    Args:
        word: The written word.
        known: The known words.
        cutoff: Least similarity, from 0 to 1.

    Example:
        >>> did_you_mean("tarin", ["train", "export"])
        "; did you mean 'train'?"
    """
    matches = difflib.get_close_matches(str(word).lower(), list(known), n=1, cutoff=cutoff)
    return f"; did you mean {matches[0]!r}?" if matches else "."


class Mistakes:
    """The mistakes by the path of the key.

    Attributes:
        problems: The reasons for each path.
    """

    def __init__(self) -> None:
        self.problems: dict[str, list[str]] = {}

    def add(self, path: str, reason: str) -> None:
        """Note a mistake."""
        self.problems.setdefault(path, []).append(reason)

    def read_mapping(
        self,
        path: str,
        document: Any,
        *,
        known: Iterable[str] | None = None,
        allowed: Iterable[str] = (),
    ) -> MappingReader | None:
        """Return a reader for a mapping; `None`, and a mistake, for anything else.

        Args:
            path: Path of the mapping; `""` for the whole.
            document: The value.
            known: The known keys. Other keys are allowed, but not misspelled ones.
            allowed: Other keys that are no misspellings, whatever they look like.
        """
        if not isinstance(document, Mapping):
            self.add(path, f"Expected a mapping, not {_describe(document)}.")
            return None
        reader = MappingReader(self, path, document, set(known or ()) - {"extra"})
        others = set(allowed)
        for key in document:
            if not isinstance(key, str):
                self.add(
                    reader.at(str(key)), f"The key is {_describe(key)}, not text. Quote the key."
                )
            elif known is not None and key not in reader.known and key not in others:
                missing = [name for name in reader.known if name not in document]
                if (hint := did_you_mean(key, sorted(missing), MIN_SIMILARITY)) != ".":
                    self.add(reader.at(key), f"Unknown key{hint}")
        return reader


class MappingReader:
    """Takes the values out of a mapping, and notes those that don't fit.

    Args:
        mistakes: Where they are noted.
        path: Where the mapping is.
        document: The mapping.
        known: The keys that are known.
    """

    def __init__(
        self, mistakes: Mistakes, path: str, document: Mapping[Any, Any], known: set[str]
    ) -> None:
        self._mistakes = mistakes
        self._path = path
        self._document = document
        self.known = known

    def at(self, key: str) -> str:
        """Return the path of a key."""
        return f"{self._path}.{key}" if self._path else key

    def names(self) -> list[str]:
        """Return the keys that are text."""
        return [key for key in self._document if isinstance(key, str)]

    def get(self, key: str) -> Any:
        """Return a raw value, or `None`."""
        return self._document.get(key)

    def rest(self) -> dict[str, Any]:
        """Return the values of unknown keys."""
        return {key: self._document[key] for key in self.names() if key not in self.known}

    def text(
        self,
        key: str,
        pattern: re.Pattern[str] | None = None,
        form: str = "",
        required: bool = False,
    ) -> str | None:
        """Return a text, or `None`.

        Args:
            key: The key.
            pattern: Pattern for the whole text.
            form: Description of the pattern, for people.
            required: Whether the text must be present and not empty.
        """
        value = self._document.get(key)
        if value is None:
            if required:
                self._mistakes.add(self.at(key), "Missing.")
            return None
        if not isinstance(value, str):
            self._mistakes.add(
                self.at(key), f"Expected text, not {_describe(value)}{_quoting_advice(value)}."
            )
            return None
        if required and not value.strip():
            self._mistakes.add(self.at(key), "Empty.")
        elif pattern is not None and not pattern.fullmatch(value):
            self._mistakes.add(self.at(key), f"Expected {form}, not {_describe(value)}.")
        else:
            return value
        return None

    def word(self, key: str, words: Collection[str]) -> str | None:
        """Return one of several words, or `None`."""
        value = self.text(key)
        if value is None or value in words:
            return value
        hint = did_you_mean(value, words)
        choices = ", ".join(words)
        self._mistakes.add(self.at(key), f"{value!r} is not valid{hint} Use one of: {choices}.")
        return None

    def flag(self, key: str) -> bool:
        """Return a boolean; `False` for a missing key."""
        value = self._document.get(key)
        if value is not None and not isinstance(value, bool):
            self._mistakes.add(self.at(key), f"Expected true or false, not {_describe(value)}.")
        return value is True

    def texts(self, key: str) -> list[str]:
        """Return a list of non-empty texts."""
        value = self._document.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self._mistakes.add(self.at(key), f"Expected a list, not {_describe(value)}.")
            return []
        for position, item in enumerate(value):
            if not isinstance(item, str) or not item.strip() or "\n" in item:
                self._mistakes.add(
                    f"{self.at(key)}.{position}", f"Expected a line of text, not {_describe(item)}."
                )
        return [item for item in value if isinstance(item, str)]


def _describe(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    text = repr(value)
    text = text if len(text) <= 60 else f"{text[:57]}..."
    return f"the number {text}" if isinstance(value, (int, float)) else text


def _quoting_advice(value: Any) -> str:
    """Return advice for values that YAML doesn't read as text."""
    if isinstance(value, (int, float)):
        return f': write "{value}", in quotes'
    return ""
