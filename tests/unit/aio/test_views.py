"""Views of objects, generated from the objects' classes."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

import synapse
from synapse.aio.call_threads import CallThreads
from synapse.aio.items import AsyncItems
from synapse.aio.views import AsyncView, present, view_class
from synapse.resources.tasks import TaskManager
from unit.conftest import ScriptedServer


@pytest.fixture
def threads() -> Iterator[CallThreads]:
    made = CallThreads()
    yield made
    made.close()


@pytest.fixture
def session(server: ScriptedServer) -> Iterator[synapse.Session]:
    with synapse.Session(server.url, "token") as made:
        yield made


def test_a_class_has_one_class_of_views() -> None:
    cls = view_class(TaskManager)

    assert view_class(TaskManager) is cls
    assert cls.__name__ == "AsyncTaskManager"
    assert cls.__doc__ == TaskManager.__doc__


def test_methods_keep_their_signature_and_docstring() -> None:
    method: Any = view_class(TaskManager).count  # type: ignore[attr-defined] # at run time

    assert inspect.iscoroutinefunction(method)
    assert method.__doc__ == TaskManager.count.__doc__
    assert inspect.signature(method) == inspect.signature(TaskManager.count)


def test_a_query_in_a_query_is_read_by_the_thread(
    session: synapse.Session, server: ScriptedServer, threads: CallThreads
) -> None:
    server.answer_to("ordering=id&page_size=100", {"count": 1, "results": [{"id": 7}]})
    server.reply(200, {"count": 3, "results": [{"id": 1}]})

    tasks = present(threads, session.tasks)
    refined = tasks.filter(project=session.projects.order_by("id")).order_by("-id")
    assert server.requests == []
    assert repr(refined) == "<aio TaskManager, not read yet>"

    assert asyncio.run(refined.count()) == 3
    assert "project=7" in server.last.target


def test_views_as_arguments_stand_for_their_objects(
    session: synapse.Session, server: ScriptedServer, threads: CallThreads
) -> None:
    server.reply(200, {"id": 7, "title": "Streets"})
    server.reply(200, {"count": 3, "results": []})
    project = session.projects.get(7)

    tasks = present(threads, session.tasks).filter(project=session.aio(project))

    assert asyncio.run(tasks.count()) == 3
    assert "project=7" in server.last.target


def test_generators_become_loops(threads: CallThreads) -> None:
    def numbers() -> Iterator[int]:
        yield from range(3)

    items = present(threads, numbers())

    async def main() -> list[int]:
        return [item async for item in items]

    assert isinstance(items, AsyncItems)
    assert asyncio.run(main()) == [0, 1, 2]


def test_plain_results_stay_as_they_are(threads: CallThreads) -> None:
    for value in (5, "x", [1], None):
        assert present(threads, value) is value
    view = AsyncView(threads, 5)
    assert present(threads, view) is view


def test_attributes_cannot_be_assigned(session: synapse.Session, threads: CallThreads) -> None:
    with pytest.raises(AttributeError, match="await save"):
        present(threads, session.tasks).x = 5


def test_private_names_are_unknown(session: synapse.Session, threads: CallThreads) -> None:
    with pytest.raises(AttributeError):
        _ = present(threads, session.tasks)._state
