"""Representations for people: one description of an object, for notebooks, terminals and Rich.

A class defines `_describe()`, from what is known: a representation makes no request. Notebooks ask
for a representation often, also of a million annotations, so every part is bounded in size.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import Enum
from itertools import islice
from typing import Any, NamedTuple

from synapse._internal.lazy_import import load
from synapse._internal.redaction import redacted

__all__ = [
    "Described",
    "DescribedTable",
    "Description",
    "Meter",
    "brief",
    "cut",
    "describe_fields",
    "is_secret_name",
    "represent",
    "summarize",
]

_LONGEST_TEXT = 80
# Text that is looked at: cleaning secrets out of megabytes takes time.
_LONGEST_READ = 4096
_LONGEST_BRIEF = 600
_MOST_ITEMS = 12
_DEEPEST = 4
# Parts of the names of keys and settings that hold credentials.
# Without separators, as providers of storage write `account_key` and `accountKey`.
_SECRET_PARTS = (
    *("secret", "password", "passwd", "passphrase", "token", "credential", "connectionstring"),
    *("privatekey", "accesskey", "accountkey", "apikey"),
)
_SECRET_NAMES = frozenset({"key", "authorization", "cookie", "signature"})


class DescribedTable(NamedTuple):
    """A table in a description.

    Attributes:
        columns: Names of the columns.
        rows: Texts of the first rows.
        total: Number of all rows.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    total: int


class Meter(NamedTuple):
    """A bar in a description.

    Attributes:
        name: Name of the bar.
        share: Filled part, from 0 to 1.
        text: Text behind the bar.
        group: Heading of this bar and its neighbours.
    """

    name: str
    share: float
    text: str
    group: str = ""


class Description(NamedTuple):
    """The parts of an object that representations show.

    Attributes:
        title: The object's name.
        status: State of the object in a word.
        fields: Texts by name.
        meters: Bars.
        table: The first rows of what the object contains.
        notes: Remarks.
        document: Annotations to draw: a document, or the annotations.
        configuration: Configuration of the project, whose classes have the first colours.
        output: Printed lines.
    """

    title: str
    status: str | None = None
    fields: Sequence[tuple[str, str]] = ()
    meters: Sequence[Meter] = ()
    table: DescribedTable | None = None
    notes: Sequence[str] = ()
    document: Any = None
    configuration: Any = None
    output: Sequence[str] = ()


class _Plain:
    """A text whose `repr` is the text."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


class Described:
    """Adds the representations of notebooks and of Rich to a class with `_describe()`."""

    __slots__ = ()

    def _describe(self) -> Description:
        raise NotImplementedError  # defined by the class

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        bundle: dict[str, Any] = load("synapse.display.bundle").make_bundle(self, include, exclude)
        return bundle

    def __rich_repr__(self) -> Iterator[tuple[str, Any]]:
        for name, text in self._describe().fields:
            yield name, _Plain(text)

    __rich_repr__.angular = True  # type: ignore[attr-defined] # Rich reads the function's attribute


def cut(text: str, length: int) -> str:
    """Return a text's beginning, with an ellipsis in the place of the rest."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def is_secret_name(name: object) -> bool:
    """Return whether a key's name marks its value as a credential."""
    text = str(name).lower().replace("-", "").replace("_", "")
    return text in _SECRET_NAMES or any(part in text for part in _SECRET_PARTS)


def brief(value: Any, length: int = _LONGEST_BRIEF) -> str:
    """Return the `repr` of a JSON-like value in bounded time and size, without credentials.

    Example:
        >>> brief([1] * 1000)
        '[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, … 988 more]'
        >>> brief({"bucket": "b", "secret_key": "s3cret"})
        "{'bucket': 'b', 'secret_key': '***'}"
    """
    return cut(_brief(value, 0), length)


def _brief(value: Any, depth: int) -> str:
    if isinstance(value, Enum):
        return repr(str(value))
    if isinstance(value, str):
        text = redacted(value[:_LONGEST_READ])
        return repr(cut(text, _LONGEST_TEXT))
    if isinstance(value, bytes):
        return f"<{len(value):,} bytes>"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 512:
        return f"<an integer of {value.bit_length():,} bits>"
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    if isinstance(value, datetime):
        return str(value)
    if isinstance(value, Mapping):
        if depth >= _DEEPEST:
            return "{…}"
        parts = [
            f"{_brief(key, depth + 1)}: "
            f"{repr('***') if is_secret_name(key) and item else _brief(item, depth + 1)}"
            for key, item in islice(value.items(), _MOST_ITEMS)
        ]
        return f"{{{_joined(parts, len(value))}}}"
    if isinstance(value, (list, tuple, set, frozenset)):
        left, right = ("[", "]") if isinstance(value, list) else ("(", ")")
        if isinstance(value, (set, frozenset)):
            left, right = "{", "}"
        if depth >= _DEEPEST:
            return f"{left}…{right}"
        items = [_brief(item, depth + 1) for item in islice(value, _MOST_ITEMS)]
        if len(items) == 1 and isinstance(value, tuple):
            right = ",)"
        return f"{left}{_joined(items, len(value))}{right}"
    if isinstance(value, Exception):
        return cut(redacted(f"{type(value).__name__}: {str(value)[:_LONGEST_READ]}"), 300)
    if isinstance(value, Described):
        return cut(repr(value), _LONGEST_BRIEF)
    return f"<{type(value).__name__}>"


def _joined(parts: list[str], total: int) -> str:
    rest = [f"… {total - len(parts):,} more"] if total > len(parts) else []
    return ", ".join([*parts, *rest])


def describe_fields(value: Any, names: Iterable[str] | None = None) -> list[tuple[str, str]]:
    """Return the attributes of an attrs object that its `repr` shows, as bounded texts.

    Args:
        value: The object.
        names: Names of the attributes; by default all that its `repr` shows and that are set.
    """
    result: list[tuple[str, str]] = []
    for attribute in type(value).__attrs_attrs__:
        name = attribute.name
        if not attribute.repr or (names is not None and name not in names):
            continue
        current = getattr(value, name)
        show: Callable[[Any], str] = attribute.repr if callable(attribute.repr) else brief
        if current is not None or names is not None:
            hidden = is_secret_name(name) and current
            result.append((name, "***" if hidden else cut(show(current), _LONGEST_BRIEF)))
    return result


def represent(value: Any) -> str:
    """Return the `repr` of an attrs object, as attrs writes it but in bounded size."""
    names = [attribute.name for attribute in type(value).__attrs_attrs__]
    parts = [f"{name}={text}" for name, text in describe_fields(value, names)]
    return f"{type(value).__name__}({', '.join(parts)})"


def summarize(value: Any, fields: Iterable[tuple[str, Any]]) -> str:
    """Return a `repr` in one line, such as `<UploadReport created=3 failed=1>`."""
    parts = [f"{name}={brief(item, 120)}" for name, item in fields]
    return f"<{' '.join([type(value).__name__, *parts])}>"
