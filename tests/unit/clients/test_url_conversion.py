"""The forms of `url_conversion`, and the shapes of fields with URLs."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from synapse.clients.url_conversion import convert_row, parse_conversion
from synapse.errors import UsageError


@pytest.mark.parametrize(
    ("argument", "fields"),
    [
        ({"coerce": str.upper}, ("files",)),
        ({"files_fields": ["a", "b"], "coerce": str.upper, "is_list": True}, ("a", "b")),
        ({"a": str.upper}, ("a",)),
    ],
)
def test_forms(argument: Any, fields: tuple[str, ...]) -> None:
    assert parse_conversion(argument, ["files"]) == (fields, str.upper)


@pytest.mark.parametrize(
    "argument",
    [
        None,
        {},
        {"files_fields": ["files"]},
        {"files_fields": ["files"], "is_list": True},
        {"files_fields": ["files"], "coerce": None, "is_list": True},
        {"files": None},
    ],
)
def test_nothing_to_rewrite(argument: Any) -> None:
    assert parse_conversion(argument, ["files"]) is None


@pytest.mark.parametrize(
    "argument",
    [
        {"files": str.upper, "file": str.upper},
        {"files_fields": ["files"], "coarse": str.upper},
        {"coerce": "text"},
        {"files": "text"},
    ],
)
def test_invalid_argument(argument: Any) -> None:
    with pytest.raises(UsageError, match="url_conversion"):
        parse_conversion(argument, ["files"])


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("u", "U"),
        (["u", {"url": "u", "path": "p"}], ["U", {"url": "U", "path": "p"}]),
        ({"url": "u", "checksum": "c"}, {"url": "U", "checksum": "c"}),
        ({"a": {"url": "u", "checksum": "c"}}, {"a": {"url": "U", "checksum": "c"}}),
        ({"a": {"url": None, "checksum": "c"}}, {"a": {"url": None, "checksum": "c"}}),
        ({"a": {"checksum": "c", "path": "p"}}, {"a": {"checksum": "c", "path": "p"}}),
        ({"url": {"url": "u", "checksum": "c"}}, {"url": {"url": "U", "checksum": "c"}}),
        ({"a": "u", "b": None, "c": 1}, {"a": "U", "b": None, "c": 1}),
        ({}, {}),
        (None, None),
        (7, 7),
    ],
)
def test_shapes_of_fields(field: Any, expected: Any) -> None:
    row = {"id": 1, "files": field, "url": "other"}
    before = copy.deepcopy(row)

    converted = convert_row(row, (("files",), str.upper))

    assert converted == {"id": 1, "files": expected, "url": "other"}
    assert row == before


def test_failing_callable_is_not_hidden() -> None:
    def fail(url: str) -> str:
        raise RuntimeError(url)

    with pytest.raises(RuntimeError, match="u"):
        convert_row({"files": "u"}, (("files",), fail))
