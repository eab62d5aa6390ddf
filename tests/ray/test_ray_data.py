"""Queries as datasets, and datasets into collections, in the workers of a real head."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from head import RayHead

import synapse
from synapse.clients.agent.ray import RayClient
from synapse.errors import UsageError
from synapse.testing.tenants import EmulatorTenant

Script = Callable[..., Any]

BEGIN = """
import json, logging, os, sys, warnings
import ray
import synapse
from synapse.integrations.ray import read, upload

ray.init(address={address!r}, logging_level=logging.ERROR, log_to_driver=False)
ray.data.DataContext.get_current().enable_progress_bars = False
session = synapse.connect({url!r}, api_token={token!r})

def answer(value):
    print("ANSWER", json.dumps(value, default=str), flush=True)

"""


@pytest.fixture
def profile(head: RayHead, emulator: EmulatorTenant) -> Iterator[None]:
    """What the head's workers find: where the backend is, and the token for it."""
    path = Path(head.environment["XDG_CONFIG_HOME"], "synapse", "config.toml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(f'[default]\nbase_url = "{emulator.url}"\napi_token = "{emulator.api_token}"\n')
    yield
    path.unlink()


@pytest.fixture
def start(
    head: RayHead, emulator: EmulatorTenant, profile: None, tmp_path: Path
) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """What starts a program that uses the head; each has workers of its own."""
    made: list[subprocess.Popen[str]] = []

    def started(code: str) -> subprocess.Popen[str]:
        begin = BEGIN.format(address=head.address, url=emulator.url, token=emulator.api_token)
        path = tmp_path / f"program{len(made)}.py"
        path.write_text(begin + code)
        process = subprocess.Popen(
            [sys.executable, str(path)],
            env=head.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        made.append(process)
        return process

    yield started
    for process in made:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


@pytest.fixture
def script(start: Callable[[str], subprocess.Popen[str]]) -> Script:
    """What runs a program, and gives what it answers."""

    def ran(code: str) -> Any:
        return answer_of(start(code))

    return ran


def answer_of(process: subprocess.Popen[str]) -> Any:
    output, _ = process.communicate(timeout=100)
    lines = [line for line in output.splitlines() if line.startswith("ANSWER ")]
    assert process.returncode == 0, output[-5000:]
    assert lines, output[-5000:]
    return json.loads(lines[-1].removeprefix("ANSWER "))


@pytest.fixture
def tasks(session: synapse.Session, unit: synapse.DataUnit) -> synapse.Project:
    """A project with 250 tasks."""
    project = session.projects.create(
        title="Many", category="text", data_collection=unit.data_collection_id
    )
    project.tasks.bulk_create(
        {"data_unit": unit, "meta": {"n": n} if n % 2 else {}} for n in range(250)
    )
    return project


class TestRead:
    def test_all_rows(self, script: Script, tasks: synapse.Project) -> None:
        answer = script(
            f"project = session.projects.get({tasks.id})\n"
            "before = session.request_count\n"
            "dataset = read(project.tasks.order_by('id').page_size(40), override_num_blocks=3)\n"
            "planned = session.request_count - before\n"
            "count = dataset.count()\n"
            "rows = dataset.take_all()\n"
            "answer([planned, count, session.request_count - before, rows[0], rows[1],"
            " [row['id'] for row in rows]])\n"
        )

        planned, count, requests, first, second, ids = answer
        # The count, and the first and last ids of a query of more than five pages.
        assert (planned, count, requests) == (5, 250, 5)
        assert sorted(ids) == [task.id for task in tasks.tasks.order_by("id")]
        row = next(iter(tasks.tasks.order_by("id").values()))
        assert first == row
        assert second["meta"] == {"n": 1}

    def test_columns(self, script: Script, tasks: synapse.Project) -> None:
        answer = script(
            f"project = session.projects.get({tasks.id})\n"
            "rows = project.tasks.order_by('id').values('id', 'project_id', 'meta')\n"
            "dataset = read(rows, nested='json')\n"
            "answer([dataset.columns(), dataset.filter(lambda row: row['meta'] != '{}').count(),"
            " dataset.take(1)[0]])\n"
        )

        columns, filtered, row = answer
        assert columns == ["id", "project_id", "meta"]
        assert filtered == 125
        assert row == {"id": row["id"], "project_id": tasks.id, "meta": "{}"}

    def test_slice_and_nothing(self, script: Script, tasks: synapse.Project) -> None:
        answer = script(
            f"every = session.projects.get({tasks.id}).tasks.order_by('id').page_size(50)\n"
            "part = read(every[45:130], override_num_blocks=2)\n"
            "none = read(every.filter(id=[]))\n"
            "gone = read(every.filter(status='completed'))\n"
            "answer([[row['id'] for row in part.take_all()], none.count(), gone.count(),"
            " none.take_all(), gone.take_all()])\n"
        )

        ids = [task.id for task in tasks.tasks.order_by("id")]
        assert sorted(answer[0]) == ids[45:130]
        assert answer[1:] == [0, 0, [], []]

    def test_class_level_query(self, script: Script, tasks: synapse.Project) -> None:
        answer = script("answer(read(synapse.Task.objects.order_by('id')).max('id'))\n")

        assert answer == max(task.id for task in tasks.tasks.all())

    def test_pickle_has_no_token(
        self, session: synapse.Session, emulator: EmulatorTenant, project: synapse.Project
    ) -> None:
        from synapse.integrations.query_part import QueryPart

        part = QueryPart(project.tasks.all(), (), "objects", 100)

        assert emulator.api_token.encode() not in pickle.dumps(part)
        assert [len(table) for table in pickle.loads(pickle.dumps(part)).tables()] == [2]

    def test_what_is_no_query(self) -> None:
        from synapse.integrations.ray import read

        with pytest.raises(UsageError, match="query is a list"):
            read([1])  # type: ignore[arg-type]


@pytest.fixture
def collection(session: synapse.Session) -> synapse.DataCollection:
    return session.data_collections.create(
        name="Texts",
        category="text",
        file_specifications=[synapse.FileSpecification(name="text", file_type="text")],
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with 400 files."""
    made = tmp_path / "texts"
    made.mkdir()
    for number in range(400):
        (made / f"{number:03}.txt").write_text(f"text {number}")
    return made


def names_of(collection: synapse.DataCollection) -> Counter[str]:
    rows = collection.data_units.all().values("files", "meta")
    return Counter(f"{row['files']['text']['path']} {row['meta'].get('n')}" for row in rows)


UPLOAD = """
import pathlib
items = [{{"at": str(path), "n": int(path.stem)}} for path in pathlib.Path({folder!r}).iterdir()]
dataset = ray.data.from_items(sorted(items, key=lambda one: one["n"]), override_num_blocks=2)
collection = session.data_collections.get({collection})
report = upload(
    dataset, collection, files={{"text": "at"}}, meta=["n"], journals={journals!r}, workers=2
)
answer([report.created, report.skipped, [str(one) for one in report.failed]])
"""
EXPECTED = Counter(f"{number:03}.txt {number}" for number in range(400))


class TestUpload:
    def test_paths_and_again(
        self, script: Script, collection: synapse.DataCollection, folder: Path, tmp_path: Path
    ) -> None:
        code = UPLOAD.format(
            folder=str(folder), collection=collection.id, journals=str(tmp_path / "journals")
        )

        assert script(code) == [400, 0, []]
        assert script(code) == [0, 400, []]
        assert names_of(collection) == EXPECTED

    @pytest.mark.parametrize(
        "path",
        [
            pytest.param("data_files", id="while it sends files"),
            pytest.param("data_units", id="when it has made units, and doesn't know it yet"),
        ],
    )
    def test_killed_worker(
        self,
        start: Callable[[str], subprocess.Popen[str]],
        ray_client: RayClient,
        emulator: EmulatorTenant,
        collection: synapse.DataCollection,
        folder: Path,
        tmp_path: Path,
        path: str,
    ) -> None:
        code = UPLOAD.format(
            folder=str(folder), collection=collection.id, journals=str(tmp_path / "journals")
        )
        # What is asked for is done, but the worker doesn't hear of it before it is killed.
        held = emulator.fault("slow", method="POST", path=path, count=8, seconds=25)
        process = start(code)
        killed: set[int] = set()
        end = time.monotonic() + 100
        while not killed:
            assert process.poll() is None, process.communicate()[0][-5000:]
            assert time.monotonic() < end, "No worker was killed in the middle."
            time.sleep(0.05)
            if held.served:
                for task in ray_client.list_tasks({"state": "RUNNING"}, detail=True):
                    if "_BlockUpload" in task["name"] and task["worker_pid"]:
                        os.kill(task["worker_pid"], signal.SIGKILL)
                        killed.add(task["worker_pid"])
        emulator.clear_faults()

        created, skipped, failed = answer_of(process)

        assert names_of(collection) == EXPECTED
        assert (created + skipped, failed) == (400, [])

    def test_bytes(
        self,
        script: Script,
        session: synapse.Session,
        collection: synapse.DataCollection,
        tmp_path: Path,
    ) -> None:
        project = session.projects.create(
            title="With tasks", category="text", data_collection=collection
        )
        journals = tmp_path / "journals"
        code = (
            "rows = [{'data': b'text %d' % n, 'from': f'a/{n}.txt'} for n in range(20)]\n"
            "dataset = ray.data.from_items(rows, override_num_blocks=2)\n"
            f"report = upload(dataset, {collection.id}, files={{'text': 'data'}}, names='from',\n"
            f"    meta={{'origin': 'from'}}, project={project.id}, journals={str(journals)!r})\n"
            "answer([report.created, report.tasks, report.files_sent])\n"
        )

        assert script(code) == [20, 20, 20]
        units = list(collection.data_units.all())
        assert {unit.meta["origin"] for unit in units} == {f"a/{n}.txt" for n in range(20)}
        assert {unit.files["text"].path for unit in units} == {f"{n}.txt" for n in range(20)}
        assert project.tasks.count() == 20
        assert list(journals.rglob("*.txt")) == []

    def test_refused_before_anything(
        self, script: Script, collection: synapse.DataCollection, tmp_path: Path
    ) -> None:
        answer = script(
            "try:\n"
            f"    upload(ray.data.range(3), {collection.id}, files={{'text': 'nosuch'}},"
            f" journals={str(tmp_path)!r})\n"
            "except synapse.UsageError as error:\n"
            "    answer(str(error))\n"
        )

        assert answer == "The dataset has no column 'nosuch'. There are: id."

    def test_errors_of_workers_are_ours(
        self,
        script: Script,
        emulator: EmulatorTenant,
        head: RayHead,
        collection: synapse.DataCollection,
        folder: Path,
        tmp_path: Path,
    ) -> None:
        path = Path(head.environment["XDG_CONFIG_HOME"], "synapse", "config.toml")
        path.write_text(f'[default]\nbase_url = "{emulator.url}"\napi_token = "not-the-right-one"')
        code = UPLOAD.format(
            folder=str(folder), collection=collection.id, journals=str(tmp_path / "journals")
        )
        code = code.replace("report = upload(", "try:\n  upload(").replace(
            "answer([report.created, report.skipped, [str(one) for one in report.failed]])",
            "except synapse.errors.AuthenticationError as error:\n  answer(str(error))",
        )

        assert "Invalid token" in script(code)
