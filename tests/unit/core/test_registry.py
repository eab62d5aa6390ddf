"""Declared classes by name, and what was probably meant."""

from __future__ import annotations

import pytest

from synapse import Project, Session, Task
from synapse.core import registry
from synapse.errors import SynapseError


def test_a_class_is_found_by_its_name() -> None:
    assert registry.find("Task") is Task


def test_a_class_is_found_by_the_name_of_its_manager() -> None:
    assert registry.find_root("tasks") is Task
    assert registry.find_root("task") is None


def test_an_unknown_class_is_named_with_what_was_meant() -> None:
    with pytest.raises(SynapseError, match="No resource 'Taks' is declared; did you mean 'Task'"):
        registry.find("Taks")


def test_classes_come_in_the_order_of_declaration() -> None:
    names = [cls.__name__ for cls in registry.declared()]
    assert names.index("Project") < names.index("Task")
    assert len(names) == len(set(names))


def test_declaring_a_class_again_replaces_it() -> None:
    again = type("Project", (Project,), {})
    registry.register(again)
    try:
        assert registry.find("Project") is again
    finally:
        registry.register(Project)
    assert registry.find("Project") is Project


@pytest.mark.parametrize(
    ("word", "known", "text"),
    [
        ("statsu", ["status", "size"], "; did you mean 'status'?"),
        ("xyzzy", ["b", "a"], ". There are: a, b."),
        ("xyzzy", [], "."),
        (5, ["five"], ". There are: five."),
    ],
)
def test_what_was_meant_is_one_near_name_or_all(word: object, known: list[str], text: str) -> None:
    assert registry.suggestion(word, known) == text


def test_a_misspelled_manager_is_refused_with_what_was_meant(offline: Session) -> None:
    with pytest.raises(AttributeError, match="Session has no 'porjects'; did you mean 'projects'"):
        offline.porjects  # noqa: B018
