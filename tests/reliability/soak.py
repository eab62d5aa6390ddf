"""A soak: many requests from many threads through one session, with every kind of fault.

At the end nothing is lost, nothing was done twice, what was reported as not done wasn't, memory is
flat, and no socket or thread is left. `python soak.py` makes 100,000 requests and prints figures.
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import attrs
import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

import synapse
from synapse import errors
from synapse.transport.retry import Budget, RetryPolicy

MIB = 2**20

# How an attempt to create ended.
DONE, UNSENT, UNKNOWN = "done", "unsent", "unknown"


@attrs.define
class Report:
    """The figures of a run."""

    requests: int = 0
    seconds: float = 0.0
    threads: int = 0
    faults: Counter[str] = attrs.field(factory=Counter)
    outcomes: Counter[str] = attrs.field(factory=Counter)
    problems: list[str] = attrs.field(factory=list)
    failures: list[str] = attrs.field(factory=list)
    memory_before: int = 0
    memory_after: int = 0
    sockets_left: int = 0
    threads_left: int = 0

    def __str__(self) -> str:
        faults, seconds = sum(self.faults.values()), self.seconds
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.faults.items()))
        outcomes = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.outcomes.items()))
        before, after = self.memory_before / MIB, self.memory_after / MIB
        lines = [
            f"{self.requests:,} requests of {self.threads} threads in {seconds:.0f} s",
            f"{faults:,} faults ({faults / self.requests:.1%}): {kinds}",
            f"outcomes: {outcomes}",
            f"memory: {before:.1f} MiB after a fifth, {after:.1f} MiB at the end",
            f"left over: {self.sockets_left} sockets, {self.threads_left} threads",
            "problems: " + ("; ".join(self.problems[:20]) or "none"),
        ]
        return "\n".join(lines)


class Worker:
    """One thread's work: make a project, read it, change it, find it, delete every second one."""

    def __init__(self, session: synapse.Session, name: int, enough: int) -> None:
        self.session = session
        self.name = name
        self.enough = enough
        self.made: dict[str, str] = {}
        self.kept: dict[str, str | None] = {}
        self.deleted: list[str] = []
        self.outcomes: Counter[str] = Counter()
        self.problems: list[str] = []
        self.failures: list[str] = []

    def run(self) -> None:
        number = 0
        while self.session.request_count < self.enough:
            number += 1
            try:
                self.round(f"{self.name}-{number}", is_last=number % 2 == 0)
            except Exception as error:
                self.problems.append(f"{type(error).__name__}: {error}")
                return

    def round(self, title: str, *, is_last: bool) -> None:
        try:
            project = self.session.projects.create(title=title, category="text")
        except errors.SynapseError as error:
            self.made[title] = self.fail("create", error)
            return
        self.made[title] = DONE
        self.count("create", DONE)
        if project.title != title:
            self.problems.append(f"{title} came back as {project.title}")
        self.kept[title] = ""
        self.try_out("get", lambda: self.check(project.refresh().title == title, title))
        project.description = f"of {title}"
        self.kept[title] = f"of {title}" if self.try_out("save", project.save) else None
        self.try_out("list", lambda: self.find(project))
        if is_last:
            self.deleted.append(title)
            done = self.try_out("delete", project.delete)
            if done:
                del self.kept[title]
            else:
                self.kept[title] = "perhaps deleted"

    def find(self, project: Any) -> None:
        found = list(self.session.projects.filter(id=project.id))
        self.check(found == [project], project.title)

    def try_out(self, verb: str, do: Any) -> bool:
        try:
            do()
        except errors.SynapseError as error:
            self.fail(verb, error)
            return False
        self.count(verb, DONE)
        return True

    def check(self, condition: bool, what: str) -> None:
        if not condition:
            self.problems.append(f"{what} isn't what it was")

    def fail(self, verb: str, error: errors.SynapseError) -> str:
        outcome = UNSENT if surely_not_done(error) else UNKNOWN
        self.count(verb, outcome)
        self.failures.append(f"{verb}: {type(error).__name__}: {error}")
        return outcome

    def count(self, verb: str, outcome: str) -> None:
        self.outcomes[f"{verb} {outcome}"] += 1


def surely_not_done(error: errors.SynapseError) -> bool:
    """Say whether an error means that the server did nothing."""
    if isinstance(error, errors.SessionClosed):
        return True
    kinds = (errors.AuthenticationError, errors.ConnectionFailed, errors.RateLimited)
    return isinstance(error, kinds) and not error.may_have_been_processed


@contextmanager
def server(share: float, seed: int, *options: str) -> Iterator[str]:
    """Run the server in a process of its own."""
    program = Path(__file__).with_name("soak_server.py")
    process = subprocess.Popen(
        [sys.executable, str(program), str(share), str(seed), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/"
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


@attrs.frozen
class Place:
    """A server for a soak.

    Attributes:
        url: The server's address.
        token: The token of the session.
        report: Returns the server's record for some workers, as `fetch_report`.
        attempts: Most attempts of a request.
        budget: Retries of all requests that the session may have open at once.
        options: Further options of the session.
    """

    url: str
    token: str
    report: Callable[[list[Worker]], dict[str, Any]]
    attempts: int = 4
    budget: float = 10.0
    options: dict[str, Any] = attrs.field(factory=dict)


@contextmanager
def own_place(share: float, seed: int) -> Iterator[Place]:
    """Run the fast server, which counts each creation."""
    with server(share, seed) as url:
        yield Place(url, "soak-token", lambda _: fetch_report(url))


def soak(
    enough: int = 100_000,
    *,
    threads: int = 16,
    share: float = 0.05,
    seed: int = 1,
    place: AbstractContextManager[Place] | None = None,
) -> Report:
    """Run it.

    Args:
        enough: After how many requests it ends.
        threads: How many threads make them.
        share: Which part of the requests gets a fault.
        seed: What decides which.
        place: Another server, with faults of its own.
    """
    report = Report(threads=threads)
    gc.collect()  # what others left in this process isn't to be closed in the middle
    files, before = open_files(), threading.active_count()
    with place or own_place(share, seed) as here:
        options = {"timeout": (5, 2), "cache_ttl": 0, **here.options}
        session = synapse.Session(here.url, here.token, **options)
        policy = RetryPolicy(attempts=here.attempts, base=0.01)
        session.transport.options = attrs.evolve(session.transport.options, retry=policy)
        session.transport._budget = Budget(here.budget)
        workers = [Worker(session, name, enough) for name in range(threads)]
        running = [threading.Thread(target=worker.run) for worker in workers]
        started = time.monotonic()
        for thread in running:
            thread.start()
        while session.request_count < enough // 5 and any(one.is_alive() for one in running):
            running[0].join(0.05)
        gc.collect()
        report.memory_before = memory()
        for thread in running:
            thread.join()
        report.seconds = time.monotonic() - started
        report.requests = session.request_count
        gc.collect()
        report.memory_after = memory()
        session.close()
        there = here.report(workers)
        report.faults = Counter(there["faults"])
        for worker in workers:
            report.outcomes += worker.outcomes
            report.problems += worker.problems
            report.failures += worker.failures
            report.problems += compared(worker, there)
    report.sockets_left = open_files() - files
    report.threads_left = threading.active_count() - before
    return report


def fetch_report(url: str) -> dict[str, Any]:
    """Return what the server has done, as soon as it is there."""
    with requests.Session() as http:
        # It may be restarting.
        http.mount(url, HTTPAdapter(max_retries=Retry(connect=20, read=5, backoff_factor=0.05)))
        report: dict[str, Any] = http.get(f"{url}_report/", timeout=30).json()
    return report


def compared(worker: Worker, there: dict[str, Any]) -> list[str]:
    """Compare what a worker was told with what the server has done."""
    problems = []
    rows = dict(there["rows"])
    for title, outcome in worker.made.items():
        count = there["made"].get(title, 0)
        expected = {DONE: (1,), UNSENT: (0,), UNKNOWN: (0, 1)}[outcome]
        if count not in expected:
            problems.append(f"{title} was {outcome}, and made {count} times")
    for title, description in worker.kept.items():
        if description == "perhaps deleted":
            continue
        if title not in rows or description not in (None, rows[title]):
            problems.append(f"{title} has {rows.get(title)!r} instead of {description!r}")
    gone = [title for title, outcome in worker.made.items() if outcome == DONE]
    problems += [
        f"{title} was deleted, and is there"
        for title in gone
        if title not in worker.kept and title in rows
    ]
    return problems


def memory() -> int:
    """Return how many bytes of memory this process has, or 0 where that can't be told."""
    path = Path("/proc/self/statm")
    return int(path.read_text().split()[1]) * 4096 if path.exists() else 0


def open_files() -> int:
    folder = Path("/proc/self/fd")
    return sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--faults", type=float, default=0.05, metavar="SHARE")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    report = soak(asked.requests, threads=asked.threads, share=asked.faults, seed=asked.seed)
    print(report)
    has_grown = report.memory_after > report.memory_before + 16 * MIB
    left = report.sockets_left or report.threads_left
    return 1 if report.problems or has_grown or left else 0


if __name__ == "__main__":
    sys.exit(main())
