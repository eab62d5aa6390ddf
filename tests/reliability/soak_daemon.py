"""A daemon's life in a hurry: a backend that restarts, a token that rotates, and faults.

Each thread works through items, as a daemon does: create, read, change, find, delete every second
one. What fails is done again, and what may have been done is looked for first. At the end each item
was made exactly once and is in its final state, memory is flat, and no socket or thread is left.
`python soak_daemon.py` makes 100,000 requests and prints figures.
"""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import attrs
from soak import MIB, fetch_report, memory, open_files, server, surely_not_done

import synapse
from synapse import errors
from synapse.transport.retry import Retry, RetryPolicy

T = TypeVar("T")

# Shares of the run: when memory is looked at first, and how often.
_WARM = 0.2
_SAMPLES = 40
# Bytes that the memory may grow by per 100,000 requests, by the line through all samples.
MOST_GROWTH = 8 * MIB
# Blocks of memory for objects; threads in the middle of a request have some hundred.
MOST_BLOCKS = 15_000


@attrs.define
class Life:
    """The figures of a run.

    Attributes:
        samples: Requests so far, bytes of memory, and blocks of objects, from the warm-up on.
    """

    requests: int = 0
    seconds: float = 0.0
    threads: int = 0
    items: int = 0
    restarts: int = 0
    rotations: int = 0
    faults: int = 0
    retries: int = 0
    repeats: Counter[str] = attrs.field(factory=Counter)
    problems: list[str] = attrs.field(factory=list)
    samples: list[tuple[int, int, int]] = attrs.field(factory=list)
    sockets_left: int = 0
    threads_left: int = 0

    @property
    def growth(self) -> float:
        """Bytes of memory per 100,000 requests, by the least squares through the samples."""
        if len(self.samples) < 2:
            return 0.0
        mean_x = sum(x for x, _, _ in self.samples) / len(self.samples)
        mean_y = sum(y for _, y, _ in self.samples) / len(self.samples)
        above = sum((x - mean_x) * (y - mean_y) for x, y, _ in self.samples)
        return 100_000 * above / (sum((x - mean_x) ** 2 for x, _, _ in self.samples) or 1)

    @property
    def new_blocks(self) -> int:
        """Blocks that the end has more than the warm-up."""
        return self.samples[-1][2] - self.samples[0][2] if self.samples else 0

    def __str__(self) -> str:
        repeats = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.repeats.items()))
        (early, before, _), (_, after, _) = self.samples[0], self.samples[-1]
        lines = [
            f"{self.requests:,} requests of {self.threads} threads in {self.seconds:.0f} s",
            f"{self.items:,} items; {self.restarts} restarts, {self.rotations} tokens",
            f"{self.faults:,} faults ({self.faults / self.requests:.1%}), {self.retries:,} retries",
            f"done again by the daemon: {repeats or 'nothing'}",
            f"memory: {before / MIB:.1f} MiB after {early:,} requests, {after / MIB:.1f} later",
            f"per 100,000 requests: {self.growth / MIB:+.2f} MiB; blocks: {self.new_blocks:+}",
            f"left over: {self.sockets_left} sockets, {self.threads_left} threads",
            f"problems: {'; '.join(self.problems[:20]) or 'none'}",
        ]
        return "\n".join(lines)


class Daemon:
    """One thread's work. It keeps numbers only, so that its own memory is flat."""

    def __init__(self, session: synapse.Session, name: int, enough: int) -> None:
        self.session = session
        self.name = name
        self.enough = enough
        self.items = 0
        self.repeats: Counter[str] = Counter()
        self.problems: list[str] = []

    def run(self) -> None:
        try:
            while self.session.request_count < self.enough:
                self.handle(self.items + 1)
                self.items += 1
        except Exception as error:  # any error at all is a problem of the run
            self.problems.append(f"{self.name}: {type(error).__name__}: {error}")

    def handle(self, number: int) -> None:
        """Bring one item to its final state."""
        title = f"{self.name}-{number}"
        project: Any = self.persist("create", lambda: self.create(title), self.find(title))
        self.persist("get", lambda: self.check(project.refresh().title == title, title))
        project.description = f"of {title}"
        self.persist("save", project.save)
        self.persist("list", lambda: self.check(self.find(title)() == [project], title))
        if number % 2 == 0:
            self.persist("delete", project.delete, lambda: not self.find(title)())

    def create(self, title: str) -> Any:
        return self.session.projects.create(title=title, category="text")

    def find(self, title: str) -> Callable[[], list[Any]]:
        return lambda: list(self.session.projects.filter(title=title))

    def persist(self, verb: str, do: Callable[[], T], look: Callable[[], Any] = bool) -> T | Any:
        """Do something until it is done.

        Args:
            verb: Name of the work, for the report.
            do: The work.
            look: Returns whether it was done after all; a list has what was made.
        """
        is_in_doubt = False
        while True:
            try:
                if is_in_doubt and (done := look()):
                    return done[0] if isinstance(done, list) else done
                is_in_doubt = False
                return do()
            except errors.ClientError as error:  # noqa: PERF203 - each attempt has its own error
                is_unsent = surely_not_done(error)
                is_over = error.is_transient or isinstance(error, errors.InvalidResponse)
                if not (is_over or is_unsent):
                    raise
                is_in_doubt = is_in_doubt or not is_unsent
                self.repeats[f"{verb} {'unsent' if is_unsent else 'in doubt'}"] += 1
                time.sleep(0.02)  # as a daemon waits before its next attempt

    def check(self, condition: bool, what: str) -> None:
        if not condition:
            self.problems.append(f"{what} isn't what it was")


def live(
    enough: int = 100_000,
    *,
    threads: int = 16,
    share: float = 0.05,
    seed: int = 1,
    restart_every: int = 5_000,
    rotate_every: int = 3_000,
) -> Life:
    """Run the daemon, and return the account of its life.

    Args:
        enough: Number of requests after which the daemon ends.
        threads: Number of threads.
        share: Share of the requests that get a fault.
        seed: Seed of the choice of these requests.
        restart_every: Requests between two restarts of the backend.
        rotate_every: Requests between two tokens.
    """
    life = Life(threads=threads)
    gc.collect()  # what others left in this process isn't to be closed in the middle
    files, before = open_files(), threading.active_count()
    with tempfile.TemporaryDirectory() as folder:
        token = Path(folder) / "token"
        options = (str(restart_every), str(rotate_every), str(token))
        with server(share, seed, *options) as url:
            _live(life, url, token, enough)
    life.sockets_left = open_files() - files
    life.threads_left = threading.active_count() - before
    return life


def _live(life: Life, url: str, token: Path, enough: int) -> None:
    retries: Counter[str] = Counter()

    def count(retry: Retry) -> None:
        retries[retry.method] += 1
        raise ValueError("a hook that fails ends nothing")

    session = synapse.Session(url, token, timeout=(5, 2), cache_size=64, on_retry=count)
    policy = RetryPolicy(attempts=4, base=0.01)
    session.transport.options = attrs.evolve(session.transport.options, retry=policy)
    daemons = [Daemon(session, name, enough) for name in range(life.threads)]
    running = [threading.Thread(target=daemon.run) for daemon in daemons]
    started = time.monotonic()
    for thread in running:
        thread.start()
    due, step = enough * _WARM, enough * (1 - _WARM) / _SAMPLES
    while any(thread.is_alive() for thread in running):
        if session.request_count >= due:
            due += step
            life.samples.append(measure(session))
        time.sleep(0.02)  # between two looks at the memory
    for thread in running:
        thread.join()
    life.seconds = time.monotonic() - started
    life.requests = session.request_count
    life.samples.append(measure(session))
    session.close()
    there = fetch_report(url)
    life.restarts, life.rotations = there["restarts"], there["rotations"]
    life.faults = sum(there["faults"].values())
    life.retries = sum(retries.values())
    for daemon in daemons:
        life.items += daemon.items
        life.repeats += daemon.repeats
        life.problems += daemon.problems
        life.problems += compared(daemon, there)


def measure(session: synapse.Session) -> tuple[int, int, int]:
    gc.collect()
    # Blocks, since a list of all objects breaks a tuple that another thread is filling.
    return session.request_count, memory(), sys.getallocatedblocks()


def compared(daemon: Daemon, there: dict[str, Any]) -> list[str]:
    """Compare what a daemon has done with what the server has."""
    rows, problems = dict(there["rows"]), []
    for number in range(1, daemon.items + 1):
        title = f"{daemon.name}-{number}"
        made = there["made"].get(title, 0)
        if made != 1:
            problems.append(f"{title} was made {made} times")
        expected = None if number % 2 == 0 else f"of {title}"
        if rows.get(title) != expected:
            problems.append(f"{title} has {rows.get(title)!r} instead of {expected!r}")
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--faults", type=float, default=0.05, metavar="SHARE")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    life = live(asked.requests, threads=asked.threads, share=asked.faults, seed=asked.seed)
    print(life)
    has_grown = life.growth > MOST_GROWTH or life.new_blocks > MOST_BLOCKS
    left = life.sockets_left or life.threads_left
    return 1 if life.problems or has_grown or left else 0


if __name__ == "__main__":
    import logging

    logging.getLogger("synapse").setLevel(logging.CRITICAL)  # the hook's failures are on purpose
    sys.exit(main())
