import inspect

from synapse.cli.app import COMMANDS
from synapse.cli.resource_names import ALIASES, RESOURCES, get_command_name, get_plural
from synapse.orm import registry


def test_the_table_is_that_of_the_declarations() -> None:
    expected = {
        cls.__schema__.plural: (inspect.getdoc(cls) or "").partition("\n")[0]
        for cls in registry.declared()
        if cls.__module__.startswith("synapse.")
    }
    assert expected == RESOURCES


def test_names_of_groups() -> None:
    for plural in RESOURCES:
        assert get_plural(get_command_name(plural)) == plural
    groups = set(map(get_command_name, RESOURCES))
    assert not groups & set(COMMANDS)
    assert set(ALIASES.values()) <= groups


def test_aliases() -> None:
    words = ("task", "data_units", "unit", "collections", "releases", "tag", "ground_truth")
    assert [ALIASES[word] for word in words] == [
        "tasks",
        "data-units",
        "data-units",
        "data-collections",
        "plugin-releases",
        "task-tags",
        "ground-truths",
    ]
