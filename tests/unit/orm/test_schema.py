"""The schema of a class: paths, labels, relation targets and hints about refused values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse import DataCollection, DataFile, Job, Task
from synapse.errors import NotFound, UsageError, ValidationError
from synapse.orm.schema import Schema

TASK: Schema = Task.__schema__


@pytest.mark.parametrize(
    ("key", "action", "path"),
    [
        (5, "", "tasks/5/"),
        (0, "", "tasks/0/"),
        ("a-b", "", "tasks/a-b/"),
        (5, "annotate_task_data/", "tasks/5/annotate_task_data/"),
    ],
)
def test_path_of_one_object(key: Any, action: str, path: str) -> None:
    assert TASK.detail_path(key, action) == path


@pytest.mark.parametrize("key", ["", "..", "a/b", True, None, 1.5])
def test_invalid_id_gets_no_path(key: Any) -> None:
    with pytest.raises(UsageError):
        TASK.detail_path(key)


def test_lists_may_have_a_path_of_their_own() -> None:
    assert (TASK.path, TASK.list_path) == ("tasks/", "sdk/tasks/")
    assert DataFile.__schema__.list_path is None


def test_label_names_class_and_id() -> None:
    assert TASK.label("a-b") == "Task a-b"


def test_relation_leads_to_the_schema_of_its_target() -> None:
    target = TASK.relation_target("project")

    assert target is not None
    assert target.name == "Project"


@pytest.mark.parametrize("name", ["status", "project_id", "assignments", "unknown"])
def test_other_names_lead_nowhere(name: str) -> None:
    assert TASK.relation_target(name) is None


def refuse(fields: dict[str, Any], **options: Any) -> ValidationError:
    """Return the error of a refused request, as it leaves the block."""
    with pytest.raises(ValidationError) as refusal, TASK.explaining():
        raise ValidationError(400, "refused", fields=fields, **options)
    return refusal.value


def test_refused_choice_gets_the_allowed_words() -> None:
    hint = refuse({"priority": ["wrong"]}).hint

    assert hint is not None
    assert hint.startswith("priority is one of ")
    assert "high" in hint


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ('"hihg" is not a valid choice.', "high; did you mean 'high'?"),
        ('"zzz" is not a valid choice.', "high."),
    ],
)
def test_a_misspelt_choice_gets_the_near_word(text: str, end: str) -> None:
    hint = refuse({"priority": [text]}).hint

    assert hint is not None
    assert hint.endswith(end)


def test_a_refused_choice_inside_a_value_gets_the_allowed_words() -> None:
    fields = {"file_specifications": [{}, {"file_type": ["wrong"], "name": ["wrong"]}]}
    with pytest.raises(ValidationError) as refusal, DataCollection.__schema__.explaining():
        raise ValidationError(400, "refused", fields=fields)
    assert refusal.value.hint is not None
    assert refusal.value.hint.startswith("file_type is one of image, ")
    assert "name is one of" not in refusal.value.hint


@pytest.mark.parametrize("field", ["meta", "project", "unknown"])
def test_other_refused_fields_get_no_hint(field: str) -> None:
    assert refuse({field: ["wrong"]}).hint is None


def test_hint_of_an_error_stays() -> None:
    assert refuse({"priority": ["wrong"]}, hint="Ask your manager.").hint == "Ask your manager."


def test_other_errors_pass_unchanged() -> None:
    error = NotFound(404, "gone")
    with pytest.raises(NotFound) as refusal, TASK.explaining():
        raise error

    assert refusal.value is error
    assert error.hint is None


@pytest.mark.parametrize(
    ("cls", "asked", "answered", "is_other"),
    [
        *((Task, 1, answered, True) for answered in (2, "2", "x", 11, 1.5, True, "", [], -1)),
        *((Task, 1, answered, False) for answered in (1, "1", None)),
        *((Task, "1", answered, True) for answered in (2, "2", "x")),
        *((Task, "1", answered, False) for answered in (1, "1")),
        *((Task, "a-code", answered, False) for answered in (1, "1", "a-code")),
        *((Job, "AB-1", answered, False) for answered in ("ab-1", "ab1", "AB-1")),
        *((Job, "ab-1", answered, True) for answered in ("ab-2", "x", "")),
        *((Job, 1, answered, True) for answered in (2, "2")),
    ],
)
def test_whether_an_answer_is_another_object(
    cls: Any, asked: Any, answered: Any, is_other: bool
) -> None:
    assert cls.__schema__.is_other(asked, answered) is is_other


@given(st.integers(-30, 30), st.integers(-30, 30))
def test_a_number_is_only_itself(asked: int, answered: int) -> None:
    for one in (asked, str(asked)):
        for other in (answered, str(answered)):
            assert TASK.is_other(one, other) is (asked != answered)
