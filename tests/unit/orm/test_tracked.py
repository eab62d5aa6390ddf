"""Tracked lists and mappings: plain ones, except that they report."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.orm.tracked import TrackedDict, TrackedList, adopt, is_tracked, tracked

OF_DICT: list[tuple[str, tuple[Any, ...]]] = [
    ("__setitem__", ("a", 2)),
    ("__delitem__", ("a",)),
    ("__ior__", ({"b": 1},)),
    ("clear", ()),
    ("pop", ("a",)),
    ("popitem", ()),
    ("setdefault", ("b", 1)),
    ("update", ({"b": 1},)),
]
OF_LIST: list[tuple[str, tuple[Any, ...]]] = [
    ("__setitem__", (0, 9)),
    ("__setitem__", (slice(0, 2), [7, 8, 9])),
    ("__delitem__", (0,)),
    ("__iadd__", ([4],)),
    ("__imul__", (2,)),
    ("append", (4,)),
    ("clear", ()),
    ("extend", ([4],)),
    ("insert", (0, 4)),
    ("pop", ()),
    ("remove", (1,)),
    ("reverse", ()),
    ("sort", ()),
]


class Reports:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.mark.parametrize(("name", "args"), OF_DICT)
def test_every_change_of_a_mapping_is_made_and_reported(name: str, args: tuple[Any, ...]) -> None:
    reports, plain = Reports(), {"a": 1}
    mapping = tracked(plain, reports)
    assert getattr(mapping, name)(*args) == getattr(plain, name)(*args)
    assert mapping == plain
    assert reports.count == 1


@pytest.mark.parametrize(("name", "args"), OF_LIST)
def test_every_change_of_a_list_is_made_and_reported(name: str, args: tuple[Any, ...]) -> None:
    reports, plain = Reports(), [3, 1, 2]
    items = tracked(plain, reports)
    assert getattr(items, name)(*args) == getattr(plain, name)(*args)
    assert items == plain
    assert reports.count == 1


@pytest.mark.parametrize("base", [dict, list])
def test_no_changing_method_of_the_plain_type_is_forgotten(base: type) -> None:
    covered = {name for name, _ in (OF_DICT if base is dict else OF_LIST)}
    sample: Any = {"a": 1} if base is dict else [3, 1, 2]
    arguments: list[tuple[Any, ...]] = [
        (), (0,), ("a",), (1,), ([4],), ({"b": 1},), ("b", 1), (0, 4), ("a", 2),
    ]  # fmt: skip
    changing = set()
    for name in dir(base):
        if name in {"__init__", "__class__", "__new__", "__setattr__", "__delattr__"}:
            continue
        for args in arguments:
            subject = copy.deepcopy(sample)
            try:
                getattr(subject, name)(*args)
            except Exception:
                continue
            if subject != sample:
                changing.add(name)
    assert changing <= covered


def test_reading_reports_nothing() -> None:
    reports = Reports()
    mapping = tracked({"a": [1, {"b": 2}]}, reports)
    assert mapping["a"][1]["b"] == 2
    assert list(mapping.items())
    assert sorted(mapping["a"][:1]) == [1]
    assert json.loads(json.dumps(mapping)) == {"a": [1, {"b": 2}]}
    assert reports.count == 0


def test_a_change_at_any_depth_is_reported() -> None:
    reports = Reports()
    mapping = tracked({"a": [{"b": {}}]}, reports)
    mapping["a"][0]["b"]["c"] = 1
    assert reports.count == 1


def test_what_went_in_before_an_error_is_reported() -> None:
    reports = Reports()
    items = tracked([], reports)
    with pytest.raises(ZeroDivisionError):
        items.extend(1 // n for n in (1, 0))
    assert items == [1]
    assert reports.count == 1


def test_making_a_tracked_value_shares_nothing_with_the_original() -> None:
    original: dict[str, Any] = {"a": [1]}
    tracked(original, Reports())["a"].append(2)
    assert original == {"a": [1]}


def test_a_tuple_becomes_a_list_as_in_json() -> None:
    assert tracked((1, (2,)), Reports()) == [1, [2]]


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))]
)
def test_a_copy_is_plain(duplicate: Any) -> None:
    reports = Reports()
    for value in ({"a": 1}, [1]):
        made = duplicate(tracked(value, reports))
        assert type(made) is type(value)
        assert made == value
    assert reports.count == 0


def test_a_deep_copy_is_plain_at_every_depth() -> None:
    made = copy.deepcopy(tracked({"a": [{}]}, Reports()))
    assert type(made["a"]) is list
    assert type(made["a"][0]) is dict


def test_one_that_is_made_by_hand_has_nobody_to_report_to() -> None:
    made = TrackedDict()
    made["a"] = 1
    assert made == {"a": 1}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (tracked({"a": [1, {}]}, Reports()), True),
        ({}, False),
        ([], False),
        (1, True),
        ("ab", True),
        ((1, 2), True),
        (([],), False),
        ({1}, True),
    ],
)
def test_whether_all_of_a_value_reports(value: Any, expected: bool) -> None:
    assert is_tracked(value) is expected


def test_a_plain_list_put_into_a_tracked_mapping_does_not_report() -> None:
    mapping = tracked({}, Reports())
    mapping["a"] = []
    assert not is_tracked(mapping)
    items = tracked([], Reports())
    items.append({})
    assert not is_tracked(items)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(json_values)
def test_a_tracked_value_equals_the_plain_one(value: Any) -> None:
    made = tracked(value, Reports())
    assert made == value
    assert is_tracked(made)
    assert json.dumps(made) == json.dumps(value)


def outcome(subject: list[int], name: str, args: tuple[Any, ...]) -> str:
    try:
        return repr(getattr(subject, name)(*args))
    except (IndexError, ValueError) as error:
        return repr(error)


names = st.sampled_from(["append", "pop", "insert", "extend", "remove", "reverse"])


@given(
    st.lists(st.integers(), max_size=6),
    st.lists(st.tuples(names, st.integers(-7, 7)), max_size=12),
)
def test_a_tracked_list_behaves_like_a_plain_one(
    start: list[int], steps: list[tuple[str, int]]
) -> None:
    reports, plain = Reports(), list(start)
    items = TrackedList(start)
    items._report = reports
    for name, number in steps:
        special = {"insert": (number, number), "extend": ([number],), "reverse": ()}
        args = special.get(name, (number,))
        assert outcome(plain, name, args) == outcome(items, name, args)
        assert items == plain
    assert reports.count == len(steps)


def test_what_is_added_while_values_are_compared_stays() -> None:
    held = tracked({}, lambda: None)

    class AddsAnItem(int):
        """Stands for another thread, which has its turn during a comparison."""

        __hash__ = int.__hash__

        def __eq__(self, other: object) -> bool:
            held[f"added {len(held)}"] = 1
            return int(self) == other

    number = AddsAnItem(1)
    held.update({"a": number, "b": number})

    adopt(held, {"a": number, "b": AddsAnItem(2)})

    assert {"a", "b", "added 2", "added 3"} <= held.keys()


def test_adopting_keeps_the_containers_and_takes_the_content() -> None:
    reports: list[int] = []
    held = tracked({"a": [1, {"b": 2}], "same": [0]}, lambda: reports.append(1))
    items, nested = held["a"], held["a"][1]
    dict.__setitem__(held, 1, (2,))
    dict.__setitem__(nested, "b", (3,))

    adopted = adopt(held, {"a": [1, {"b": [3]}], "same": [0], "1": [2]})

    assert adopted is held
    assert held["a"] is items
    assert items[1] is nested
    assert held == {"a": [1, {"b": [3]}], "same": [0], "1": [2]}
    assert not reports


@pytest.mark.parametrize(
    ("current", "stored"),
    [((1,), [1]), ({1: 2}, {"1": 2}), (1, True), (1.0, 1), ({"a": (1,)}, {"a": [1]}), (b"", "")],
)
def test_adopting_replaces_what_reports_nothing(current: Any, stored: Any) -> None:
    adopted = adopt(current, stored)
    assert adopted is stored


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None, "x", True]}, [[]], "x", None])
def test_adopting_an_equal_plain_value_keeps_it(value: Any) -> None:
    assert adopt(value, copy.deepcopy(value)) is value
