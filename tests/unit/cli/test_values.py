import io
from pathlib import Path
from typing import Any

import pytest

from synapse import DataUnit, Job, Plugin, Project, Task
from synapse.cli.values import (
    check_key,
    coerce,
    is_pair,
    merge_row,
    read_filters,
    read_json,
    read_pairs,
    read_values,
    split_names,
)
from synapse.errors import UsageError

TASK, PROJECT = Task.__schema__, Project.__schema__


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("a=b", ("a", "b", False)),
        ("a=", ("a", "", False)),
        ("a=b=c", ("a", "b=c", False)),
        ("is-open=x\ny", ("is_open", "x\ny", False)),
        ("a:=[1, null]", ("a", [1, None], True)),
        ("a=@@me", ("a", "@me", False)),
    ],
)
def test_pairs(word: str, expected: Any) -> None:
    assert is_pair(word)
    assert read_pairs([word]) == [expected]


@pytest.mark.parametrize("word", ["", "-", "5", "=x", "a b=c", "1a=b"])
def test_other_words(word: str) -> None:
    assert not is_pair(word)
    with pytest.raises(UsageError, match="is not NAME=VALUE"):
        read_pairs([word])


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": "ä"}', encoding="utf-8")
    assert read_pairs([f"x=@{path}", f"y:=@{path}"]) == [
        ("x", '{"a": "ä"}', False),
        ("y", {"a": "ä"}, True),
    ]
    monkeypatch.setattr("sys.stdin", io.StringIO("[1]"))
    assert read_pairs(["x:=@-"]) == [("x", [1], True)]
    for name in (tmp_path / "nothing", tmp_path):
        with pytest.raises(UsageError, match="can't be read"):
            read_pairs([f"x=@{name}"])
    path.write_bytes(b"\xff")
    with pytest.raises(UsageError, match="can't be read"):
        read_pairs([f"x=@{path}"])


def test_json() -> None:
    assert read_json("1", "x") == 1
    with pytest.raises(UsageError, match="x is not valid JSON"):
        read_json("{", "x")


@pytest.mark.parametrize(
    ("schema", "name", "text", "expected"),
    [
        (TASK, "is_discarded", "Yes", True),
        (TASK, "is_discarded", "false", False),
        (TASK, "assignee", "5", 5),
        (TASK, "assignee", "null", None),
        (TASK, "status", "pending", "pending"),
        (TASK, "project", "7", "7"),
        (PROJECT, "data_collection", "null", None),
        (PROJECT, "title", "5", "5"),
        (PROJECT, "title", "null", "null"),
        (PROJECT, "count_max_assignments_per_task", "2", 2),
        (TASK, "tags", "1,2", ["1", "2"]),
        (Job.__schema__, "progress", "0.5", 0.5),
    ],
)
def test_values_in_the_declared_type(schema: Any, name: str, text: str, expected: Any) -> None:
    if name not in schema.fields:
        pytest.skip(f"no field {name}")
    value = coerce(schema.fields[name], name, text)
    assert (value, type(value)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("is_discarded=maybe", "Write is_discarded=true or false."),
        ("assignee=ada", "assignee=ada is not a number"),
        ("meta=text", "meta takes JSON. Write meta:="),
    ],
)
def test_values_that_do_not_fit(word: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_values(TASK, [word])


def test_an_unknown_field_stays_text() -> None:
    assert read_values(TASK, ["nothing=5", "meta:={}"]) == {"nothing": "5", "meta": {}}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["status=pending"], {"status": "pending"}),
        (["status=pending,completed"], {"status": ["pending", "completed"]}),
        (["id=1,2"], {"id": [1, 2]}),
        (["id=1", "id=2"], {"id": [1, 2]}),
        (["id__in=1"], {"id__in": [1]}),
        (["id__in:=[]"], {"id__in": []}),
        (["id__gte=5"], {"id__gte": 5}),
        (["project=3"], {"project": 3}),
        (["project_id=3,4"], {"project_id": [3, 4]}),
        (["tags=1"], {"tags": 1}),
        (["created_after=2026-01-01"], {"created_after": "2026-01-01"}),
        (["assignee:=null"], {"assignee": None}),
    ],
)
def test_filters(words: list[str], expected: Any) -> None:
    assert read_filters(TASK, words) == expected


def test_a_text_may_have_commas() -> None:
    assert read_filters(PROJECT, ["title=a,b"]) == {"title": "a,b"}


def test_merged_rows() -> None:
    assert merge_row({"id": 1, "a": 1, "b": 2}, {"b": 3}, "id") == {"a": 1, "b": 3}


def test_units_are_declared() -> None:
    assert read_values(DataUnit.__schema__, ["meta:={}"]) == {"meta": {}}


@pytest.mark.parametrize(
    ("word", "advice"),
    [
        ("id>2", "Write id__gt=2."),
        ("created >= 2027-01-31", "Write created__gte=2027-01-31."),
        ("id<", "Write id__lt=VALUE."),
        ("status!=pending", "list the values that you want, as in status=A,B."),
        ("pending", "Write it as in status=pending."),
    ],
)
def test_comparisons_are_answered_by_filters(word: str, advice: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_filters(TASK, [word])
    assert str(caught.value).startswith(f"{word!r} is not NAME=VALUE.")
    assert str(caught.value).endswith(advice)


def test_a_field_is_set_once() -> None:
    with pytest.raises(UsageError, match="title is given twice"):
        read_values(PROJECT, ["title=a", "description=b", "title=c"])


def test_names_of_a_repeated_option() -> None:
    assert split_names(["id, status", "priority", ""]) == ["id", "status", "priority"]
    assert split_names(None) == []


@pytest.mark.parametrize(
    ("schema", "text", "key"),
    [(TASK, "5", 5), (Plugin.__schema__, "detector", "detector"), (Job.__schema__, "5", "5")],
)
def test_ids(schema: Any, text: str, key: Any) -> None:
    assert check_key(schema, text) == key


def test_a_name_is_not_an_id() -> None:
    with pytest.raises(UsageError, match="`synapse projects list 'title=Two words'` shows"):
        check_key(PROJECT, "Two words")
    with pytest.raises(UsageError, match="`synapse tasks list` shows the ids"):
        check_key(TASK, "high")


@pytest.mark.parametrize(
    ("schema", "word", "command"),
    [
        (TASK, "project=Animals", "synapse projects list title=Animals"),
        (TASK, "project__in=1,Animals", "synapse projects list title=Animals"),
        (TASK, "tags=checked", "synapse task-tags list name=checked"),
        (Job.__schema__, "plugin=detector", "synapse plugins list code=detector"),
    ],
)
def test_a_filter_by_relation_takes_an_id(schema: Any, word: str, command: str) -> None:
    with pytest.raises(UsageError, match=f"which are numbers. `{command}` shows the ids"):
        read_filters(schema, [word])
    assert read_filters(TASK, ["project=1,2"]) == {"project": [1, 2]}


def test_a_value_of_an_unknown_filter_has_no_type() -> None:
    assert read_filters(TASK, ["assignee__isnull=true"]) == {"assignee__isnull": "true"}
