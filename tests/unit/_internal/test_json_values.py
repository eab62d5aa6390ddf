"""Python values and their JSON."""

from __future__ import annotations

import array
import json
from collections import OrderedDict
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse import FileSpecification, FileType
from synapse._internal.json_values import (
    is_missing,
    to_comparable,
    to_json,
    to_report_json,
    to_time,
)
from synapse.errors import FieldValueError

UTC = timezone.utc
MOMENT = datetime(2027, 1, 31, 12, 30, tzinfo=UTC)
EARLIEST = datetime(1700, 1, 1)  # noqa: DTZ001 - numpy's times have no zone
SEOUL = timezone(timedelta(hours=9))


class Level(IntEnum):
    HIGH = 3


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "shown otherwise"


class Size(Enum):
    SMALL = "small"
    PAIR = (1, 2)


TABLE: list[tuple[Any, Any]] = [
    (None, None),
    (True, True),
    (10**400, 10**400),
    (-0.0, -0.0),
    (Text("a"), "a"),
    (Level.HIGH, 3),
    (Size.PAIR, [1, 2]),
    (FileType.IMAGE, "image"),
    (
        FileSpecification(name="image", file_type=FileType.IMAGE, extra={"x": {2}}),
        {
            "name": "image",
            "file_type": "image",
            "function_type": "main",
            "is_required": True,
            "is_primary": False,
            "x": [2],
        },
    ),
    # Times: ISO text, and a zone only where one was.
    (MOMENT, "2027-01-31T12:30:00+00:00"),
    (MOMENT.replace(tzinfo=None), "2027-01-31T12:30:00"),
    (datetime(2027, 1, 31, 12, tzinfo=SEOUL), "2027-01-31T12:00:00+09:00"),
    (date(2027, 1, 31), "2027-01-31"),
    (time(12, 30), "12:30:00"),
    (np.datetime64("2027-01-31"), "2027-01-31"),
    (np.datetime64("2027-01-31T12:30", "m"), "2027-01-31T12:30:00"),
    (np.datetime64("2027-01-31T12:30:00.25", "us"), "2027-01-31T12:30:00.250000"),
    (np.datetime64("2027-01-31T12:30:00", "ns"), "2027-01-31T12:30:00"),
    (np.datetime64("2027-01-31T12:30:00.000000001", "ns"), "2027-01-31T12:30:00.000000001"),
    (np.datetime64("12027-01-31T12:30:00", "s"), "12027-01-31T12:30:00"),
    (np.array(["2027-01-31"], dtype="datetime64[ns]"), ["2027-01-31T00:00:00"]),
    (np.array("2027-01-31", dtype="datetime64[ns]"), "2027-01-31T00:00:00"),
    (pd.Timestamp("2027-01-31T12:30:00Z"), "2027-01-31T12:30:00+00:00"),
    (pd.Series(pd.to_datetime(["2027-01-31"])), ["2027-01-31T00:00:00"]),
    (pa.scalar(MOMENT), "2027-01-31T12:30:00+00:00"),
    # Exact numbers and ids: text.
    (Decimal("0.10"), "0.10"),
    (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    # numpy's and Arrow's numbers: plain numbers.
    (np.int64(2**62), 2**62),
    (np.uint64(2**64 - 1), 2**64 - 1),
    (np.float64(0.1), 0.1),
    (np.float32(0.5), 0.5),
    (np.longdouble(0.5), 0.5),
    (np.bool_(True), True),
    (np.str_("a"), "a"),
    (np.array(5), 5),
    (np.arange(4).reshape(2, 2), [[0, 1], [2, 3]]),
    (np.array(["a", None, 1.5], dtype=object), ["a", None, 1.5]),
    (pd.Series([1, 2], index=["a", "b"]), [1, 2]),
    (pd.Index(["a"]), ["a"]),
    (pa.scalar(5), 5),
    (pa.array([1, None]), [1, None]),
    (array.array("d", [0.5]), [0.5]),
    # Containers.
    ((1, (2,)), [1, [2]]),
    (OrderedDict(a=(1,)), {"a": [1]}),
    (MappingProxyType({"a": 1}), {"a": 1}),
    ({10, 9, -1}, [-1, 9, 10]),
    (frozenset({"b", "a"}), ["a", "b"]),
    ({"a", 1, None}, ["a", 1, None]),
    ({(2, "x"), (1, "y")}, [[1, "y"], [2, "x"]]),
    # Keys: as Python's json module writes them.
    ({1: 2}, {"1": 2}),
    ({np.int64(1): 2}, {"1": 2}),
    ({True: 1, None: 2, 1.5: 3}, {"true": 1, "null": 2, "1.5": 3}),
    ({Size.SMALL: 1}, {"small": 1}),
    ({FileType.IMAGE: 1}, {"image": 1}),
    ({date(2027, 1, 31): 1}, {"2027-01-31": 1}),
    ({UUID(int=5): 1}, {"00000000-0000-0000-0000-000000000005": 1}),
]


def types_of(value: Any) -> Any:
    """Return the types at every depth: numpy's numbers equal plain ones."""
    if isinstance(value, dict):
        return {(type(key), key): types_of(item) for key, item in value.items()}
    return [types_of(item) for item in value] if isinstance(value, list) else type(value)


@pytest.mark.parametrize(("value", "expected"), TABLE, ids=lambda value: type(value).__name__)
def test_values_become_json(value: Any, expected: Any) -> None:
    converted = to_json({"a": [value]})["a"][0]
    assert converted == expected
    assert types_of(converted) == types_of(expected)
    assert to_report_json(value, "result") == expected
    assert to_comparable(value) == expected


MISSING = [
    float("nan"),
    float("inf"),
    float("-inf"),
    np.float32("nan"),
    np.longdouble("nan"),
    np.datetime64("NaT", "s"),
    np.datetime64("NaT", "ns"),
    np.timedelta64("NaT", "s"),
    np.ma.masked,
    np.array(float("nan")),
    pd.NaT,
    pd.NA,
    pa.scalar(float("nan")),
    Decimal("NaN"),
    Decimal("-Infinity"),
]


@pytest.mark.parametrize("value", MISSING, ids=lambda value: type(value).__name__)
def test_missing_values_are_refused_with_their_path(value: Any) -> None:
    with pytest.raises(FieldValueError, match=r"^meta\.score\.1 is .*JSON can't hold\. Use None"):
        to_json({"score": [1, value]}, "meta")
    assert to_report_json({"score": [1, value]}, "result") == {"score": [1, None]}


@pytest.mark.parametrize(
    ("column", "path"),
    [
        (np.array([1.0, np.nan]), "1"),
        (np.ma.array([1, 2], mask=[True, False]), "0"),
        (pd.Series([1, None], dtype="Int64"), "1"),
        (pd.Series(pd.to_datetime(["2027-01-31", None])), "1"),
        (np.array([[0, 1], [2, np.inf]]), r"1\.1"),
    ],
)
def test_missing_values_inside_columns_are_refused(column: Any, path: str) -> None:
    with pytest.raises(FieldValueError, match=rf"^meta\.{path} is "):
        to_json(column, "meta")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"x", "is a bytes.*base64"),
        (bytearray(b"x"), "is a bytearray.*base64"),
        (memoryview(b"x"), "is a memoryview.*base64"),
        (np.bytes_(b"x"), "is a numpy.bytes_.*base64"),
        (timedelta(1), r"span of time.*total_seconds"),
        (np.timedelta64(1, "ns"), "span of time"),
        (pd.Timedelta(1), "span of time"),
        (1j, "is a complex"),
        (np.complex128(1), "is a numpy.complex128"),
        (np.array([1j]), r"\.0 is a "),
        (np.zeros(1, dtype=[("x", int)]), r"\.0 is a numpy.void"),
        (pd.DataFrame({"a": [1]}), "DataFrame"),
        (Fraction(1, 2), "is a fractions.Fraction"),
        (Path("a"), "Path, which JSON can't hold"),
        (object(), "is a object"),
        (SimpleNamespace(tolist=lambda: "x"), "SimpleNamespace"),
        ("\ud800", "not Unicode text"),
        ({"\ud800": 1}, r"has the key '\\ud800', which JSON can't hold"),
        ({(1, 2): 3}, r"has the key \(1, 2\), which"),
        ({float("nan"): 3}, "has the key nan"),
        ({b"a": 3}, "has the key b'a'"),
        ({1: "a", "1": "b"}, "has the keys 1 and '1', which are the same key '1'"),
        ({None: 1, "null": 2}, "the same key 'null'"),
        ({True: 1, "true": 2}, "the same key 'true'"),
        ({date(2027, 1, 1): 1, "2027-01-01": 2}, "the same key '2027-01-01'"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_cannot_hold_is_refused_with_its_path(value: Any, reason: str) -> None:
    with pytest.raises(FieldValueError, match=rf"^meta\.a.*{reason}"):
        to_json({"a": value}, "meta")
    with pytest.raises(FieldValueError, match=rf"^meta\.a.*{reason}"):
        to_report_json({"a": value}, "meta")


def test_without_a_path_the_value_is_named() -> None:
    with pytest.raises(FieldValueError, match=r"^The value is a object"):
        to_json(object())


def test_a_circle_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(FieldValueError, match=r"^meta is nested too deeply"):
        to_json(circle, "meta")


def test_comparing_leaves_what_json_cannot_hold() -> None:
    strange = object()
    assert to_comparable({"a": [strange]}) == {"a": [strange]}
    for unfit in ({1: "a", "1": "b"}, {(1, 2): 3}, {float("nan"): 1}, {b"a": 1}, {"a": pd.NaT}):
        assert to_comparable(unfit) == unfit
    assert not is_missing(strange)


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab1é", max_size=2), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(values)
def test_json_stays_as_it_is_and_shares_nothing(value: Any) -> None:
    converted = to_json(value)
    assert json.dumps(converted) == json.dumps(value)
    assert converted is not value or not isinstance(value, (dict, list))


@given(st.datetimes(min_value=EARLIEST, max_value=EARLIEST.replace(year=2200)))
def test_one_moment_has_one_text_whatever_its_type(moment: datetime) -> None:
    same = [np.datetime64(moment, "us"), np.datetime64(moment, "ns"), pd.Timestamp(moment)]
    assert {to_json(one) for one in same} == {moment.isoformat()}
    assert {to_time(one) for one in same} == {moment}


@given(st.sets(scalars, max_size=5))
def test_equal_sets_give_equal_json(value: set[Any]) -> None:
    other: set[Any] = set()
    for one in sorted(value, key=repr, reverse=True):
        other.add(one)
    assert to_json(value) == to_json(other)


keys = st.integers() | st.booleans() | st.none() | st.text("1a-", max_size=2)


@given(st.dictionaries(keys, scalars))
def test_no_key_is_lost(value: dict[Any, Any]) -> None:
    names = {key if isinstance(key, str) else json.dumps(key) for key in value}
    if len(names) == len(value):
        assert set(to_json(value)) == names
    else:
        with pytest.raises(FieldValueError, match="which are the same key"):
            to_json(value)
