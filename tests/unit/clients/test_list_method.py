"""The types of the lists say what the methods of the clients take."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from synapse.clients import BackendClient
from synapse.clients.list_method import typed_list, typed_part_list

LISTS = {
    name: inspect.signature(method)
    for name, method in inspect.getmembers(BackendClient, inspect.isfunction)
    if name.startswith("list_") and "list_all" in inspect.signature(method).parameters
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_takes_the_keywords_of_its_type(name: str) -> None:
    parameters = list(LISTS[name].parameters.values())[1:]
    defaults = {each.name: each.default for each in parameters[:-1]}

    part = {"params": None, "list_all": False}
    assert defaults in (part, {**part, "url_conversion": None})
    assert list(defaults)[-1] == "list_all"
    assert {each.kind for each in parameters[:-1]} == {inspect.Parameter.POSITIONAL_OR_KEYWORD}
    assert parameters[-1].annotation == "Unpack[ListKeywords]"


def test_lists_of_documents_rewrite_no_urls() -> None:
    parts = {name for name in LISTS if "url_conversion" not in LISTS[name].parameters}

    assert parts == {"list_assignments_data", "list_ground_truth_events_data", "list_tasks_data"}
    assert len(LISTS) == 20


@pytest.mark.parametrize("typed", [typed_list, typed_part_list])
def test_a_typed_list_is_the_method_itself(typed: Any) -> None:
    def list_rows() -> None:
        """List rows."""

    assert typed(list_rows) is list_rows
