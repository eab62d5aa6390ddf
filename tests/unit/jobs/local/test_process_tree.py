"""All processes of a job: measured, asked to end, and ended, wherever they went."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator

import psutil
import pytest

from synapse.jobs.local.process_tree import MARK, ProcessTree, end_marked

# Prints its id when it is up.
HOLD = """
import os, time
block = b"x" * (40 << 20)
print(os.getpid(), flush=True)
time.sleep(60)
"""
AWAY = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {HOLD!r}], start_new_session=True)
"""
# Runs the program of each line, and prints the line that the program prints.
LEADER = """
import json, subprocess, sys
for line in sys.stdin:
    source, away = json.loads(line)
    command = [sys.executable, "-c", source]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=away)
    print(child.stdout.readline().decode(), end="", flush=True)
"""


class Family:
    """The leader of a session, and the processes that the leader starts on request.

    Each has a mark of its own: a search by a mark reads the processes of the whole machine.
    """

    def __init__(self) -> None:
        self.mark = uuid.uuid4().hex
        self.leader = subprocess.Popen(
            [sys.executable, "-c", LEADER],
            env={**os.environ, MARK: self.mark},
            start_new_session=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.tree = ProcessTree(self.leader.pid, self.mark)
        self.children: list[psutil.Process] = []

    def start(self, source: str = HOLD, *, away: bool = False) -> psutil.Process:
        """Start a process in the leader's session, or in a session of its own."""
        assert self.leader.stdin is not None
        assert self.leader.stdout is not None
        self.leader.stdin.write(json.dumps([source, away]) + "\n")
        self.leader.stdin.flush()
        self.children.append(psutil.Process(int(self.leader.stdout.readline())))
        return self.children[-1]

    def end_leader(self) -> None:
        """Let the leader exit and become a zombie."""
        self.leader.kill()
        os.waitid(os.P_PID, self.leader.pid, os.WEXITED | os.WNOWAIT)

    def close(self) -> None:
        for child in self.children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        self.leader.kill()
        self.leader.communicate()


Build = Callable[[], Family]


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def build() -> Iterator[Build]:
    families: list[Family] = []

    def build() -> Family:
        families.append(Family())
        return families[-1]

    yield build
    for family in families:
        family.close()


@pytest.fixture
def family(build: Build) -> Family:
    return build()


@pytest.mark.parametrize(
    ("source", "away"),
    [(HOLD, False), (HOLD, True), (AWAY, False)],
    ids=["child", "child in its own session", "child's child in its own session"],
)
def test_memory_of_all_descendants_counts(family: Family, source: str, away: bool) -> None:
    family.start(source, away=away)

    assert family.tree.memory() > 40 << 20
    assert family.tree.exact_memory() > 40 << 20


def test_exact_memory_is_never_above_the_upper_bound(family: Family) -> None:
    family.start()
    bound = family.tree.memory()

    assert 0 < family.tree.exact_memory() <= bound


def test_tree_without_processes_has_no_memory(family: Family) -> None:
    family.end_leader()

    assert family.tree.memory() == 0


def test_terminate_asks_the_session_and_leaves_the_rest(family: Family) -> None:
    here, away = family.start(), family.start(away=True)

    family.tree.terminate()

    assert family.leader.wait(20) == -signal.SIGTERM
    here.wait(20)
    assert is_alive(away.pid)


def test_terminate_after_the_end_does_nothing(family: Family) -> None:
    family.leader.kill()
    family.leader.wait(20)

    family.tree.terminate()

    assert family.leader.returncode == -signal.SIGKILL


def test_kill_ends_the_leader_and_all_children(family: Family) -> None:
    children = [family.start(away=away) for away in (False, True)]

    family.tree.kill()

    assert [is_alive(child.pid) for child in children] == [False, False]
    assert family.leader.wait(20) == -signal.SIGKILL


def test_child_that_left_the_session_is_remembered_when_its_parent_is_gone(family: Family) -> None:
    away = family.start(away=True)
    family.tree.memory()  # the search that finds it
    family.end_leader()

    family.tree.kill()

    assert not is_alive(away.pid)


def test_sweep_finds_the_remains_of_a_leader_by_their_mark(family: Family) -> None:
    children = [family.start(away=away) for away in (False, True)]
    family.end_leader()

    family.tree.sweep()

    assert [is_alive(child.pid) for child in children] == [False, False]


def test_sweep_leaves_other_jobs_alone(build: Build) -> None:
    ended, other = build(), build()
    child = other.start(away=True)
    ended.end_leader()

    ended.tree.sweep()

    assert is_alive(child.pid)
    assert is_alive(other.leader.pid)


def test_end_marked_ends_exactly_the_named_jobs(build: Build) -> None:
    first, second, other = (build() for _ in range(3))
    child = first.start(away=True)

    end_marked({first.mark, second.mark})

    assert [is_alive(pid) for pid in (first.leader.pid, second.leader.pid)] == [False, False]
    assert not is_alive(child.pid)
    assert is_alive(other.leader.pid)


def test_end_marked_without_names_ends_nothing(family: Family) -> None:
    end_marked(set())

    assert is_alive(family.leader.pid)
