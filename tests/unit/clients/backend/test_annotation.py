"""Projects, tasks and task tags: the requests that aren't plain verbs."""

from __future__ import annotations

from typing import Any

from synapse.clients.backend import BackendClient


def test_annotation_is_put(backend_client: BackendClient, transport: Any) -> None:
    backend_client.annotate_task_data(3, {"annotations": []})

    ((method, path, options),) = transport.calls
    assert (method, path) == ("PUT", "tasks/3/annotate_task_data/")
    assert options["json"] == {"annotations": []}


def test_tags_are_posted_with_params(backend_client: BackendClient, transport: Any) -> None:
    backend_client.set_tags_tasks({"task_ids": [1], "tag_ids": [2]}, {"project": 4})

    ((method, path, options),) = transport.calls
    assert (method, path) == ("POST", "tasks/set_tags/")
    assert options["json"] == {"task_ids": [1], "tag_ids": [2]}
    assert options["params"] == {"project": 4}
