"""Copies of a session with other options for some calls."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import synapse
from synapse import Task
from synapse.errors import ServerError, SessionClosed
from synapse.orm import scoped_options, session_base

ROW = {"id": 1, "status": "pending", "meta": {}}


@pytest.fixture
def session(server: Any) -> Iterator[synapse.Session]:
    with synapse.Session(server.url, "a-token", retries=0) as session:
        yield session


def teams(server: Any) -> list[str | None]:
    """Return the header of each request so far."""
    return [each.headers.get("x-team") for each in server.requests]


def test_objects_are_the_sessions(server: Any, session: synapse.Session) -> None:
    copy = session.options(headers={"X-Team": "a"})
    server.reply(200, ROW)

    task = copy.tasks.get(1)

    assert session.tasks.get(1) is task
    assert copy.tasks.get(1) is task
    assert task._session is session
    assert teams(server) == ["a"]
    assert session.request_count == copy.request_count == 1
    assert type(copy) is synapse.Session


def test_verbs_of_objects_have_the_options_in_a_block(
    server: Any, session: synapse.Session
) -> None:
    for _ in range(4):
        server.reply(200, ROW)
    task = session.identity.get_or_stub(Task, 1)

    with session.options(headers={"X-Team": "a"}) as outer:
        task.refresh()
        with outer.options(headers={"X-Other": "b"}):
            task.refresh()
        task.refresh()
    task.refresh()

    assert teams(server) == ["a", "a", "a", None]
    assert [each.headers.get("x-other") for each in server.requests] == [None, "b", None, None]


def test_blocks_hold_for_their_own_thread_task_and_session(
    server: Any, session: synapse.Session
) -> None:
    for _ in range(3):
        server.reply(200, ROW)
    task = session.identity.get_or_stub(Task, 1)

    async def main() -> None:
        inside, outside = asyncio.Event(), asyncio.Event()

        async def in_block() -> None:
            with session.options(headers={"X-Team": "a"}):
                inside.set()
                await outside.wait()
                task.refresh()

        async def out_of_block() -> None:
            await inside.wait()
            task.refresh()
            outside.set()

        await asyncio.gather(in_block(), out_of_block())

    asyncio.run(main())
    with session.options(headers={"X-Team": "a"}):
        thread = threading.Thread(target=task.refresh)
        thread.start()
        thread.join()
        with synapse.Session(server.url, "b-token") as other:
            assert other.transport is other._transport

    assert teams(server) == [None, "a", None]


def test_options_in_force_can_be_read(session: synapse.Session) -> None:
    copy = session.options(timeout=(3, 90), deadline=None, retries=2)

    assert (copy.timeout.read, copy.deadline, copy.retries) == (90, None, 2)
    assert (session.timeout.read, session.deadline, session.retries) == (30, 300, 0)
    assert copy.options(timeout=4).retries == 2
    assert session.options().deadline == 300


def test_block_ends_with_its_error(server: Any, session: synapse.Session) -> None:
    server.reply(500)
    server.reply(200, ROW)
    task = session.identity.get_or_stub(Task, 1)

    with pytest.raises(ServerError), session.options(headers={"X-Team": "a"}):
        task.refresh()
    task.refresh()

    assert teams(server) == ["a", None]


def test_block_of_a_generator_may_end_after_the_outer_one(
    server: Any, session: synapse.Session
) -> None:
    def walk() -> Iterator[int]:
        with session.options(headers={"X-Team": "inner"}):
            yield 1

    server.reply(200, ROW)
    with session.options(headers={"X-Team": "outer"}):
        steps = walk()
        next(steps)
    steps.close()
    session.identity.get_or_stub(Task, 1).refresh()

    assert teams(server) == [None]
    assert session.transport is session._transport
    assert scoped_options._scope.get() is None


def test_closing_a_copy_leaves_the_session_open(server: Any, session: synapse.Session) -> None:
    copy = session.options(retries=1)
    copy.close()
    server.reply(200, ROW)
    copy.tasks.get(1)

    session.close()
    with pytest.raises(SessionClosed):
        copy.projects.count()


def test_copies_are_never_found_for_a_pickle(session: synapse.Session) -> None:
    copies = [session.options(retries=1) for _ in range(9)]
    copy = copies[0]

    where = {"base_url": session.transport.settings.base_url, "tenant": None, "profile": None}
    # Found among all open ones, in no order.
    assert session_base._open(where["base_url"], None, None) is session
    assert session_base.find(where) is session
    session_base.set_default(None)
    assert copy.client is not session.client
    assert copy.client.session is copy


def test_fork_gives_copies_the_locks_of_the_session(session: synapse.Session) -> None:
    copy = session.options(retries=1)

    session_base._after_fork()

    assert copy.lock is session.lock
    assert copy._saving is session._saving


def test_clients_outlive_the_block_that_they_are_made_in(
    server: Any, session: synapse.Session
) -> None:
    with session.options(headers={"X-Team": "a"}, deadline=1):
        client = session.client
        session.meet_agent(1, "http://127.0.0.1:1/", "agent-token")
    agent = session.agent_api(1)
    server.reply(200, {"count": 0, "results": [], "next": None})
    client.list_projects()

    assert teams(server) == [None]
    assert agent is not None
    assert agent._transport.options.deadline == session.deadline != 1


def test_closing_the_session_in_a_block_closes_the_connections(session: synapse.Session) -> None:
    with session.options(retries=0):
        session.close()

    with pytest.raises(SessionClosed):
        session.transport.request("GET", "x/")


def test_copies_of_copies_have_any_number(server: Any, session: synapse.Session) -> None:
    copy = session.options(headers={"X-Team": "a"}, timeout=(3, 4))
    for number in range(2000):
        copy = copy.options(retries=number % 2)
    server.reply(200, ROW)
    copy.tasks.get(1)

    assert teams(server) == ["a"]
    assert copy.timeout == synapse.config.Timeout(3, 4)
    assert copy.options(timeout=5).timeout == synapse.config.Timeout(5, 5)
