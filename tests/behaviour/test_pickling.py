"""Objects in other processes, and back."""

from __future__ import annotations

import gc
import json
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

import synapse
from synapse import DataUnit, Project, Session, Task
from synapse.orm import session_base
from synapse.testing import assert_num_requests


def test_a_pickle_costs_nothing_and_carries_no_token(
    session: Session, project: Project, emulator: Any
) -> None:
    task = project.tasks.expand("data_unit.data_collection").first()
    with assert_num_requests(session, 0):
        content = pickle.dumps([project, task])
        assert pickle.loads(content) == [project, task]
    assert emulator.api_token.encode() not in content


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_object_that_is_not_here_is_made_of_the_pickle(
    session: Session, project: Project, protocol: int
) -> None:
    task = project.tasks[0]
    key = task.id
    content = pickle.dumps(task, protocol)
    del task
    gc.collect()
    with assert_num_requests(session, 0):
        again = pickle.loads(content)
        assert again.id == key
        assert again.status is synapse.TaskStatus.PENDING
        assert again.project is project
        assert not again.is_changed


def test_unsaved_changes_travel_along(session: Session, project: Project) -> None:
    task = project.tasks[0]
    other = session.projects.create(title="Other", category="text")
    task.meta["k"] = [1]
    task.project = other
    task.status = "skipped"
    changes = task.changes
    content = pickle.dumps(task)
    task.revert()
    assert pickle.loads(content) is task
    assert task.changes == changes
    assert task.project is other
    assert task.status is synapse.TaskStatus.SKIPPED


def test_an_object_with_read_only_containers_travels(unit: DataUnit) -> None:
    assert unit.meta == {}
    assert pickle.loads(pickle.dumps(unit)) is unit
    assert type(pickle.loads(pickle.dumps(unit.meta))) is dict


def rename(project: Project) -> Any:
    """Work of a worker process: it has the environment's settings only."""
    session = session_base.default()
    assert isinstance(session, Session)
    before = session.request_count
    title = project.title
    assert session.request_count == before
    project.title = f"{title} again"
    project.save()
    tasks = list(project.tasks)
    assert all(task.project is project for task in tasks)
    tasks[0].meta["seen"] = os.getpid()
    return session.key, os.getpid(), project, tasks[0]


def test_an_object_works_in_a_process_started_by_spawn(
    session: Session, project: Project, emulator: Any, monkeypatch: Any
) -> None:
    monkeypatch.setenv("SYNAPSE_BASE_URL", emulator.url)
    monkeypatch.setenv("SYNAPSE_API_TOKEN", emulator.api_token)
    task = project.tasks[0]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        key, pid, back, changed = pool.submit(rename, project).result(60)
    assert pid != os.getpid()
    assert key == session.key
    assert back is project
    assert changed is task
    assert task.changes == {"meta": {"seen": pid}}
    assert project.refresh().title == "Streets again"


def test_a_process_needs_nothing_imported_to_unpickle(
    session: Session, project: Project, emulator: Any, tmp_path: Path
) -> None:
    path = tmp_path / "objects.pickle"
    path.write_bytes(pickle.dumps([project, project.tasks]))
    code = (
        "import json, pickle, sys; project, tasks = pickle.load(open(sys.argv[1], 'rb'));"
        "print(json.dumps([project.title, tasks.count()]))"
    )
    environment = {
        **os.environ,
        "SYNAPSE_BASE_URL": emulator.url,
        "SYNAPSE_API_TOKEN": emulator.api_token,
    }
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env=environment,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == b""
    assert json.loads(done.stdout) == ["Streets", 2]


def test_a_query_in_another_process_is_of_its_session(project: Project) -> None:
    tasks = pickle.loads(pickle.dumps(project.tasks.filter(status="pending")))
    assert len(list(tasks)) == 2
    assert all(isinstance(task, Task) for task in tasks)
