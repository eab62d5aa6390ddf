"""The session of coroutines."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

import synapse
from synapse._internal.cancellation import in_force
from synapse.aio import AsyncSession, CallThreads
from synapse.errors import SessionClosed
from synapse.session import Session
from unit.conftest import ScriptedServer


class OwnSession(Session):
    """A user's session."""

    def count_twice(self) -> int:
        return 2 * self.tasks.count()

    def copy(self) -> OwnSession:
        return OwnSession(transport=self.transport)

    def __getitem__(self, cls: type) -> object:
        return self.tasks


@pytest.fixture
def session(server: ScriptedServer) -> Iterator[OwnSession]:
    with OwnSession(server.url, "token") as made:
        yield made


def test_there_is_one_for_a_session(session: OwnSession) -> None:
    assert session.aio is session.aio
    assert repr(session.aio) == f"<aio {session!r}>"


def test_own_verbs_of_a_session_are_awaited(session: OwnSession, server: ScriptedServer) -> None:
    server.reply(200, {"count": 3, "results": []})

    assert asyncio.run(session.aio.count_twice()) == 6  # type: ignore[attr-defined] # its own
    assert "count_twice" in dir(session.aio)


def test_sessions_and_managers_of_a_session_share_the_threads(session: OwnSession) -> None:
    copy = session.aio.copy()  # type: ignore[attr-defined] # its own

    assert isinstance(copy, AsyncSession)
    assert copy._threads is session.aio._threads
    assert session.aio[synapse.Task]._target._session is session


def test_threads_can_be_shared(session: OwnSession) -> None:
    threads = CallThreads(3)

    assert AsyncSession(session, threads=threads)._threads is threads
    assert AsyncSession(session, workers=5)._threads.workers == 5


def test_a_view_of_a_view_is_the_view(session: OwnSession) -> None:
    view = session.aio.tasks

    assert session.aio(view) is view  # type: ignore[call-overload] # a mistake that does no harm


def test_what_has_no_verbs_is_refused(session: OwnSession) -> None:
    for value in (5, None, [1], session.aio):
        with pytest.raises(synapse.UsageError, match="Pass a Task"):
            session.aio(value)  # type: ignore[call-overload] # the mistake


def test_functions_run_by_the_rules_of_calls(session: OwnSession, server: ScriptedServer) -> None:
    def count(factor: int, *, more: int) -> tuple[int, bool, str]:
        is_cancellable = in_force() is not None
        total = factor * session.tasks.count() + more
        return total, is_cancellable, threading.current_thread().name[:11]

    server.reply(200, {"count": 3, "results": []})

    assert asyncio.run(session.aio.run(count, 2, more=1)) == (7, True, "synapse-aio")
    with pytest.raises(ZeroDivisionError):
        asyncio.run(session.aio.run(lambda: 1 / 0))


def test_endpoints_options_and_classes_are_awaited(
    session: OwnSession, server: ScriptedServer
) -> None:
    async def main() -> None:
        patient = session.aio.options(headers={"X-Team": "a"})
        assert await patient.request("GET", "labels/1/") == {"id": 1}
        rows = session.aio.pages("labels/", page_size=2)
        assert [row["id"] async for row in rows] == [1, 2, 3]
        assert await rows.count() == 3

    server.reply(200, {"id": 1})
    link = f"{server.url}labels/?page=2"
    server.reply(200, {"count": 3, "next": link, "results": [{"id": 1}, {"id": 2}]})
    server.reply(200, {"count": 3, "next": None, "results": [{"id": 3}]})
    server.reply(200, {"count": 3, "next": link, "results": [{"id": 1}]})

    asyncio.run(main())

    assert [each.headers.get("x-team") for each in server.requests] == ["a", None, None, None]


def test_copies_with_other_options_share_the_threads(
    session: OwnSession, server: ScriptedServer
) -> None:
    copy = session.options(retries=0)
    server.reply(200, {"count": 3, "results": []})

    assert asyncio.run(copy.aio.tasks.count()) == 3
    copy.close()

    assert copy.aio._threads is session.aio._threads
    assert session.aio._threads._pool is not None


def test_closing_the_session_ends_the_threads(session: OwnSession, server: ScriptedServer) -> None:
    server.reply(200, {"count": 3, "results": []})
    asyncio.run(session.aio.tasks.count())
    session.close()

    assert session.aio._threads._pool is None
    with pytest.raises(SessionClosed):
        asyncio.run(session.aio.tasks.count())
