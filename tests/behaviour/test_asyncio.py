"""`session.aio`: the same managers and verbs for coroutines."""

from __future__ import annotations

import asyncio
import contextvars
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from behaviour.conftest import Asked, Tables

import synapse
from synapse.aio import AsyncSession
from synapse.errors import BulkError, LazyLoadError, NotFound, SessionClosed
from synapse.testing import assert_num_requests
from synapse.transport.retry import RetryPolicy


def end_threads(aio: Any) -> None:
    """Wait until every thread of an async session has ended."""
    aio._threads._pool.shutdown(wait=True)


class Gate:
    """Holds the server's answers until it is opened.

    Attributes:
        arrived: Set when a request has arrived.
        opened: Whether answers go out.
    """

    def __init__(self, status: int | None = None) -> None:
        self.arrived = threading.Event()
        self.opened = threading.Event()
        self._status = status

    def __call__(self, asked: Asked) -> tuple[int, Any] | None:
        self.arrived.set()
        self.opened.wait()
        return None if self._status is None else (self._status, {"detail": "No."})


async def has_set(event: threading.Event) -> None:
    """Wait for another thread's event."""
    await asyncio.get_running_loop().run_in_executor(None, event.wait)


# -- The same objects and requests ---------------------------------------------------------------


def test_verbs_are_awaited_and_objects_are_the_ordinary_ones(
    session: synapse.Session, project: synapse.Project
) -> None:
    async def main() -> None:
        aio = session.aio
        assert await aio.projects.get(project.id) is project
        assert await aio.tasks.filter(status="pending").count() == 2
        task = await aio(project).tasks.order_by("id").first()
        assert task is not None
        assert await aio(task).project is project
        task.priority = "high"
        assert await aio(task).save() is task
        assert (await aio.tasks.get(task.id, refresh=True)).priority == "high"
        assert (await aio.me).id == session.me.id
        assert await aio.tasks[0] is task
        assert await aio(task).data_unit_id == task.data_unit_id

    asyncio.run(main())


def test_queries_and_rows_are_read_by_async_for(
    session: synapse.Session, project: synapse.Project
) -> None:
    async def main() -> None:
        tasks = session.aio(project).tasks.order_by("id")
        objects = [task async for task in tasks]
        assert objects == list(project.tasks.order_by("id"))
        assert [task async for task in tasks.iterate(workers=1)] == objects
        assert [len(page) async for page in tasks.page_size(1).pages()] == [1, 1]
        assert [task async for task in tasks[1:]] == objects[1:]
        rows = [{"id": task.id} for task in objects]
        assert [row async for row in tasks.values("id")] == rows
        assert (await tasks.values("id").to_pandas()).to_dict("records") == rows

    asyncio.run(main())


def test_a_query_as_a_filter_is_read_in_a_thread(
    session: synapse.Session, project: synapse.Project
) -> None:
    async def main() -> None:
        mine = session.aio.projects.filter(title=project.title)
        with assert_num_requests(session, 0):
            tasks = session.aio.tasks.filter(project=mine).order_by("id")[:1]
        assert [task.project_id async for task in tasks] == [project.id]

    asyncio.run(main())


def test_a_walk_sends_what_the_ordinary_walk_sends(
    connected: synapse.Session, tables: Tables
) -> None:
    tables.rows["tasks"] = [{"id": number} for number in range(1, 501)]

    async def walk() -> list[int]:
        return [task.id async for task in connected.aio.tasks.iterate(workers=1)]

    numbers = asyncio.run(walk())
    sent, tables.asked = tables.asked, []
    ordinary = [task.id for task in connected.tasks.iterate(workers=1)]

    assert numbers == ordinary == list(range(1, 501))
    assert sent == tables.asked


def test_a_loop_that_is_left_asks_for_no_further_page(
    connected: synapse.Session, tables: Tables
) -> None:
    tables.rows["tasks"] = [{"id": number} for number in range(1, 501)]

    async def main() -> None:
        async for _ in connected.aio.tasks:
            break
        tasks = aiter_of(connected.aio.tasks)
        await tasks.__anext__()
        await tasks.aclose()
        assert [task async for task in tasks] == []

    def aiter_of(query: Any) -> Any:
        return query.__aiter__()

    asyncio.run(main())

    assert len(tables.asked) == 2


def test_errors_are_the_ordinary_ones(session: synapse.Session) -> None:
    async def main() -> None:
        with pytest.raises(NotFound) as caught:
            await session.aio.tasks.get(999)
        names = [entry.name for entry in caught.traceback]
        assert "main" in names
        assert "_get_by_id" in names
        with pytest.raises(IndexError):
            await session.aio.tasks[7]
        with pytest.raises(synapse.InvalidQuery, match="did you mean 'status'"):
            session.aio.tasks.filter(statsu="pending")

    asyncio.run(main())


def test_reading_a_field_in_the_loop_can_be_forbidden(
    emulator: Any, project: synapse.Project
) -> None:
    with emulator.session(lazy="raise") as strict:

        async def main() -> None:
            task = await strict.aio.tasks.first()
            with pytest.raises(LazyLoadError):
                _ = task.project.title
            assert await strict.aio(task.project).title == project.title

        asyncio.run(main())


def test_jobs_are_waited_for_and_followed(session: synapse.Session) -> None:
    async def main() -> None:
        plugin = await session.aio.plugins.create(name="Detector")
        job = await session.aio(plugin).run("train")
        await session.aio(job).update(status="succeeded", console_logs=["epoch 1", "epoch 2"])
        assert await session.aio(job).wait(progress=False) is job
        lines = [line async for line in session.aio(job).follow()]
        assert lines == ["epoch 1", "epoch 2"]
        assert await session.aio(job).logs().count() == 2

    asyncio.run(main())


def test_extension_points_come_along(connected: synapse.Session, tables: Tables) -> None:
    tables.rows["labels"] = [{"id": number} for number in range(1, 151)]
    tables.rows["tasks"] = [{"id": 1}]
    failures: list[tuple[int, Any]] = []
    tables.before = lambda asked: failures.pop() if failures else None

    async def main() -> None:
        aio = connected.aio
        assert await aio.request("GET", "labels/7/") == {"id": 7}
        assert [row["id"] async for row in aio.pages("labels/")] == list(range(1, 151))
        assert await aio.pages("labels/").count() == 150
        task = await aio.manager(synapse.Task).get(1)
        assert [each async for each in aio[synapse.Task].filter(id=[1])] == [task]
        hasty = aio.options(retries=0)
        assert await hasty.tasks.get(1) is task
        async with hasty:
            failures.append((503, {}))
            with pytest.raises(synapse.errors.ServerError):
                await aio(task).refresh()
        failures.append((503, {}))
        assert await aio(task).refresh() is task  # by another try, with the session still open

    asyncio.run(main())


# -- Cancellation --------------------------------------------------------------------------------


def test_a_task_that_is_cancelled_between_tries_sends_nothing_more(tables: Tables) -> None:
    tables.before = lambda asked: (503, {"detail": "Down."})
    is_retrying, is_cancelled = threading.Event(), threading.Event()

    def on_retry(_: Any) -> None:
        is_retrying.set()
        is_cancelled.wait()

    with synapse.Session(tables.url, "token", on_retry=on_retry) as session:

        async def main() -> None:
            task = asyncio.ensure_future(session.aio.tasks.get(1))
            await has_set(is_retrying)
            task.cancel()
            asyncio.get_running_loop().call_soon(is_cancelled.set)
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(main())
        end_threads(session.aio)

    assert len(tables.asked) == 1


def test_a_pause_ends_when_the_task_is_cancelled(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without an interruption, the test ends by its time limit.
    monkeypatch.setattr(RetryPolicy, "delay", lambda self, attempt, retry_after: 3600.0)
    tables.before = lambda asked: (503, {"detail": "Down."})
    is_retrying = threading.Event()

    def on_retry(_: Any) -> None:
        is_retrying.set()

    with synapse.Session(tables.url, "token", deadline=None, on_retry=on_retry) as session:

        async def main() -> None:
            task = asyncio.ensure_future(session.aio.tasks.get(1))
            await has_set(is_retrying)
            task.cancel()
            await asyncio.wait((task,))

        asyncio.run(main())
        end_threads(session.aio)

    assert len(tables.asked) == 1


def test_a_request_in_flight_is_left_when_the_task_is_cancelled(
    connected: synapse.Session, tables: Tables
) -> None:
    tables.before = gate = Gate()

    async def main() -> None:
        task = asyncio.ensure_future(connected.aio.tasks.filter(status="pending").count())
        await has_set(gate.arrived)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    end_threads(connected.aio)  # while the server still holds its answer
    gate.opened.set()

    assert len(tables.asked) == 1


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio.timeout is new in Python 3.11")
def test_a_deadline_ends_waiting_for_a_job(connected: synapse.Session, tables: Tables) -> None:
    tables.rows["jobs"] = [{"id": "a1", "status": "running"}]

    async def main() -> None:
        job = await connected.aio.jobs.get("a1")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await connected.aio(job).wait(progress=False)

    asyncio.run(main())
    sent = len(tables.asked)
    end_threads(connected.aio)

    assert len(tables.asked) == sent


def test_a_call_that_waits_for_its_turn_never_begins_once_cancelled(
    connected: synapse.Session, tables: Tables
) -> None:
    tables.before = gate = Gate()
    tables.rows["tasks"] = [{"id": 1}, {"id": 2}]

    async def main() -> None:
        aio = AsyncSession(connected, workers=1)
        first = asyncio.ensure_future(aio.tasks.get(1))
        await has_set(gate.arrived)
        second = asyncio.ensure_future(aio.tasks.get(2))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait((second,))
        gate.opened.set()
        assert (await first).id == 1
        end_threads(aio)

    asyncio.run(main())

    assert [asked.path for asked in tables.asked] == ["tasks/1"]


def test_a_cancelled_creation_says_how_far_it_got(
    connected: synapse.Session, tables: Tables
) -> None:
    is_second = threading.Event()
    gate = Gate()

    def before(asked: Asked) -> tuple[int, Any] | None:
        if len(tables.asked) > 1:
            is_second.set()
            gate(asked)
        return 201, [{"id": 1, **asked.body[0]}]

    tables.before = before

    async def main() -> None:
        rows = [{"project": 1, "data_unit": number} for number in range(3)]
        task = asyncio.ensure_future(connected.aio.tasks.bulk_create(rows, batch_size=1, workers=1))
        await has_set(is_second)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert isinstance(caught.value.__cause__, BulkError)
        assert [task.id for task in caught.value.__cause__.created] == [1]
        assert "from 1 to 1 may have been made or not" in str(caught.value.__cause__)

    asyncio.run(main())
    end_threads(connected.aio)
    gate.opened.set()

    assert len(tables.asked) == 2


def test_a_cancelled_loop_ends(connected: synapse.Session, tables: Tables) -> None:
    tables.rows["tasks"] = [{"id": number} for number in range(1, 301)]
    gate = Gate()
    tables.before = lambda asked: gate(asked) if len(tables.asked) > 1 else None

    async def main() -> None:
        items = connected.aio.tasks.iterate(workers=1).__aiter__()

        async def read() -> int:
            return sum([1 async for _ in items])

        task = asyncio.ensure_future(read())
        await has_set(gate.arrived)
        task.cancel()
        await asyncio.wait((task,))
        assert [one async for one in items] == []

    asyncio.run(main())
    end_threads(connected.aio)
    gate.opened.set()

    assert len(tables.asked) == 2


# -- Concurrency ---------------------------------------------------------------------------------


def test_as_many_calls_run_at_once_as_there_are_workers(
    connected: synapse.Session, tables: Tables
) -> None:
    tables.rows["tasks"] = [{"id": number} for number in range(9)]
    together = threading.Barrier(3)
    running, lock = [0, 0], threading.Lock()

    def before(_: Asked) -> None:
        with lock:
            running[0] += 1
            running[1] = max(running)
        together.wait()
        with lock:
            running[0] -= 1

    tables.before = before

    async def main() -> list[synapse.Task]:
        aio = AsyncSession(connected, workers=3)
        return await asyncio.gather(*(aio.tasks.get(number) for number in range(9)))

    assert [task.id for task in asyncio.run(main())] == list(range(9))
    assert running == [0, 3]


def test_loops_in_loops_need_one_thread(connected: synapse.Session, tables: Tables) -> None:
    tables.rows["tasks"] = [{"id": number} for number in range(1, 6)]

    async def main() -> int:
        aio = AsyncSession(connected, workers=1)
        return sum([1 async for _ in aio.tasks.page_size(2) async for _ in aio.tasks.page_size(2)])

    assert asyncio.run(main()) == 25


def test_two_event_loops_share_a_session(connected: synapse.Session, tables: Tables) -> None:
    tables.rows["tasks"] = [{"id": 1}]
    together = threading.Barrier(2)
    tables.before = lambda asked: (together.wait(), None)[1]
    counts = []

    def run() -> None:
        counts.append(asyncio.run(connected.aio.tasks.count()))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counts == [1, 1]


def test_context_variables_reach_the_thread(tables: Tables) -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")
    seen: list[str] = []

    with synapse.Session(
        tables.url, "token", on_request=lambda event: seen.append(name.get())
    ) as session:

        async def main(who: str) -> None:
            name.set(who)
            await session.aio.tasks.count()
            assert [task async for task in session.aio.tasks] == []

        asyncio.run(main("ann"))
        asyncio.run(main("bob"))

    assert seen == ["ann", "ann", "bob", "bob"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_threads_of_its_own(
    connected: synapse.Session, tables: Tables
) -> None:
    tables.rows["tasks"] = [{"id": 1}]
    asyncio.run(connected.aio.tasks.count())
    with warnings.catch_warnings():
        # Later versions of Python warn of what this is about: there are other threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        os._exit(7 if asyncio.run(connected.aio.tasks.count()) == 1 else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_process_ends_while_a_cancelled_call_runs(tables: Tables) -> None:
    tables.before = gate = Gate()
    script = (
        "import asyncio, synapse, sys\n"
        "session = synapse.Session(sys.argv[1], 'token')\n"
        "async def main():\n"
        "    call = asyncio.ensure_future(session.aio.tasks.get(1))\n"
        "    await asyncio.to_thread(sys.stdin.readline)\n"
        "asyncio.run(main())\n"  # cancels the call
    )
    command = [sys.executable, "-c", script, tables.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        gate.arrived.wait()
        assert process.communicate(b"go on\n") == (None, b"")
    gate.opened.set()

    assert process.returncode == 0
    assert len(tables.asked) == 1


def test_the_end_of_the_block_closes_the_session(tables: Tables) -> None:
    async def main() -> Any:
        async with synapse.Session(tables.url, "token").aio as aio:
            assert await aio.tasks.count() == 0
        with pytest.raises(SessionClosed):
            await aio.tasks.count()
        return aio

    assert asyncio.run(main())._session.is_closed


def test_works_in_a_notebook(session: synapse.Session, project: synapse.Project) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell(user_ns={"session": session, "project": project})

    async def main() -> None:
        source = "count = await session.aio(project).tasks.count()\nplain = project.tasks.count()"
        result = await shell.run_cell_async(source, transformed_cell=source)
        result.raise_error()

    asyncio.run(main())
    assert (shell.user_ns["count"], shell.user_ns["plain"]) == (2, 2)


# -- Completion and mistakes ---------------------------------------------------------------------


def test_names_are_shown_without_a_request(
    session: synapse.Session, project: synapse.Project
) -> None:
    with assert_num_requests(session, 0):
        aio = session.aio
        assert {"tasks", "me", "health"} <= set(dir(aio))
        assert {"filter", "get", "annotations"} <= set(dir(aio.tasks))
        assert {"title", "tasks", "save"} <= set(dir(aio(project)))
        assert repr(aio.tasks.filter(status="pending")).startswith("<aio TaskManager[Task] where")
        assert repr(aio(project)) == f"<aio Project {project.id} title={project.title!r}>"
        assert "await" in repr(aio(project).title)


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda aio, project: aio.tsks, AttributeError, "did you mean 'tasks'"),
        (lambda aio, project: aio.tasks.fliter, AttributeError, "did you mean 'filter'"),
        (lambda aio, project: aio(project).tsks, AttributeError, "did you mean 'tasks'"),
        (lambda aio, project: list(aio.tasks), TypeError, "async for"),
        (lambda aio, project: bool(aio.tasks), TypeError, "exists()"),
        (lambda aio, project: len(aio.tasks), TypeError, "count()"),
        (lambda aio, project: aio(5), synapse.UsageError, "Pass a Task"),
        (lambda aio, project: setattr(aio(project), "title", "x"), AttributeError, "save()"),
        (lambda aio, project: aio.__enter__(), TypeError, "async with"),
    ],
)
def test_mistakes_name_the_cure(
    session: synapse.Session,
    project: synapse.Project,
    act: Callable[[Any, Any], Awaitable[Any]],
    error: type[Exception],
    message: str,
) -> None:
    with assert_num_requests(session, 0), pytest.raises(error) as caught:
        act(session.aio, project)

    assert message in str(caught.value)
