"""Suggestions for misspelled names."""

from __future__ import annotations

from synapse._internal.hints import attribute_error, suggestion


def test_a_near_name_is_suggested() -> None:
    assert suggestion("statsu", ["status", "title"]) == "; did you mean 'status'?"


def test_a_far_name_lists_the_known_ones() -> None:
    assert suggestion("select", ["delete", "title"]) == ". There are: delete, title."


def test_a_habit_from_another_library_is_answered() -> None:
    elsewhere = {"exclude": ("filter", "filter what you want instead")}

    assert suggestion("exclude", ["filter"], elsewhere) == ": filter what you want instead."


def test_python_adds_no_suggestion_of_its_own() -> None:
    error = attribute_error("Task has no 'titel'; did you mean 'title'?", "titel")

    assert (error.name, error.obj) == ("titel", None)
