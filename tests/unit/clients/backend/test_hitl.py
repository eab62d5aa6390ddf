"""Assignments: the list has a path of its own, and tags an action."""

from __future__ import annotations

from typing import Any

from synapse.clients.backend import BackendClient


def test_requests(backend_client: BackendClient, transport: Any) -> None:
    transport.responses = [{"count": 0, "next": None, "previous": None, "results": []}]

    backend_client.list_assignments({"project": 1})
    backend_client.get_assignment(3)
    backend_client.set_tags_assignments({"assignment_ids": [1], "tag_ids": [3]})

    assert transport.lines == [
        "GET sdk/assignments/",
        "GET assignments/3/",
        "POST assignments/set_tags/",
    ]
