"""Between JSON and Python values."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse._internal.json_values import to_json
from synapse.orm.convert import (
    Choices,
    ValueObject,
    parse_time,
    pass_through,
    same_json,
    structure_hook,
)

UTC = timezone.utc


def from_wire(value: Any, kind: Any) -> Any:
    return structure_hook(kind)(value)


class Size(Choices):
    SMALL = "small"
    LARGE = "large"


@attrs.frozen(kw_only=True)
class Part(ValueObject):
    name: str
    size: Size | str | None = None
    made: datetime | None = None


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(json_values)
def test_json_goes_over_the_wire_unchanged(value: Any) -> None:
    assert same_json(to_json(value), value)
    assert same_json(from_wire(value, Any), value)


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])))
def test_a_time_survives_the_wire(moment: datetime) -> None:
    assert from_wire(to_json(moment), datetime) == moment


@given(st.sampled_from(Size))
def test_a_choice_survives_the_wire(choice: Size) -> None:
    assert from_wire(to_json(choice), Size | str) is choice


@given(
    st.builds(
        Part,
        name=st.text(),
        size=st.none() | st.sampled_from(Size) | st.just("huge"),
        made=st.none() | st.datetimes(timezones=st.just(UTC)),
        extra=st.dictionaries(st.text(min_size=7, max_size=8), st.integers(), max_size=2),
    )
)
def test_a_nested_value_survives_the_wire_with_the_keys_that_it_does_not_know(part: Part) -> None:
    assert from_wire(to_json(part), Part) == part


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00.250000Z", datetime(2026, 1, 31, 12, 0, 0, 250000, tzinfo=UTC)),
        ("2026-01-31T12:00:00+09:00", datetime(2026, 1, 31, 3, tzinfo=UTC)),
    ],
)
def test_times_are_parsed_as_drf_writes_them(text: str, expected: datetime) -> None:
    assert parse_time(text) == expected


def test_a_parsed_time_stays_as_it_is() -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    assert parse_time(moment) is moment


@pytest.mark.parametrize("value", [5, None, "soon", ["2026-01-31T12:00:00Z"]])
def test_what_is_no_time_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_time(value)


@pytest.mark.parametrize("kind", [Size, Size | str, Size | str | None])
def test_an_unknown_choice_is_kept_as_it_came(kind: Any) -> None:
    value = from_wire("gigantic", kind)
    assert value == "gigantic"
    assert type(value) is str


@pytest.mark.parametrize("kind", [Size, Size | str])
def test_what_is_no_text_is_no_choice(kind: Any) -> None:
    with pytest.raises(TypeError, match="Size takes a string"):
        from_wire(5, kind)


@pytest.mark.parametrize("kind", [list[int], dict[str, Any], list[int] | None])
def test_a_text_is_no_list_and_no_mapping(kind: Any) -> None:
    with pytest.raises(TypeError, match="was declared"):
        from_wire("ab", kind)


def test_a_choice_shows_as_its_text() -> None:
    assert f"{Size.SMALL}" == "small"
    assert Size.SMALL == "small"


def test_null_in_a_nested_value_is_none_whatever_was_declared() -> None:
    assert from_wire({"name": None}, Part).name is None


def test_a_nested_value_that_lacks_what_it_needs_is_refused() -> None:
    with pytest.raises(TypeError, match="name"):
        from_wire({}, Part)


def test_what_is_no_object_is_no_nested_value() -> None:
    with pytest.raises(TypeError, match="expected an object, got 5"):
        from_wire(5, Part)


def test_a_nested_value_stays_as_it_is() -> None:
    part = Part(name="a")
    assert from_wire([part], list[Part])[0] is part


def test_a_nested_value_sends_what_is_set_and_what_it_came_with() -> None:
    assert to_json(Part(name="a", size=Size.LARGE, extra={"x": (1,)})) == {
        "name": "a",
        "size": "large",
        "x": [1],
    }


@pytest.mark.parametrize(
    ("kind", "types"),
    [
        (str, {str, type(None)}),
        (int | None, {int, type(None)}),
        (float, {float, int, type(None)}),
        (Size | str, {type(None)}),
        (datetime, {type(None)}),
        (dict[str, Any], {type(None)}),
    ],
)
def test_which_values_need_no_conversion(kind: Any, types: set[type]) -> None:
    assert pass_through(kind) == types


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        ({"a": [1]}, {"a": [True]}, False),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ([1], [1, 2], False),
        ([], {}, False),
        ([1], "1", False),
        (None, None, True),
        (None, 0, False),
    ],
)
def test_json_values_are_compared_as_json_has_them(one: Any, other: Any, expected: bool) -> None:
    assert same_json(one, other) is expected
    assert same_json(other, one) is expected


def test_a_value_that_equals_nothing_is_still_itself() -> None:
    nan = float("nan")
    assert same_json({"a": [nan]}, {"a": [nan]})
