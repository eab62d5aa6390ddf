"""Logs of running jobs over connections that are cut, and waiting while the backend is away."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest
from fault_proxy import NONE, Fault, FaultProxy
from worker_processes import runs_workers

import synapse
from synapse.clients.backend import BackendClient
from synapse.errors import StreamLimitExceeded
from synapse.transport.stream_limits import StreamLimits

pytestmark = pytest.mark.slow

MANY = 100_000


@pytest.fixture(scope="module")
def printed() -> list[str]:
    """What a job prints that prints a lot."""
    return [f"step {number}: loss {1 / (number + 1):.9f}" for number in range(MANY)]


@pytest.fixture
def job(session: synapse.Session) -> synapse.Job:
    """A job that runs."""
    return session.plugins.create(name="Detector").run("train").update(status="running")


@pytest.fixture
def print_all(session: synapse.Session, job: synapse.Job) -> Callable[[list[str]], None]:
    def print_all(lines: list[str]) -> None:
        for start in range(0, len(lines), 5000):
            job.update(console_logs=lines[start : start + 5000])
        job.update(status="succeeded")

    return print_all


def through(proxy: FaultProxy, emulator: Any) -> synapse.Session:
    return synapse.Session(proxy.url, emulator.api_token)


@pytest.mark.parametrize("how", ["end", "reset"])
def test_a_hundred_thousand_lines_over_cut_connections(
    proxy_to: Callable[..., FaultProxy],
    emulator: Any,
    job: synapse.Job,
    print_all: Callable[[list[str]], None],
    printed: list[str],
    how: Any,
) -> None:
    """Each connection is cut after some hundred kilobytes, in the middle of whatever that is."""
    sizes = itertools.cycle([300_000, 1, 150_007, 0, 400_001, 70_000])
    proxy = proxy_to(
        emulator.url, faults=lambda: Fault(down=next(sizes), beyond_headers=True, how=how)
    )
    printing = threading.Thread(target=print_all, args=(printed,))
    printing.start()
    try:
        with through(proxy, emulator) as session:
            lines = list(session.jobs.get(job.id).follow(StreamLimits(max_lines=MANY)))
    finally:
        printing.join()

    assert lines == printed
    assert proxy.connections > 10


def test_the_limits_end_it_having_given_all_that_they_allow(
    job: synapse.Job, print_all: Callable[[list[str]], None], printed: list[str]
) -> None:
    print_all(printed)
    lines: list[str] = []

    with pytest.raises(StreamLimitExceeded, match="more than 50,000 lines"):
        lines.extend(job.follow())  # keeps what came before the error

    assert lines == printed[:50_000]


def test_the_client_of_older_scripts_survives_cuts_too(
    proxy_to: Callable[..., FaultProxy], emulator: Any, client: BackendClient, job: synapse.Job
) -> None:
    client.update_job(job.id, {"console_logs": "one\ntwo\nthree", "status": "completed"})
    proxy = proxy_to(emulator.url)
    proxy.next(Fault(down=12, beyond_headers=True), Fault(down=5))

    with BackendClient(proxy.url, emulator.api_token) as other:
        assert list(other.tail_job_console_logs(job.id)) == ["one", "two", "three"]


@pytest.mark.skipif(runs_workers(), reason="the limit holds for each worker")
def test_more_followers_than_places_wait_for_theirs(
    session: synapse.Session, job: synapse.Job
) -> None:
    """The server lets eight in."""
    found: list[list[str]] = []
    begun = threading.Semaphore(0)

    def follow() -> None:
        lines = []
        for line in job.follow():
            lines.append(line)
            begun.release()
        found.append(lines)

    job.update(console_logs=["one"])
    threads = [threading.Thread(target=follow) for _ in range(10)]
    for thread in threads:
        thread.start()
    for _ in range(8):
        assert begun.acquire(timeout=30)
    job.update(console_logs=["two"], status="succeeded")
    for thread in threads:
        thread.join(60)

    assert found == [["one", "two"]] * 10


def test_waiting_survives_an_outage(
    proxy_to: Callable[..., FaultProxy], emulator: Any, job: synapse.Job
) -> None:
    proxy = proxy_to(emulator.url, faults=lambda: NONE)
    with through(proxy, emulator) as session:
        seen = session.jobs.get(job.id)
        proxy.refuse()
        job.update(status="succeeded", result=7)
        back = threading.Timer(1.0, proxy.listen)
        back.start()
        try:
            assert seen.wait(timeout=60).result == 7
        finally:
            back.join()
