import pytest

from synapse import Project, Task
from synapse.cli.field_help import describe_names


def test_fields() -> None:
    heading, rows = describe_names(Project, "create")
    texts = dict(rows)
    assert heading == "Fields"
    assert texts["configuration"].endswith("JSON, by configuration:=.")
    assert texts["data_collection"] == "The project's data collection. An id."
    assert texts["can_discard"].endswith("true or false.")
    assert texts["description"] == "Description of the project."
    assert not {"id", "created", "data_collection_id"} & set(texts)


@pytest.mark.parametrize("command", ["list", "count"])
def test_filters_of_one_field_are_one_row(command: str) -> None:
    heading, rows = describe_names(Task, command)
    assert heading == "Filters"
    assert dict(rows)["id"] == "The task's id. Also __in, __lt, __lte, __gt, __gte."


def test_other_commands_take_no_names() -> None:
    assert describe_names(Task, "get") == ("", [])
