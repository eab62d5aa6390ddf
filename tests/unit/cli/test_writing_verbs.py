"""Commands that create, change and delete: what needs no server."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.cli.output import Format
from synapse.cli.writing_verbs import WritingVerbs, _divide
from synapse.errors import UsageError
from synapse.orm import registry

TASKS: Any = registry.get("Task")


def test_ids_and_pairs() -> None:
    assert _divide(["1", "a=b", "2", "c:=1"]) == (["1", "2"], ["a=b", "c:=1"])
    assert _divide(None) == ([], [])


def test_columns() -> None:
    verbs = WritingVerbs(TASKS)
    assert verbs.list_columns(Format.CSV) == list(TASKS.__schema__.fields)
    assert len(verbs.list_columns(Format.TABLE)) <= 9
    assert verbs.list_columns(Format.TABLE)[0] == "id"


@pytest.mark.parametrize("name", ["created", "statsu", "id"])
def test_fields_that_nobody_sets(name: str) -> None:
    with pytest.raises(UsageError, match="no field"):
        WritingVerbs(TASKS)._check_settable({name: 1})
