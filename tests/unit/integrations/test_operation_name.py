"""Names of requests by resource and verb."""

from __future__ import annotations

import pytest
import requests

from synapse.integrations import operation_name
from synapse.integrations.operation_name import OperationNames
from synapse.transport.request_context import RequestContext


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "tasks/", "tasks.list"),
        ("GET", "sdk/tasks/", "tasks.list"),
        ("POST", "tasks/", "tasks.create"),
        ("GET", "tasks/5/", "tasks.get"),
        ("GET", "plugins/detector/", "plugins.get"),
        ("PATCH", "tasks/5/", "tasks.update"),
        ("PUT", "tasks/5/", "tasks.update"),
        ("DELETE", "tasks/5/", "tasks.delete"),
        ("PUT", "tasks/5/annotate/", "tasks.annotate"),
        ("GET", "jobs/7/console_logs/", "jobs.console_logs"),
        ("POST", "tasks/set_tags/", "tasks.set_tags"),
        ("POST", "agents/a-secret-token/connect/", "agents.connect"),
        ("GET", "users/me/", "users.me"),
        ("GET", "health/", "health.list"),
        ("GET", "things/5/parts/6/", "things.get"),
        ("GET", "things/5/No-Word!/", "things.get"),
        ("HEAD", "things/", "things.head"),
        ("GET", "5/", "other"),
        ("GET", "", "other"),
    ],
)
def test_name(method: str, path: str, name: str) -> None:
    assert OperationNames().name(method, path) == name


def make_context(path: str) -> RequestContext:
    request = requests.Request("GET", f"http://h/{path}").prepare()
    return RequestContext(
        request, (1, 1), f"http://h/{path}", None, hides=False, deadline=None, path=path
    )


def test_a_file_by_its_url_has_a_name() -> None:
    assert OperationNames().of(make_context("")) == "files.read"


def test_their_number_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation_name, "_MOST_NAMES", 2)
    names = OperationNames()
    paths = ["a/", "b/", "c/", "a/"]
    assert [names.of(make_context(path)) for path in paths] == [
        "a.list",
        "b.list",
        "other",
        "a.list",
    ]
