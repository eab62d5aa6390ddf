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

from synapse.jobs.local import supervisor
from synapse.jobs.local.process_tree import ProcessTree, end_marked

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
    """A supervised command, and the processes that the command starts on request.

    Each has a mark of its own: a search by a mark reads the processes of the whole machine.
    """

    def __init__(self) -> None:
        self.mark = uuid.uuid4().hex
        command = [sys.executable, "-I", "-S", supervisor.__file__, self.mark]
        self.supervisor = subprocess.Popen(
            [*command, sys.executable, "-c", LEADER],
            start_new_session=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.tree = ProcessTree(self.supervisor.pid, self.mark)
        self.children: list[psutil.Process] = []

    def start(self, source: str = HOLD, *, away: bool = False) -> psutil.Process:
        """Start a process in the supervisor's session, or in a session of its own."""
        assert self.supervisor.stdin is not None
        assert self.supervisor.stdout is not None
        self.supervisor.stdin.write(json.dumps([source, away]) + "\n")
        self.supervisor.stdin.flush()
        self.children.append(psutil.Process(int(self.supervisor.stdout.readline())))
        return self.children[-1]

    def kill_supervisor(self) -> None:
        """Let the supervisor become a zombie that ended nothing."""
        self.supervisor.kill()
        os.waitid(os.P_PID, self.supervisor.pid, os.WEXITED | os.WNOWAIT)

    def close(self) -> None:
        for child in self.children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        self.supervisor.kill()
        self.supervisor.communicate()


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


def test_supervisor_counts_for_nothing(family: Family) -> None:
    started = family.start()

    pids = {process.pid for process in family.tree.processes()}
    assert family.supervisor.pid not in pids
    assert {started.pid, started.ppid()} == pids


def test_tree_without_processes_has_no_memory(family: Family) -> None:
    family.kill_supervisor()
    family.tree.kill()

    assert family.tree.memory() == 0
    assert family.tree.processes() == []


def test_terminate_asks_the_group_and_leaves_the_rest_to_the_supervisor(family: Family) -> None:
    here = family.start(f"import signal; signal.signal(15, signal.SIG_IGN)\n{HOLD}")
    away = family.start(away=True)

    family.tree.terminate()

    assert family.supervisor.wait(20) == -signal.SIGTERM  # as the command, which didn't mind
    assert [is_alive(child.pid) for child in (here, away)] == [False, False]


def test_terminate_after_the_end_does_nothing(family: Family) -> None:
    family.supervisor.kill()
    family.supervisor.wait(20)

    family.tree.terminate()

    assert family.supervisor.returncode == -signal.SIGKILL


def test_kill_ends_all_processes_and_with_them_the_supervisor(family: Family) -> None:
    children = [family.start(away=away) for away in (False, True)]

    family.tree.kill()

    assert [is_alive(child.pid) for child in children] == [False, False]
    assert family.supervisor.wait(20) == -signal.SIGKILL  # as the command


def test_child_that_left_the_session_is_remembered_when_its_parent_is_gone(family: Family) -> None:
    away = family.start(away=True)
    family.tree.memory()  # the search that finds it
    family.kill_supervisor()

    family.tree.kill()

    assert not is_alive(away.pid)


def test_sweep_finds_the_remains_of_a_killed_supervisor_by_their_mark(family: Family) -> None:
    children = [family.start(away=away) for away in (False, True)]
    family.kill_supervisor()

    family.tree.sweep()

    assert [is_alive(child.pid) for child in children] == [False, False]


def test_sweep_leaves_other_jobs_alone(build: Build) -> None:
    ended, other = build(), build()
    child = other.start(away=True)
    ended.kill_supervisor()

    ended.tree.sweep()

    assert is_alive(child.pid)
    assert is_alive(other.supervisor.pid)


def test_end_marked_ends_exactly_the_named_jobs(build: Build) -> None:
    first, second, other = (build() for _ in range(3))
    children = [family.start(away=True) for family in (first, second)]
    alive = other.start(away=True)

    end_marked({first.mark, second.mark})

    assert [is_alive(child.pid) for child in children] == [False, False]
    assert is_alive(alive.pid)


def test_end_marked_without_names_ends_nothing(family: Family) -> None:
    child = family.start()

    end_marked(set())

    assert is_alive(child.pid)
