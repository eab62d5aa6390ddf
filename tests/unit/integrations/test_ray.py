"""Reading a query into Ray, with a stand-in for Ray; tests/ray uses Ray itself."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest

import synapse
from synapse.errors import MissingExtra, UsageError
from synapse.integrations.ray import read


@pytest.fixture
def session(server: Any, token: str) -> synapse.Session:
    """A session with the scripted server."""
    return synapse.Session(server.url, token, retries=0)


def test_reading_makes_one_request(
    fake_ray: types.ModuleType, server: Any, session: synapse.Session
) -> None:
    server.reply(200, {"results": [], "count": 250, "next": None})

    dataset: Any = read(
        session.tasks.filter(project=1).values("id"), override_num_blocks=2, concurrency=4
    )

    source, options = dataset
    assert options == {"override_num_blocks": 2, "concurrency": 4}
    assert [task.metadata.num_rows for task in source.get_read_tasks(10)] == [250]
    assert len(server.requests) == 1


def test_wrong_arguments(fake_ray: types.ModuleType, session: synapse.Session) -> None:
    with pytest.raises(UsageError, match=r"query is a list\. Pass a query"):
        read([1])  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="Pass 'objects' or 'json'"):
        read(session.tasks.all(), nested="text")  # type: ignore[arg-type]


def test_without_ray(monkeypatch: pytest.MonkeyPatch, session: synapse.Session) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(MissingExtra, match="Ray Data"):
        read(session.tasks.all())
