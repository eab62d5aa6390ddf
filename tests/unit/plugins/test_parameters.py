"""Parameters against a JSON Schema."""

from __future__ import annotations

import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from synapse.plugins import parameters
from synapse.plugins.parameters import (
    WHOLE,
    find_problems,
    find_problems_here,
    find_schema_problems,
)

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "epochs": {"type": "integer", "minimum": 1},
        "layers": {"type": "array", "items": {"$ref": "#/$defs/layer"}},
        "mode": {"enum": ["fast", "good"]},
    },
    "patternProperties": {"^x-": {}},
    "required": ["epochs"],
    "additionalProperties": False,
    "$defs": {
        "layer": {
            "type": "object",
            "properties": {"size": {"type": "integer"}},
            "required": ["size"],
        }
    },
}


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"epochs": 1}, {}),
        ({"epochs": 3, "layers": [{"size": 2}], "mode": "fast", "x-note": 1}, {}),
        ({}, {"epochs": ["Missing."]}),
        ({"epochs": "3"}, {"epochs": ["'3' is not of type 'integer'"]}),
        ({"epochs": True}, {"epochs": ["True is not of type 'integer'"]}),
        ({"epochs": 0}, {"epochs": ["0 is less than the minimum of 1"]}),
        (
            {"epochs": 1, "layers": [{"size": 1}, {}]},
            {"layers.1.size": ["Missing."]},
        ),
        (
            {"epoch": 1},
            {
                "epoch": ["Unknown parameter; did you mean 'epochs'?"],
                "epochs": ["Missing."],
            },
        ),
        (
            {"epochs": 1, "mode": "slow", "layers": 3},
            {
                "mode": ["'slow' is not one of ['fast', 'good']"],
                "layers": ["3 is not of type 'array'"],
            },
        ),
    ],
)
def test_problems(params: Any, expected: Any) -> None:
    assert find_problems(SCHEMA, params) == expected


def test_what_is_wrong_with_the_whole() -> None:
    assert list(find_problems({"minProperties": 1}, {})) == [WHOLE]


def test_there_are_not_too_many_and_none_is_too_long() -> None:
    found = find_problems(
        {"additionalProperties": {"type": "integer"}}, {f"p{n}": "x" for n in range(999)}
    )
    assert len(found) == 50

    found = find_problems({"properties": {"a": {"type": "integer"}}}, {"a": "x" * 10_000})
    assert len(found["a"][0]) == 200


@pytest.mark.parametrize("reference", ["#/nowhere", "http://127.0.0.1:9/schema.json", "other.json"])
def test_a_reference_that_leads_nowhere_is_never_followed(
    reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = {"properties": {"a": {"$ref": reference}}}
    asked: list[Any] = []
    monkeypatch.setattr(urllib.request, "urlopen", lambda *given, **_: asked.append(given))

    assert list(find_schema_problems(schema)) == ["properties.a.$ref"]
    # A reference that passed the check fails when used.
    assert "can't be used" in find_problems(schema, {"a": 1})[WHOLE][0]
    assert asked == []


def test_a_schema_that_refers_to_itself_ends() -> None:
    assert "too deeply" in find_problems({"$ref": "#"}, {"a": 1})[WHOLE][0]


def test_a_schema_that_is_none() -> None:
    assert find_schema_problems(SCHEMA) == {}
    assert list(find_schema_problems({"properties": {"a": {"type": "int"}}})) == [
        "properties.a.type"
    ]
    assert list(find_schema_problems({"required": "epochs"})) == ["required"]


def test_without_the_package_a_schema_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parameters, "can_check", lambda: False)

    assert find_schema_problems({"type": "integr"}) == {}


def test_words_that_may_be_meant() -> None:
    """Suggest a schema's type for a Python name, and a choice for a misspelled one."""
    (reason,) = find_schema_problems({"properties": {"epochs": {"type": "int"}}})[
        "properties.epochs.type"
    ]
    assert reason.startswith("'int' is not one of ['array', ")
    assert reason.endswith("; did you mean 'integer'?")

    schema = {"properties": {"by": {"enum": ["adamw", "sgd", 3]}}}
    assert find_problems(schema, {"by": "adam"})["by"] == [
        "'adam' is not one of ['adamw', 'sgd', 3]; did you mean 'adamw'?"
    ]
    assert find_problems(schema, {"by": 4})["by"] == ["4 is not one of ['adamw', 'sgd', 3]"]


HOSTILE = [
    ({"properties": {"a": {"pattern": "^(a+)+$"}}}, {"a": "a" * 40 + "!"}),
    ({"properties": {"a": {"items": {"pattern": "(a|a)*$"}}}}, {"a": ["a" * 40 + "!"]}),
    ({"patternProperties": {"^(a+)+$": {}}}, {"a" * 40 + "!": 1}),
    ({"propertyNames": {"pattern": "^(a|aa)+$"}}, {"a" * 60 + "!": 1}),
    ({"properties": {"a": {"uniqueItems": True}}}, {"a": [{"x": n} for n in range(9000)]}),
    (
        {
            "$defs": {
                **{f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)},
                "d40": {},
            },
            "$ref": "#/$defs/d0",
        },
        {"a": 1},
    ),
]


@pytest.mark.parametrize(("schema", "params"), HOSTILE)
def test_check_that_would_not_end_is_ended(
    monkeypatch: pytest.MonkeyPatch, schema: dict[str, Any], params: dict[str, Any]
) -> None:
    monkeypatch.setattr(parameters, "_CPU_SECONDS", 1)

    assert find_problems(schema, params) == {"non_field_errors": [parameters._TOO_LONG]}


@pytest.mark.parametrize(
    ("schema", "params"),
    [
        ({"properties": {"a": {"pattern": "^b+$"}}}, {"a": "aü"}),
        ({"properties": {"a": {"pattern": "^b+$"}}}, {"a": "bbb"}),
        ({"properties": {"a": {"pattern": "("}}}, {"a": "b"}),
        ({"patternProperties": {"^x": {"type": "null"}}}, {"x1": 2, "y": 3}),
        ({"patternProperties": {"^x": {}}, "additionalProperties": False}, {"y": 3}),
        ({"properties": {"a": {"uniqueItems": True}}}, {"a": [1, 1.0]}),
        (
            {"$defs": {"n": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/n"}}},
            {"a": ""},
        ),
        ({"$ref": "#/nowhere"}, {"a": 1}),
        ({"$ref": "#"}, {"a": 1}),
    ],
)
def test_check_in_a_child_finds_the_same(schema: dict[str, Any], params: dict[str, Any]) -> None:
    assert find_problems(schema, params) == find_problems_here(schema, params)


def test_child_imports_nothing_of_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)

    assert find_problems({"properties": {"a": {"pattern": "b"}}}, {"a": "b"}) == {}


def test_child_that_can_not_be_started_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")

    (problem,) = find_problems({"properties": {"a": {"pattern": "b"}}}, {"a": "b"})[WHOLE]
    assert problem.startswith("The parameters can't be checked: ")
