"""This machine as an agent shows it: one node, and the processes of the jobs."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timezone

import psutil
import pytest

from synapse.jobs.local.machine import ThisMachine

WAIT = "import sys; sys.stdin.read()"
# Each prints the ids of the processes below it, and ends with its standard input.
CHILD = f"""
import subprocess, sys
print(subprocess.Popen([sys.executable, "-c", {WAIT!r}]).pid, flush=True)
sys.stdin.read()
"""
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}], stdout=subprocess.PIPE)
print(child.pid, int(child.stdout.readline()), flush=True)
sys.stdin.read()
sys.exit(child.wait())
"""


@pytest.fixture
def family() -> Iterator[tuple[int, int, int]]:
    """The ids of a running process, of its child, and of the child's child."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout is not None
        child, grandchild = map(int, parent.stdout.readline().split())
        yield parent.pid, child, grandchild
    assert parent.returncode == 0  # nothing killed it


def build_machine(pids: dict[str, int]) -> ThisMachine:
    """Return a machine whose jobs have a process each, with the processes below it."""
    first = {job: psutil.Process(pid) for job, pid in pids.items()}
    return ThisMachine(
        "node-1",
        lambda: {job: [each, *each.children(recursive=True)] for job, each in first.items()},
    )


def test_machine_is_one_living_head_node() -> None:
    [node] = build_machine({}).nodes()

    assert node["node_id"] == "node-1"
    assert node["node_name"] == socket.gethostname()
    assert (node["is_head_node"], node["state"]) == (True, "ALIVE")


def test_available_resources_are_part_of_the_total() -> None:
    [node] = build_machine({}).nodes()

    total, available = node["resources_total"], node["resources_available"]
    assert total == {"CPU": psutil.cpu_count(), "memory": psutil.virtual_memory().total}
    assert 0 <= available["CPU"] <= total["CPU"]
    assert 0 < available["memory"] < total["memory"]


def test_no_job_means_no_task() -> None:
    assert build_machine({}).tasks() == []


def test_tasks_are_the_processes_of_the_jobs(family: tuple[int, int, int]) -> None:
    tasks = build_machine({"job-1": family[0]}).tasks()

    assert {task["worker_pid"] for task in tasks} == set(family)
    assert {task["job_id"] for task in tasks} == {"job-1"}
    assert {task["node_id"] for task in tasks} == {"node-1"}
    assert {(task["type"], task["state"]) for task in tasks} == {("PROCESS", "RUNNING")}
    assert all(task["memory"] > 0 for task in tasks)


def test_parents_are_processes_of_the_job(family: tuple[int, int, int]) -> None:
    parent, child, grandchild = family

    tasks = build_machine({"job-1": parent}).tasks()

    assert {task["worker_pid"]: task["parent_pid"] for task in tasks} == {
        parent: None,
        child: parent,
        grandchild: child,
    }


def test_task_id_survives_the_reuse_of_a_process_id(family: tuple[int, int, int]) -> None:
    parent = family[0]
    began = psutil.Process(parent).create_time()

    task = build_machine({"job-1": parent}).tasks()[0]

    assert task["task_id"] == f"{parent}-{int(began * 1000)}"
    assert datetime.fromisoformat(task["created"]) == datetime.fromtimestamp(began, timezone.utc)


def test_ended_process_is_finished_until_the_agent_reads_its_exit_code() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)

        [task] = build_machine({"job-1": ended.pid}).tasks()

        assert task["state"] == "FINISHED"


def test_job_whose_process_is_gone_has_no_task(family: tuple[int, int, int]) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        process = psutil.Process(ended.pid)
    processes = {"job-1": [process], "job-2": [psutil.Process(family[0])]}

    tasks = ThisMachine("node-1", lambda: processes).tasks()

    assert {task["job_id"] for task in tasks} == {"job-2"}


def test_machine_serves_no_application_and_has_no_problem(family: tuple[int, int, int]) -> None:
    machine = build_machine({"job-1": family[0]})

    assert machine.applications() == []
    assert machine.delete_application("any") is False
    assert machine.problem() is None


def test_jobs_of_an_earlier_agent_need_no_end(family: tuple[int, int, int]) -> None:
    """Processes end with their agent, so nothing that runs now belongs to an earlier one."""
    machine = build_machine({"job-1": family[0]})

    machine.end("job-1")

    assert len(machine.tasks()) == len(family)
