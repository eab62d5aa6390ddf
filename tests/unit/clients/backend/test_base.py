"""Verbs on declared resources: paths and labels come from the declaration."""

from __future__ import annotations

from typing import Any

from synapse.clients.backend import BackendClient
from synapse.resources.tasks import Task


def test_requests(backend_client: BackendClient, transport: Any) -> None:
    backend_client._get_row(Task, 7, {"fields": "id"})
    backend_client._create(Task, [{"project": 1}])
    backend_client._update(Task, 7, {"meta": {}})
    backend_client._call_action("POST", Task, 7, "annotate_task_data/")

    assert transport.lines == [
        *("GET tasks/7/", "POST tasks/", "PATCH tasks/7/", "POST tasks/7/annotate_task_data/")
    ]
    labels = [options["resource"] for *_, options in transport.calls]
    assert labels == ["Task 7", "new Task", "Task 7", "Task 7"]


def test_list_uses_the_list_path(backend_client: BackendClient, transport: Any) -> None:
    transport.responses = [{"count": 0, "next": None, "previous": None, "results": []}]

    backend_client._list_rows(Task, {"project": 1}, None, False)

    assert transport.lines == ["GET sdk/tasks/"]
