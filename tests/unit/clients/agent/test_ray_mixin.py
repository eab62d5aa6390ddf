"""The agent's view of a Ray cluster: one request a method, and valid ids only."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.clients.agent.ray_mixin import RayClientMixin
from synapse.errors import BadRequest, InvalidResponse, UsageError


@pytest.fixture
def mixin(transport: Any) -> RayClientMixin:
    return RayClientMixin(transport=transport)


@pytest.mark.parametrize(
    ("name", "key", "line"),
    [
        ("get_job", "raysubmit_1", "GET jobs/raysubmit_1/"),
        ("stop_job", "raysubmit_1", "POST jobs/raysubmit_1/stop/"),
        ("get_task", 7, "GET tasks/7/"),
        ("delete_serve_application", "detect", "DELETE serve_applications/detect/"),
    ],
)
def test_request(mixin: RayClientMixin, transport: Any, name: str, key: Any, line: str) -> None:
    getattr(mixin, name)(key)

    assert transport.lines == [line]


@pytest.mark.parametrize(
    ("job_id", "protocol", "error"),
    [("a/b", "auto", BadRequest), ("a", "carrier pigeon", UsageError)],
)
def test_tail_checks_its_arguments_first(
    mixin: RayClientMixin, transport: Any, job_id: str, protocol: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        mixin.tail_job_logs(job_id, protocol)

    assert transport.calls == []


ROW = {"id": "a"}


@pytest.mark.parametrize(
    ("body", "params"),
    [
        ([ROW], None),
        ({"results": [ROW], "next": None}, None),
        ({"results": [ROW], "next": "http://fake/?page=2"}, {"page": 1}),
    ],
)
def test_list(mixin: RayClientMixin, transport: Any, body: Any, params: Any) -> None:
    transport.responses = [body]

    assert mixin.list_jobs(params) == [ROW]


@pytest.mark.parametrize(
    "body", [{"results": [ROW], "next": "http://fake/?page=2"}, {"results": None}, {}, "text"]
)
def test_part_of_a_list_is_refused(mixin: RayClientMixin, transport: Any, body: Any) -> None:
    transport.responses = [body]

    with pytest.raises(InvalidResponse, match="not a list"):
        mixin.list_nodes()
