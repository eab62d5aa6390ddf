"""One session in many threads, in a forked child, and after it was closed."""

from __future__ import annotations

import os
import signal
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from raw_server import Recorder, reply

import synapse
from synapse import errors
from synapse._internal import redaction
from synapse.orm import session_base
from synapse.testing.tenants import EmulatorTenant

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


def in_child(work: Callable[[], Any]) -> None:
    """Do something in a forked child, which has 30 seconds for it."""
    with warnings.catch_warnings():
        # Later versions of Python warn of what this is about: there are other threads.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(30)
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@contextmanager
def held(*locks: Any) -> Iterator[None]:
    """Have another thread hold locks for the time of the block."""
    ready, done = threading.Event(), threading.Event()

    def hold() -> None:
        with ExitStack() as stack:
            for lock in locks:
                stack.enter_context(lock)
            ready.set()
            done.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    ready.wait()
    try:
        yield
    finally:
        done.set()
        thread.join()


@needs_fork
class TestFork:
    def test_both_sides_go_on(self, session: synapse.Session, project: Any) -> None:
        def work() -> None:
            assert session.projects.get(project.id).title == "Streets"
            assert len(list(project.tasks)) == 2
            project.title = "From the child"
            project.save()

        in_child(work)
        assert project.refresh().title == "From the child"
        assert len(list(project.tasks)) == 2

    def test_children_do_not_read_each_others_answers(
        self, session: synapse.Session, project: Any
    ) -> None:
        session.projects.count()

        def work() -> None:
            for number in range(20):
                made = session.projects.create(title=f"{os.getpid()} {number}", category="text")
                assert made.title == f"{os.getpid()} {number}"

        pids = []
        for _ in range(4):
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    signal.alarm(60)
                    work()
                    code = 0
                except BaseException:
                    traceback.print_exc()
                finally:
                    os._exit(code)
            pids.append(pid)
        for number in range(20):
            assert session.projects.get(project.id, refresh=True).title == "Streets", number
        assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0] * 4
        assert session.projects.count() == 1 + 4 * 20

    def test_locks_of_other_threads_do_not_stop_the_child(
        self, session: synapse.Session, project: Any, emulator: EmulatorTenant
    ) -> None:
        transport = session.transport
        locks = [
            *(session.lock, session_base._choosing, transport._counting, transport._budget._lock),
            redaction._lock,
        ]

        def work() -> None:
            assert synapse.Project.objects.get(project.id, refresh=True).title == "Streets"
            project.description = "from the child"
            project.save()
            with pytest.raises(errors.NotFound):
                session.agents.connect("a-token-that-nobody-has")
            with synapse.Session(emulator.url, emulator.api_token) as another:
                assert another.projects.count() == 1
            session_base.set_default(None)
            os.environ["SYNAPSE_BASE_URL"] = emulator.url
            os.environ["SYNAPSE_API_TOKEN"] = emulator.api_token
            assert synapse.Project.objects.count() == 1

        with held(*locks):
            in_child(work)

    def test_in_the_middle_of_reading_ahead(self, home: Recorder) -> None:
        for number in range(1, 9):
            link = f"/x/?page={number + 1}" if number < 8 else None
            page = f"&page={number}" if number > 1 else ""
            rows = [{"id": number * 10 + one, "title": "a"} for one in range(10)]
            home.answers[f"/projects/?page_size=10{page}"] = reply(
                200, {"count": 80, "next": link, "results": rows}
            )
        home.delay = 0.02  # longer than using the rows takes, so that it reads ahead
        with synapse.connect(home.url, "some-token") as session:
            walk = iter(session.projects.page_size(10))
            seen = [next(walk).id for _ in range(35)]
            assert any(one.name.startswith("synapse-pages") for one in threading.enumerate())

            def work() -> None:
                assert [*seen, *(one.id for one in walk)] == list(range(10, 90))

            in_child(work)
            assert [*seen, *(one.id for one in walk)] == list(range(10, 90))


class TestThreads:
    def test_thirty_two_at_once(self, session: synapse.Session, project: Any) -> None:
        barrier = threading.Barrier(32)

        def work(name: int) -> list[str]:
            barrier.wait()
            titles = [f"{name} {number}" for number in range(5)]
            for title in titles:
                made = session.projects.create(title=title, category="text")
                assert session.projects.get(made.id, refresh=True).title == title
                assert project.refresh().title == "Streets"
            return titles

        before = session.request_count
        with ThreadPoolExecutor(32) as pool:
            made = [title for titles in pool.map(work, range(32)) for title in titles]
        assert session.request_count - before == 32 * 5 * 3
        assert sorted(one.title for one in session.projects) == sorted([*made, "Streets"])

    def test_first_uses_at_once_make_one_session(
        self, emulator: EmulatorTenant, monkeypatch: Any
    ) -> None:
        monkeypatch.setenv("SYNAPSE_BASE_URL", emulator.url)
        monkeypatch.setenv("SYNAPSE_API_TOKEN", emulator.api_token)
        barrier = threading.Barrier(32)

        def work(_: int) -> Any:
            barrier.wait()
            synapse.Project.objects.count()
            return session_base.default()

        with ThreadPoolExecutor(32) as pool:
            sessions = set(pool.map(work, range(32)))
        assert len(sessions) == 1
        sessions.pop().close()


class TestClose:
    USES: dict[str, Callable[[synapse.Session, Any], Any]] = {
        "get": lambda session, project: session.projects.get(1, refresh=True),
        "list": lambda session, project: list(session.tasks),
        "create": lambda session, project: session.projects.create(title="a", category="text"),
        "save": lambda session, project: project.save(),
        "refresh": lambda session, project: project.refresh(),
        "delete": lambda session, project: project.delete(),
        "client": lambda session, project: session.client.list_projects(),
        "me": lambda session, project: session.me,
        "lines": lambda session, project: list(session.transport.lines("a/")),
    }

    @pytest.mark.parametrize("use", USES)
    def test_then_use_says_so(self, session: synapse.Session, project: Any, use: str) -> None:
        project.title = "changed"
        session.close()
        before = session.request_count
        with pytest.raises(errors.SessionClosed, match=r"synapse\.connect\(\)"):
            self.USES[use](session, project)
        assert session.request_count == before

    def test_while_others_use_it(self, session: synapse.Session) -> None:
        started = threading.Semaphore(0)
        outcomes: list[BaseException | None] = []

        def work() -> None:
            try:
                for number in range(100_000):
                    session.projects.count()
                    if number == 0:
                        started.release()
            except errors.SynapseError as error:
                outcomes.append(error)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for _ in threads:
            started.acquire()
        session.close()
        for thread in threads:
            thread.join()
        assert [type(outcome) for outcome in outcomes] == [errors.SessionClosed] * 8

    def test_leaves_no_socket(self, home: Recorder) -> None:
        before = open_files()
        for _ in range(5):
            with (
                synapse.Session(home.url, "some-token") as session,
                ThreadPoolExecutor(8) as pool,
            ):
                list(pool.map(lambda _: session.projects.count(), range(32)))
        home.wait_until_idle()
        assert open_files() == before


def open_files() -> int:
    folder = Path("/proc/self/fd")
    return sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0
