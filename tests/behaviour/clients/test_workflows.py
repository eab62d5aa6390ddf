"""Whole scripts in the older style, from the first import to the last response.

They import `synapse_sdk`, take everything from keyword arguments and look at plain dicts and lists.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from synapse_sdk.clients.backend import BackendClient
from synapse_sdk.clients.exceptions import ClientError

import synapse
from synapse import DataUnit, Project


@pytest.fixture
def api(emulator: Any) -> Any:
    """A client as scripts make it."""
    with BackendClient(base_url=emulator.url, api_token=emulator.api_token) as made:
        yield made


@pytest.fixture
def image(tmp_path: Path) -> Path:
    file = tmp_path / "crossing.jpg"
    file.write_bytes(b"\xff\xd8\xff a picture of a crossing")
    return file


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    file = tmp_path / "blur.zip"
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("config.json", '{"code": "blur"}')
    return file


def test_first_steps(api: Any, project: Project) -> None:
    tasks = api.list_tasks(params={"project": project.id})
    collections = api.list_data_collection(params={"search": "Samples"})
    models = api.list_models(params={"project": project.id})

    assert [page["count"] for page in (tasks, collections, models)] == [2, 1, 0]
    assert [len(page["results"]) for page in (tasks, collections, models)] == [2, 1, 0]


def test_tokens_of_the_environment(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "SYNAPSE_API_TOKEN", emulator.api_token)
    monkeypatch.setitem(os.environ, "SYNAPSE_AGENT_TOKEN", emulator.agent_token)

    with BackendClient(base_url=emulator.url) as client:
        assert client.list_projects()["results"] == []


def test_as_an_agent(emulator: Any) -> None:
    with BackendClient(base_url=emulator.url, agent_token=emulator.agent_token) as client:
        assert client.health_check_agent(emulator.agent_token)["is_active"]


def explained(client: Any, project_id: int) -> str:
    """Say how asking for a project ends, as scripts tell the errors apart."""
    try:
        project = client.get_project(project_id)
    except ClientError as error:
        if error.status_code == 404:
            return "absent"
        if error.status_code in (401, 403):
            return "not allowed"
        return f"failed: {error}"
    return str(project["title"])


def test_errors(api: Any, emulator: Any, project: Project, recorder: Any) -> None:
    recorder.answer = type(recorder.answer)(500, {"detail": "Out of order."})
    broken = BackendClient(base_url=recorder.url, api_token="any")
    stranger = BackendClient(base_url=emulator.url, api_token="nobodys")

    with broken, stranger:
        assert explained(api, project.id) == "Streets"
        assert explained(api, 999_999) == "absent"
        assert explained(stranger, project.id) == "not allowed"
        assert explained(broken, 1).startswith("failed: Project 1: Out of order. (HTTP 500, GET ")


def test_another_tenants_project_is_absent(
    api: Any, backend: Any, emulator: Any, project: Project
) -> None:
    other = backend.create_tenant()

    with BackendClient(base_url=emulator.url, api_token=other.api_token) as client:
        assert explained(client, project.id) == "absent"


def test_pages(api: Any, project: Project, unit: DataUnit) -> None:
    api.create_tasks([{"project": project.id, "data_unit": unit.id} for _ in range(9)])

    seen: list[int] = []
    number: int | None = 1
    while number is not None:
        page = api.list_tasks(params={"page": number, "page_size": 4})
        seen += [task["id"] for task in page["results"]]
        number = number + 1 if page["next"] else None

    assert seen == [task["id"] for task in api.list_tasks(list_all=True)]
    assert len(seen) == page["count"] == 11
    assert page["previous"]


def test_batches(api: Any, session: synapse.Session, project: Project, unit: DataUnit) -> None:
    me = session.me.id
    batch = [{"project": project.id, "data_unit": unit.id, "assignee": me} for _ in range(3)]
    created = api.create_tasks(batch)
    tags = [session.task_tags.create(project=project, name=name).id for name in ("new", "night")]
    assignments = [row["id"] for row in api.list_assignments()["results"]]

    answer = api.set_tags_assignments({"assignment_ids": assignments, "tag_ids": tags})

    assert len(created) == len(assignments) == answer["count"] == 3
    assert all(sorted(api.get_assignment(assignment)["tags"]) == tags for assignment in assignments)


def test_files(api: Any, tmp_path: Path, image: Path) -> None:
    large = tmp_path / "recording.bin"
    large.write_bytes(os.urandom(300_000))

    upload = api.create_chunked_upload(large, chunk_size=100_000)
    data_file = api.create_data_file(image, use_chunked_upload=True)

    assert (upload["offset"], upload["status"]) == (300_000, 2)
    assert data_file["size"] == image.stat().st_size
    assert api.verify_data_files_checksums([data_file["checksum"]]) == {
        "checksums": [data_file["checksum"]],
        "existing_checksums": [data_file["checksum"]],
    }


def test_from_a_file_to_an_annotation(
    api: Any, session: synapse.Session, project: Project, image: Path
) -> None:
    """What comes in as a lone file is a task, an assignment and an annotation in the end."""
    collection = api.get_data_collection(project.data_collection_id)
    data_file = api.create_data_file(image)
    tasks = api.create_tasks(
        [
            {
                "project": project.id,
                "data_unit": data_file["data_unit_id"],
                "assignee": session.me.id,
            }
        ]
    )
    assignments = api.list_assignments(params={"project": project.id})
    document = {"annotations": [{"type": "bbox", "coordinates": [0, 0, 9, 9], "label": "car"}]}
    done = api.annotate_task_data(tasks[0]["id"], document)
    models = api.list_models(params={"project": project.id})

    assert collection["name"] == "Samples"
    assert [row["task"] for row in assignments["results"]] == [tasks[0]["id"]]
    assert done["status"] == "completed"
    (file,) = api.list_tasks(params={"status": "completed"})["results"][0]["files"].values()
    assert (file["path"], file["checksum"]) == ("crossing.jpg", data_file["checksum"])
    assert models["count"] == 0


def test_deploying_a_plugin(api: Any, zipped: Path) -> None:
    plugin = api.create_plugin({"name": "Blur", "description": "Blurs faces"})
    with zipped.open("rb") as file:
        release = api.create_plugin_release(
            {"plugin": plugin["id"], "version": "0.1.0", "file": file}
        )
    started = api.run_plugin(plugin["id"], {"parameters": {"radius": 2.5}})
    job = api.get_job(started["job_id"])

    assert release["plugin"] == job["plugin"] == plugin["id"]
    assert (job["plugin_release"], job["status"]) == (release["id"], "PENDING")
    assert job["params"] == {"radius": 2.5}

    # What the plugin itself does with its job, and what whoever waits for it sees.
    api.update_job(job["id"], {"status": "running", "progress": 10, "console_logs": ["begun"]})
    lines = api.tail_job_console_logs(job["id"])
    assert next(lines) == "begun"
    api.create_logs({"job": job["id"], "level": "info", "message": "a frame is done"})
    api.update_job(job["id"], {"status": "completed", "progress": 100, "console_logs": ["done"]})

    assert list(lines) == ["done"]
    assert api.get_job(job["id"])["status"] == "SUCCEEDED"
    assert [row["id"] for row in api.list_jobs(params={"plugin": plugin["id"]})["results"]] == [
        job["id"]
    ]


def test_moving_over_one_call_at_a_time(api: Any, image: Path) -> None:
    """A script that is half moved over: old calls and objects see the same things."""
    project = api.create_project({"title": "Streets", "category": "image"})
    data_file = api.create_data_file(image)

    task = api.session.projects.get(project["id"]).tasks.create(data_unit=data_file["data_unit_id"])
    api.annotate_task_data(task.id, {"n": 1})
    task.refresh()

    assert task.data == {"n": 1}
    assert api.get_task(task.id)["status"] == task.status == "completed"
