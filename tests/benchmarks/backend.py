"""Measure the local backend: pages, POSTs, deep pages, many writers, workers, idle connections.

With the folder of another checkout in `SYNAPSE_BENCH_BEFORE`, its backend takes turns with this
one's, and rows say how many times as many requests a second this one answers.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from idle_connections import find_processes, hold, read_memory
from measured import Cases, Figures, Median, ratio, take_turns
from reading import Note

HERE = Path(__file__).parent
BEFORE = "SYNAPSE_BENCH_BEFORE"
CLIENTS = 8
WRITERS = 32
MANY = 1_000_000
BATCH = 5_000
IDLE = 10_000
WORKERS = 2
NUMBERS_OF_WORKERS = (1, 2, 4)

Facts = dict[str, Any]
Send = Callable[[http.client.HTTPConnection, int], None]


@contextlib.contextmanager
def backend(
    checkout: Path | None = None, tasks: int = 10_000, workers: int | None = None
) -> Iterator[Facts]:
    """Run a local backend of this or another checkout in a process of its own."""
    command = [sys.executable, str(HERE / "backend_server.py"), str(tasks), "2000"]
    if workers is not None:
        command.append(str(workers))
    environment = {**os.environ, "PYTHONPATH": str(checkout or HERE.parent.parent)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        assert server.stdout is not None
        try:
            yield {**json.loads(server.stdout.readline()), "pid": server.pid}
        finally:
            server.terminate()


def request(
    connection: http.client.HTTPConnection, facts: Facts, path: str, body: Any = None
) -> None:
    """Send a request and read the response, without decoding it."""
    headers = {"SYNAPSE-Access-Token": f"Token {facts['token']}"}
    method, data = "GET", None
    if body is not None:
        method, data = "POST", json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    connection.request(method, path, data, headers)
    response = connection.getresponse()
    content = response.read()
    if response.status >= 300:
        raise RuntimeError(f"{method} {path}: {response.status} {content[:200]!r}")


def run(facts: Facts, clients: int, each: int, send: Send) -> dict[str, float]:
    """Let clients send so many requests each, and return seconds and latencies of one."""
    taken: list[float] = []
    errors: list[Exception] = []
    place = urlsplit(facts["url"])
    barrier = threading.Barrier(clients + 1)

    def work(client: int) -> None:
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=120)
        try:
            connection.connect()
            barrier.wait()
            for number in range(each):
                begun = time.perf_counter()
                send(connection, client * each + number)
                taken.append(time.perf_counter() - begun)
        except Exception as error:  # raised again by the caller's thread
            errors.append(error)
            barrier.abort()
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(client,)) for client in range(clients)]
    for thread in threads:
        thread.start()
    with contextlib.suppress(threading.BrokenBarrierError):
        barrier.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    wall = time.perf_counter() - begun
    if errors:
        raise errors[0]
    cuts = statistics.quantiles(taken, n=100) if len(taken) > 1 else [taken[0]] * 99
    return {"wall": wall / len(taken), "p50": cuts[49], "p99": cuts[98]}


def list_tasks(facts: Facts, more: str, connection: http.client.HTTPConnection, n: int) -> None:
    """Read a page of 100 tasks."""
    page = n % 50 + 1
    path = f"/sdk/tasks/?project={facts['project']}&page_size=100&page={page}{more}"
    request(connection, facts, path)


def read_health(facts: Facts, connection: http.client.HTTPConnection, n: int) -> None:
    """Read the smallest view, which has no token, no query and no row."""
    del n
    request(connection, facts, "/health/")


def create_task(facts: Facts, connection: http.client.HTTPConnection, n: int) -> None:
    """Create one task."""
    units = facts["units"]
    body = {"project": facts["project"], "data_unit": units[n % len(units)], "meta": {"n": n}}
    request(connection, facts, "/tasks/", body)


def create_tasks(facts: Facts, connection: http.client.HTTPConnection, n: int) -> None:
    """Create a batch of tasks in one request."""
    units = facts["units"]
    body = [
        {"project": facts["project"], "data_unit": units[(n + k) % len(units)]}
        for k in range(BATCH)
    ]
    request(connection, facts, "/tasks/", body)


def read_cursor(facts: Facts, cursor: str, connection: http.client.HTTPConnection, n: int) -> None:
    """Read a page by a cursor."""
    del n
    path = f"/sdk/tasks/?project={facts['project']}&page_size=100&pagination=cursor"
    request(connection, facts, path + (f"&cursor={cursor}" if cursor else ""))


def make_cases(facts: Facts, prefix: str = "") -> Cases:
    """Make the cases of one backend, with eight clients."""
    pages, expanded = (
        partial(list_tasks, facts, ""),
        partial(list_tasks, facts, "&expand=data_unit"),
    )
    cases: Cases = {
        "page": partial(run, facts, CLIENTS, 6, pages),
        "expanded": partial(run, facts, CLIENTS, 6, expanded),
        "post": partial(run, facts, CLIENTS, 25, partial(create_task, facts)),
        "health": partial(run, facts, CLIENTS, 25, partial(read_health, facts)),
    }
    return {prefix + name: case for name, case in cases.items()}


def measure(note: Note, number: int) -> None:
    """Note the figures of one process over SQLite."""
    checkout = os.environ.get(BEFORE)
    with contextlib.ExitStack() as stack:
        facts = stack.enter_context(backend())
        cases = make_cases(facts)
        if checkout:
            before = stack.enter_context(backend(Path(checkout)))
            cases |= make_cases(before, "before ")
        figures = take_turns(number, cases)
        note("8 clients: page of 100 tasks / smallest view", _beside(figures, "page"), 40)
        note("8 clients: the same, expanded / smallest view", _beside(figures, "expanded"), 40)
        note("8 clients: POST of a task / smallest view", _beside(figures, "post"), 10)
        labels = {
            "page": "pages of 100 tasks a second",
            "expanded": "the same with expand=data_unit",
            "post": "single POSTs a second",
        }
        for name, label in labels.items() if checkout else ():
            note(
                f"8 clients: {label} / before",
                ratio(figures, f"before {name}", name),
                3,
                least=True,
            )
        _measure_writing(note, number, facts)
        _measure_workers(note, number, cases)
    _measure_idle(note, number)
    with backend(tasks=MANY) as facts:
        walks = {
            "first": partial(run, facts, 1, 20, partial(read_cursor, facts, "")),
            "last": partial(run, facts, 1, 20, partial(read_cursor, facts, facts["cursor"])),
        }
        deep = ratio(take_turns(number, walks), "last", "first")
        note(f"{MANY:,} tasks: a cursor's last page / first page", deep, 1.5)


def _beside(figures: Figures, name: str) -> Median:
    return ratio(figures, name, "health")


def _measure_writing(note: Note, number: int, facts: Facts) -> None:
    writing = {
        "bulk": partial(run, facts, 1, 1, partial(create_tasks, facts)),
        "writers": partial(run, facts, WRITERS, 30, partial(create_task, facts)),
    }
    figures = take_turns(number, writing)
    rates = Median(BATCH / figure["wall"] for figure in figures["bulk"])
    note(f"tasks a second, {BATCH:,} in one POST", rates, 10_000, least=True)
    spread = Median(figure["p99"] / figure["p50"] for figure in figures["writers"])
    note(f"{WRITERS} writers: p99 / p50 of single POSTs", spread, 10)


def _measure_workers(note: Note, number: int, cases: Cases) -> None:
    """Note how many times as many requests two workers answer as one process."""
    names = "page", "expanded", "post"
    with backend(workers=WORKERS) as facts:
        cases = {**cases, **make_cases(facts, "workers ")}
        figures = take_turns(
            number, {name: case for name, case in cases.items() if name.endswith(names)}
        )
    what = f"8 clients: --workers {WORKERS},"
    labels = dict(zip(names, ("pages", "expanded pages", "POSTs"), strict=True))
    for name in ("page", "post"):
        rate = ratio(figures, name, f"workers {name}")
        note(f"{what} {labels[name]} a second / one process", rate, 1.5, least=True)
    for name, label in labels.items():
        if f"before {name}" in figures:
            rate = ratio(figures, f"before {name}", f"workers {name}")
            note(f"{what} {label} a second / before", rate, 3, least=True)


def _measure_idle(note: Note, number: int) -> None:
    """Note what idle connections cost others, and the server."""
    for workers in (1, WORKERS):
        # In turns: one of two servers has the connections.
        with (
            backend(tasks=10, workers=workers) as facts,
            backend(tasks=10, workers=workers) as free,
        ):
            processes = find_processes(facts["pid"])
            small = {
                name: partial(run, one, 1, 200, partial(read_health, one))
                for name, one in (("held", facts), ("free", free))
            }
            take_turns(1, small)
            before = read_memory(processes)
            with hold(facts["url"], facts["token"], IDLE):
                each = (read_memory(processes) - before) / IDLE
                figures = take_turns(number, small)
        what = f"--workers {workers}, {IDLE:,} idle connections"
        note(f"{what}: a small request / without", ratio(figures, "held", "free", "p50"), 1.5)
        note(f"{what}: KiB for each", each, 8)


def draw_workers() -> dict[str, object]:
    """Read pages and create tasks with eight clients, over more and more workers."""
    pages: list[tuple[int, float]] = []
    posts: list[tuple[int, float]] = []
    for workers in NUMBERS_OF_WORKERS:
        with backend(workers=workers) as facts:
            cases = make_cases(facts)
            figures = take_turns(3, {name: cases[name] for name in ("page", "post")})
        for points, name in ((pages, "page"), (posts, "post")):
            points.append((workers, round(1 / min(one["wall"] for one in figures[name]), 1)))
    return {
        "x": "workers of the local backend",
        "y": "requests a second",
        "is_logarithmic": False,
        "series": {
            "pages of 100 tasks": pages,
            "POSTs of a task": posts,
        },
    }
