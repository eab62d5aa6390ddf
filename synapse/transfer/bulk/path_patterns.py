"""Patterns of paths: which file is for which specification, and which files are left out.

A pattern matches the end of a path, from the start of a name: `*` and `?` stand for characters of
one name, `**` for any folders. Files with the same text at the wildcards and before the pattern
form one unit.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from synapse._internal.system_files import is_system_name
from synapse.errors import UsageError
from synapse.transfer.bulk.upload_item import quote_path
from synapse.transfer.filenames import compose

__all__ = ["IgnoredFiles", "PathPattern", "read_match"]

_WILDCARD = re.compile(r"(\*\*/|\*\*|\*|\?)")
_WILDCARDS = {"**/": "(?:(.*)/)?", "**": "(.*)", "*": "([^/]*?)", "?": "([^/])"}
# An extension, with that of a compression.
_EXTENSION = r"\.[^/.]+(?:\.(?:bz2|gz|xz|zst))?"
_MAX_SHOWN = 5
# Reasons to leave a file out.
_HIDDEN = "names that are hidden, or that systems make"
_SELECTED = "selected by ignore="


def _translate(text: str) -> str:
    return "".join(
        _WILDCARDS[part] if place % 2 else re.escape(part)
        for place, part in enumerate(_WILDCARD.split(text))
    )


def _check_text(argument: str, text: Any) -> str:
    """Return a pattern with `/` between folders.

    Raises:
        UsageError: The pattern isn't text.
    """
    if not isinstance(text, str) or not text.strip("/\\. "):
        raise UsageError(
            f"{argument}= has the pattern {text!r}. Use the name of a folder, or a path with "
            "wildcards such as 'masks/*.png'."
        )
    return compose(text.replace("\\", "/").removeprefix("./").strip("/"))


@attrs.frozen
class PathPattern:
    """A pattern of paths for one specification.

    Attributes:
        text: The pattern: with wildcards, or the name of a folder. A final `.*` is any extension.
        specification: Name of the specification.
    """

    text: str
    specification: str
    _regex: re.Pattern[str] = attrs.field(init=False, repr=False, eq=False)

    @_regex.default
    def _compile(self) -> re.Pattern[str]:
        if not _WILDCARD.search(self.text):
            inner = f"{re.escape(self.text)}/(.*?)(?:{_EXTENSION})?"
        elif self.text.endswith(".*"):
            inner = _translate(self.text[:-2]) + _EXTENSION
        else:
            inner = _translate(self.text)
        return re.compile(f"(?:(.*?)/)?{inner}", re.IGNORECASE | re.DOTALL)

    def find_unit(self, relative: str) -> str | None:
        """Return the unit of a path, or `None` if the pattern doesn't match.

        Example:
            >>> PathPattern("masks/*_m.png", "mask").find_unit("train/masks/7_m.png")
            'train/7'
        """
        match = self._regex.fullmatch(relative)
        return None if match is None else "/".join(filter(None, match.groups()))


def read_match(match: Mapping[Any, Any], names: Iterable[str]) -> list[PathPattern]:
    """Return the patterns of the argument `match`.

    Args:
        match: Names of specifications by pattern.
        names: Names of the collection's specifications.

    Raises:
        UsageError: A pattern isn't valid, or there is none.
    """
    patterns = []
    known = list(names)
    for text, name in match.items():
        if name not in known:
            raise UsageError(
                f"match= has {name!r} for {text!r}; the collection has "
                f"{', '.join(map(repr, known))}."
            )
        patterns.append(PathPattern(_check_text("match", text), name))
    if not patterns:
        raise UsageError("match= has no pattern. Pass one for each specification.")
    return patterns


class IgnoredFiles:
    """Decides which files and folders are left out, and notes some of their names.

    Args:
        patterns: The caller's patterns.

    Attributes:
        files: Number of files that were left out, without those of folders.

    Raises:
        UsageError: A pattern isn't valid.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        texts = [_check_text("ignore", text) for text in patterns]
        expression = "|".join(f"(?:{_translate(text)})" for text in texts)
        self._regex = re.compile(f"(?:.*/)?(?:{expression})", re.IGNORECASE) if texts else None
        self._names: dict[str, dict[str, None]] = {}
        self._counts: Counter[str] = Counter()
        self._unnamed: set[str] = set()
        self.files = 0

    def covers(self, relative: str, *, is_folder: bool, is_hidden: bool = True) -> bool:
        """Return whether a file or folder is left out.

        Args:
            relative: Path below the source.
            is_folder: Whether the path is a folder's, and all below is left out.
            is_hidden: Whether names with a dot in front are left out.
        """
        name = relative.rpartition("/")[2]
        if (is_hidden and name.startswith(".")) or is_system_name(name):
            reason = _HIDDEN
        elif self._regex is not None and self._regex.fullmatch(compose(relative)):
            reason = _SELECTED
        else:
            return False
        self.files += not is_folder
        self._counts[reason] += 1
        names = self._names.setdefault(reason, {})
        shown = f"{relative if reason == _SELECTED else name}{'/' * is_folder}"
        if len(names) < _MAX_SHOWN:
            names[shown] = None
        elif shown not in names:
            self._unnamed.add(reason)
        return True

    @property
    def notes(self) -> list[str]:
        """A remark for each reason, with the names."""
        return [
            f"{', '.join(map(quote_path, sorted(names)))}{', ...' * (reason in self._unnamed)}: "
            f"left out, {reason} ({self._counts[reason]:,})."
            for reason, names in sorted(self._names.items())
        ]
