"""Convert Python values into JSON: the one place, for bodies, filters, manifests and reports.

| value | JSON |
|---|---|
| enumerations; resources; value objects | the value; the id; an object |
| `datetime`, `date`, `time`, numpy's and pandas' times | ISO 8601 text, its zone kept |
| `Decimal`, `UUID` | text, which keeps every digit |
| tuples, arrays, tensors, series | lists |
| sets | sorted lists, so that equal sets give equal JSON |
| keys | text, as Python's `json` writes numbers, booleans and `None` |
| NaN, infinity, NaT, NA | refused; `None` in a job's reports |
| keys that become the same text; bytes; spans of time; other types | refused |
"""

from __future__ import annotations

import enum
import json
import math
import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from synapse.errors import FieldValueError

__all__ = ["is_missing", "to_comparable", "to_json", "to_report_json", "to_time"]

# Given a value that JSON can't hold and the reason, returns a substitute or raises.
_Refuse = Callable[[Any, str], Any]
_PLAIN = frozenset({int, bool, type(None)})


def to_json(value: Any, path: str = "") -> Any:
    """Convert a value into JSON.

    Args:
        value: A value of the user.
        path: Name of the value, for messages; a part's name goes after a dot.

    Returns:
        The JSON value, which shares no list or mapping with the argument.

    Raises:
        FieldValueError: JSON can't hold a part of the value; the message begins with the path.

    Example:
        >>> to_json({"sizes": (1, 2), "day": date(2027, 1, 31)})
        {'sizes': [1, 2], 'day': '2027-01-31'}
    """
    return _run(value, path, _raise_refused)


def to_report_json(value: Any, path: str) -> Any:
    """Convert a part of a job's report; NaN, infinity and missing values become `None`.

    Raises:
        FieldValueError: As `to_json`.
    """
    return _run(value, path, lambda part, why: None if is_missing(part) else _raise(why))


def to_comparable(value: Any) -> Any:
    """Convert a value for comparing with JSON; what JSON can't hold stays as it is."""
    return _run(value, "", lambda part, _: part)


def is_missing(value: Any) -> bool:
    """Return whether a value stands for a missing one, or a number that JSON lacks.

    Example:
        >>> from decimal import Decimal
        >>> is_missing(float("nan")), is_missing(Decimal("Infinity")), is_missing(None)
        (True, True, False)
    """
    if isinstance(value, float) or _is_of("decimal", "Decimal", value):
        return not math.isfinite(value)
    if isinstance(value, datetime):
        return bool(value != value)  # pandas' NaT
    pandas, numpy = _loaded("pandas"), _loaded("numpy")
    if pandas is not None and value is pandas.NA:
        return True
    if numpy is None:
        return False
    if isinstance(value, (numpy.datetime64, numpy.timedelta64)):
        return bool(numpy.isnat(value))
    if isinstance(value, numpy.floating):
        return not numpy.isfinite(value)
    return value is numpy.ma.masked


def to_time(value: Any) -> Any:
    """Return Python's time for numpy's, as precise as Python's can be; other values unchanged."""
    numpy = _loaded("numpy")
    if numpy is None or not isinstance(value, numpy.datetime64):
        return value
    item = value.item()
    if isinstance(item, int):  # finer than microseconds, or beyond the year 9999
        item = value.astype("datetime64[us]").item()
    return item if isinstance(item, date) else value


class _NotJsonError(Exception):
    """A part of a value that JSON can't hold, with the way to the part."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.steps: list[str] = []


def _raise(why: str) -> Any:
    raise _NotJsonError(why)


def _raise_refused(_: Any, why: str) -> Any:
    raise _NotJsonError(why)


def _run(value: Any, path: str, refuse: _Refuse) -> Any:
    try:
        return _convert(value, refuse)
    except _NotJsonError as error:
        where = ".".join(filter(None, (path, *reversed(error.steps))))
        raise FieldValueError(f"{where or 'The value'} {error.reason}") from None
    except RecursionError:
        raise FieldValueError(
            f"{path or 'The value'} is nested too deeply for JSON. Pass a flatter value."
        ) from None


def _convert(value: Any, refuse: _Refuse) -> Any:
    kind = type(value)
    # The exact types of JSON first: documents have a million of them.
    if kind is str:
        return value if value.isascii() else _check_text(value, refuse)
    if kind in _PLAIN or (kind is float and math.isfinite(value)):
        return value
    if kind is dict:
        return _convert_mapping(value, refuse)
    if kind is list:
        return _convert_items(value.copy(), refuse)  # another thread may be editing the list
    if isinstance(value, enum.Enum):
        return _convert(value.value, refuse)
    if isinstance(value, str):
        return _check_text(str.__str__(value), refuse)
    if is_missing(value):
        return refuse(
            value, f"is {value}, which JSON can't hold. Use None for a value that is missing."
        )
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, Mapping):
        return _convert_mapping(value, refuse)
    if isinstance(value, (list, tuple)):
        return _convert_items(list(value), refuse)
    if isinstance(value, (set, frozenset)):
        return _sort(_convert_items(list(value), refuse))
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if _is_of("decimal", "Decimal", value) or _is_of("uuid", "UUID", value):
        return str(value)
    if hasattr(kind, "__synapse_id__"):
        return value.__synapse_id__()
    if hasattr(kind, "__synapse_json__"):
        return _convert_mapping(value.__synapse_json__(), refuse)
    return _convert_foreign(value, refuse)


def _convert_mapping(value: Mapping[Any, Any], refuse: _Refuse) -> Any:
    items = list(value.items())  # another thread may be editing the mapping
    names = [key if type(key) is str and key.isascii() else _convert_key(key) for key, _ in items]
    if None in names:
        key = items[names.index(None)][0]
        return refuse(value, f"has the key {key!r}, which JSON can't hold. Use text.")
    result: dict[Any, Any] = {}
    name: str | None = None
    try:
        for name, (_, item) in zip(names, items, strict=True):
            result[name] = _convert(item, refuse)
    except _NotJsonError as error:
        error.steps.append(str(name))
        raise
    if len(result) < len(items):
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        keys = [key for (key, _), name in zip(items, names, strict=True) if name == twice]
        return refuse(
            value,
            f"has the keys {keys[0]!r} and {keys[1]!r}, which are the same key {twice!r} in JSON. "
            "Rename one of them.",
        )
    return result


def _convert_key(key: Any) -> str | None:
    """Return the text of a key, or `None` for a key that JSON can't hold.

    Numbers, booleans and `None` are written as Python's `json` does.
    """
    try:
        plain = _convert(key, _raise_refused)
    except _NotJsonError:
        return None
    if isinstance(plain, (list, dict)):
        return None
    return plain if isinstance(plain, str) else json.dumps(plain)


def _convert_items(items: list[Any], refuse: _Refuse) -> list[Any]:
    converted: list[Any] = []
    try:
        for item in items:
            converted.append(_convert(item, refuse))  # noqa: PERF401 - its length is the position
    except _NotJsonError as error:
        error.steps.append(str(len(converted)))
        raise
    return converted


def _sort(items: list[Any]) -> list[Any]:
    try:
        return sorted(items)
    except TypeError:
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True, default=repr))


def _convert_foreign(value: Any, refuse: _Refuse) -> Any:
    """Convert values of numpy, pandas, Arrow and libraries whose arrays have `tolist()`."""
    numpy, arrow = _loaded("numpy"), _loaded("pyarrow")
    if numpy is not None and isinstance(value, numpy.ndarray):
        if value.ndim == 0:
            return _convert(value[()], refuse)
        if value.dtype.kind in "biuf" and not isinstance(value, numpy.ma.MaskedArray):
            return _convert_items(value.tolist(), refuse)
        return _convert_items(list(value), refuse)
    if numpy is not None and isinstance(value, numpy.generic):
        return _convert_scalar(numpy, value, refuse)
    if arrow is not None and isinstance(value, arrow.Scalar):
        return _convert(value.as_py(), refuse)
    if isinstance(value, timedelta):
        return refuse(value, "is a span of time, which JSON lacks. Use its total_seconds().")
    if hasattr(value, "tolist") and not isinstance(value, memoryview):
        items = value.tolist()
        if type(items) in (list, float, int, bool):
            return _convert(items, refuse)
    return _refuse_type(value, refuse)


def _convert_scalar(numpy: Any, value: Any, refuse: _Refuse) -> Any:
    if isinstance(value, numpy.bool_):
        return bool(value)
    if isinstance(value, numpy.datetime64):
        moment = to_time(value)
        # Text of numpy's own where Python's times would lose digits.
        is_exact = isinstance(moment, date) and numpy.datetime64(moment) == value
        return moment.isoformat() if is_exact else str(value)
    if isinstance(value, numpy.timedelta64):
        return refuse(
            value, "is a span of time, which JSON lacks. Use its seconds, a plain number."
        )
    if isinstance(value, numpy.integer):
        return int(value)
    if isinstance(value, numpy.floating):
        return _convert(float(value), refuse)
    return _refuse_type(value, refuse)


def _refuse_type(value: Any, refuse: _Refuse) -> Any:
    kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    advice = "Pass numbers, text, lists and mappings."
    if isinstance(value, (bytes, bytearray, memoryview)):
        advice = "Decode text, upload a file, or encode with base64."
    return refuse(value, f"is a {kind}, which JSON can't hold. {advice}")


def _check_text(text: str, refuse: _Refuse) -> Any:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return refuse(
                text, f"is not Unicode text: {text[:60]!r}. Pass text that UTF-8 can encode."
            )
    return text


def _loaded(library: str) -> Any:
    """Return a library that the program uses, without importing one that it doesn't."""
    module = sys.modules.get(library)
    # A library that is being imported has no values yet.
    needed = {"numpy": "ma", "pandas": "NA", "pyarrow": "Scalar"}[library]
    return module if hasattr(module, needed) else None


def _is_of(module: str, name: str, value: Any) -> bool:
    """Return whether a value is of a class, without importing the module of the class."""
    cls = getattr(sys.modules.get(module), name, None)
    return cls is not None and isinstance(value, cls)
