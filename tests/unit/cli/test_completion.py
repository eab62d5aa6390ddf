from types import SimpleNamespace
from typing import Any

from synapse.cli.completion import complete_fields, complete_filter, complete_value

CONTEXT: Any = SimpleNamespace(parent=SimpleNamespace(command=SimpleNamespace(name="tasks")))


def test_fields() -> None:
    assert complete_fields(CONTEXT, "sta") == ["status"]
    assert complete_fields(CONTEXT, "id,-sta") == ["id,-status"]


def test_filters() -> None:
    names = complete_filter(CONTEXT, "created")
    assert {"created_after=", "created__gte="} <= set(names)
    assert complete_filter(CONTEXT, "status=p") == ["status=pending"]
    assert complete_filter(CONTEXT, "status=pending,c") == ["status=pending,completed"]
    assert complete_filter(CONTEXT, "is_discarded=") == ["is_discarded=true", "is_discarded=false"]
    assert complete_filter(CONTEXT, "project=") == complete_filter(CONTEXT, "no=") == []


def test_values_are_those_that_can_be_set() -> None:
    assert "priority=" in complete_value(CONTEXT, "")
    assert "created=" not in complete_value(CONTEXT, "")
