"""The local backend answers as the platform does: requests of its published client."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

import synapse
from synapse.testing.tenants import EmulatorTenant


class Wire:
    """Plain requests in one tenant."""

    def __init__(self, tenant: EmulatorTenant) -> None:
        self.url = tenant.url
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["SYNAPSE-ACCESS-TOKEN"] = f"Token {tenant.api_token}"

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        url = path if path.startswith("http") else f"{self.url}/{path}"
        return self.http.request(method, url, timeout=30, **options)

    def ok(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        response = self.send(method, path, json=body, **options)
        assert response.ok, f"{response.status_code} {response.text}"
        return response.json() if response.content else None

    def rows(self, path: str, **params: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.ok("GET", path, params=params)["results"]
        return rows

    def refused(self, status: int, method: str, path: str, body: Any = None, **options: Any) -> Any:
        response = self.send(method, path, json=body, **options)
        assert response.status_code == status, f"{response.status_code} {response.text}"
        return response.json()


@pytest.fixture
def wire(emulator: EmulatorTenant) -> Iterator[Wire]:
    client = Wire(emulator)
    with client.http:
        yield client


@pytest.fixture
def tasks(wire: Wire, project: synapse.Project) -> list[dict[str, Any]]:
    """The project's two tasks and three more."""
    wire.ok("POST", "tasks/", [{"project": project.id}] * 3)
    return wire.rows("sdk/tasks/", ordering="id")


@pytest.mark.parametrize(
    ("lookup", "pivot", "chosen"),
    [
        ("id__lt", lambda ids: ids[2], slice(0, 2)),
        ("id__lte", lambda ids: ids[2], slice(0, 3)),
        ("id__gt", lambda ids: ids[2], slice(3, 5)),
        ("id__gte", lambda ids: ids[2], slice(2, 5)),
        ("id__in", lambda ids: f"{ids[0]},{ids[2]}", slice(0, 3, 2)),
        ("id__in", lambda ids: [ids[0], ids[2]], slice(0, 3, 2)),
        ("id__lt", lambda ids: 10**30, slice(0, 5)),
        ("id__gt", lambda ids: 10**30, slice(0, 0)),
        ("id__gt", lambda ids: -(10**30), slice(0, 5)),
    ],
)
def test_lookups_of_ids(
    wire: Wire, tasks: list[dict[str, Any]], lookup: str, pivot: Any, chosen: slice
) -> None:
    ids = [row["id"] for row in tasks]
    rows = wire.rows("sdk/tasks/", **{lookup: pivot(ids)})
    assert [row["id"] for row in rows] == ids[chosen]


@pytest.mark.parametrize(
    ("lookup", "chosen"),
    [
        ("created__lt", slice(0, 2)),
        ("created__lte", slice(0, 3)),
        ("created__gt", slice(3, 5)),
        ("created__gte", slice(2, 5)),
        ("created__in", slice(2, 3)),
    ],
)
def test_lookups_of_times(wire: Wire, lookup: str, chosen: slice) -> None:
    rows = [
        wire.ok("POST", "projects/", {"title": str(number), "category": "image"})
        for number in range(5)
    ]
    found = wire.rows("projects/", **{lookup: rows[2]["created"]})
    assert [row["id"] for row in found] == [row["id"] for row in rows[chosen]]


@pytest.mark.parametrize(
    ("lookup", "value", "message"),
    [
        ("id__lt", "x", "Enter a whole number."),
        ("id__in", "1,x", "Enter a whole number."),
        ("created__gte", "yesterday", "Enter a valid date/time."),
        ("project__in", "77777777", "Select a valid choice."),
    ],
)
def test_wrong_values_of_lookups_are_refused(
    wire: Wire, lookup: str, value: str, message: str
) -> None:
    errors = wire.refused(400, "GET", "sdk/tasks/", params={lookup: value})
    assert errors[lookup][0].startswith(message)


# Tasks and annotations.


def test_tasks_are_created_from_units_in_data(
    wire: Wire, project: synapse.Project, unit: synapse.DataUnit
) -> None:
    units = [{"data_unit": unit.id}, {"data_unit": unit.id}]
    rows = wire.ok("POST", "tasks/", {"project": project.id, "priority": "high", "data": units})
    assert [(row["data_unit"], row["priority"], row["data"]) for row in rows] == [
        (unit.id, "high", None)
    ] * 2


@pytest.mark.parametrize(
    ("data", "errors"),
    [
        ([], None),
        (
            [{"data_unit": 77777777}],
            [{"data_unit": ['Invalid pk "77777777" - object does not exist.']}],
        ),
        ([3], [{"non_field_errors": ["Invalid data. Expected a dictionary, but got int."]}]),
    ],
)
def test_tasks_are_created_all_or_none(
    wire: Wire, project: synapse.Project, data: list[Any], errors: Any
) -> None:
    response = wire.send("POST", "tasks/", json={"project": project.id, "data": data})
    assert (response.status_code, response.json()) == (400 if errors else 201, errors or [])
    assert len(wire.rows("sdk/tasks/", project=project.id)) == 2


def test_tasks_are_created_for_a_query_of_units(
    wire: Wire, project: synapse.Project, unit: synapse.DataUnit
) -> None:
    path, params = "data_units/create_tasks/", {"data_collection": unit.data_collection_id}
    rows = wire.ok("POST", path, {"project": project.id}, params=params)
    assert [(row["project"], row["data_unit"]) for row in rows] == [(project.id, unit.id)]
    errors = wire.refused(400, "POST", path, {}, params=params)
    assert errors == [{"project": ["This field may not be null."]}]


_MINE = {"class": "car"}
_V1 = {"annotations": {"image_1": [{"id": "a"}]}, "annotationsData": {"image_1": [{"id": "a"}]}}
_WRONG_V1 = {"annotations": {"image_1": [{}]}, "annotationsData": []}


@pytest.mark.parametrize(
    ("body", "params", "stored", "status"),
    [
        ({"action": "submit", "data": _MINE}, {}, _MINE, "completed"),
        ({"action": "save", "data": _MINE}, {}, _MINE, "in_progress"),
        (_MINE, {}, _MINE, "completed"),
        (
            {"action": "save", "data": {}, "by": 1},
            {},
            {"action": "save", "data": {}, "by": 1},
            "completed",
        ),
        ({"action": "submit", "data": _V1}, {"schema": "dm_schema_v1"}, _V1, "completed"),
        ({"action": "submit", "data": _V1}, {}, _V1, "completed"),
        ({"action": "submit", "data": _WRONG_V1}, {"schema": "any"}, _WRONG_V1, "completed"),
    ],
)
def test_annotations_are_taken_out_of_their_envelope(
    wire: Wire, tasks: list[dict[str, Any]], body: Any, params: Any, stored: Any, status: str
) -> None:
    path = f"tasks/{tasks[0]['id']}/annotate_task_data/"
    row = wire.ok("PUT", path, body, params=params)
    assert (row["data"], row["status"]) == (stored, status)


# Jobs.


@pytest.fixture
def job(wire: Wire) -> str:
    plugin = wire.ok("POST", "plugins/", {"name": "Detector", "code": "detector"})
    answer = wire.ok("POST", f"plugins/{plugin['id']}/run/", {"action": "train"})
    assert answer["status"] == "PENDING"
    return f"jobs/{answer['job_id']}/"


@pytest.mark.parametrize(
    ("sent", "shown", "names"),
    [
        ("PENDING", "PENDING", ["PENDING", "queued"]),
        ("RUNNING", "RUNNING", ["RUNNING", "running"]),
        ("STOPPED", "STOPPED", ["STOPPED", "stopped"]),
        ("SUCCEEDED", "SUCCEEDED", ["SUCCEEDED", "completed"]),
        ("FAILED", "FAILED", ["FAILED", "failed"]),
        ("completed", "SUCCEEDED", ["SUCCEEDED", "completed", "RUNNING,SUCCEEDED"]),
    ],
)
def test_states_of_jobs(wire: Wire, job: str, sent: str, shown: str, names: list[str]) -> None:
    assert wire.ok("PATCH", job, {"status": sent})["status"] == shown
    for name in names:
        rows = wire.rows("jobs/", **{"status__in" if "," in name else "status": name})
        assert [row["status"] for row in rows] == [shown]


def test_jobs_have_free_facts(wire: Wire, job: str) -> None:
    assert wire.ok("GET", job)["meta"] == {}
    assert wire.ok("PATCH", job, {"meta": {"gpu": 1}})["meta"] == {"gpu": 1}
    assert wire.ok("PATCH", job, {"progress": 5})["meta"] == {"gpu": 1}
    assert list(wire.refused(400, "PATCH", job, {"meta": [1]})) == ["meta"]


@pytest.mark.parametrize(
    ("sent", "lines"),
    [
        ({"message": "one", "level": "INFO"}, [("one", "info")]),
        ({"loss": 0.5, "epoch": 1}, [("loss: 0.5", None), ("epoch: 1", None)]),
        ([{"message": "one"}, "two"], [("one", None), ("two", None)]),
    ],
)
def test_output_as_a_mapping_or_a_list(wire: Wire, job: str, sent: Any, lines: Any) -> None:
    wire.ok("PATCH", job, {"console_logs": sent})
    rows = wire.rows(f"{job}console_logs/")
    assert [(row["message"], row["level"]) for row in rows] == lines


# Credentials.


@pytest.mark.parametrize("token", ["Token {}", "{}", "token {}"])
@pytest.mark.parametrize("tenant", [None, "Token {}", "{}"])
def test_raw_forms_of_credentials(emulator: EmulatorTenant, token: str, tenant: str | None) -> None:
    headers = {"SYNAPSE-ACCESS-TOKEN": token.format(emulator.api_token)}
    if tenant is not None:
        headers["SYNAPSE-Tenant"] = tenant.format(emulator.tenant)
    answer = requests.get(f"{emulator.url}/users/me/", headers=headers, timeout=30)
    assert (answer.status_code, answer.json().get("tenant")) == (200, emulator.tenant)


# Plugins and releases.


def _release(wire: Wire, config: dict[str, Any], **data: Any) -> requests.Response:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
    return wire.send(
        "POST", "plugin_releases/", files={"file": ("a.zip", content.getvalue())}, data=data
    )


@pytest.mark.parametrize("data", [{}, {"plugin": "mine"}, {"plugin": "mine", "version": "1.0.0"}])
def test_first_release_makes_the_plugin(wire: Wire, data: dict[str, str]) -> None:
    config = {"code": "mine", "name": "Mine", "version": "1.0.0", "category": "custom"}
    response = _release(wire, config, debug="true", **data)
    assert response.status_code == 201, response.text
    release = response.json()
    assert (release["version"], release["debug"]) == ("1.0.0", True)
    plugin = wire.ok("GET", "plugins/mine/")
    assert (plugin["id"], plugin["name"]) == (release["plugin"], "Mine")
    assert (plugin["category"], plugin["version"]) == ("custom", "1.0.0")
    second = _release(wire, {**config, "version": "2.0.0"}, **{**data, "version": "2.0.0"})
    assert second.json()["plugin"] == plugin["id"]


@pytest.mark.parametrize(
    ("config", "data", "field"),
    [
        ({"code": "mine", "version": "1"}, {"plugin": "other"}, "plugin"),
        ({"version": "1"}, {}, "plugin"),
        ({"code": "7", "version": "1"}, {}, "plugin"),
        ({"code": "mine", "version": "1", "category": "unheard"}, {}, "plugin"),
        ({"code": "mine"}, {}, "version"),
    ],
)
def test_first_release_that_makes_nothing(
    wire: Wire, config: dict[str, Any], data: dict[str, str], field: str
) -> None:
    response = _release(wire, config, **data)
    assert (response.status_code, list(response.json())) == (400, [field])
    assert wire.rows("plugins/") == []


def test_releases_by_code_and_version(wire: Wire) -> None:
    config = {"code": "mine", "version": "1.0.0"}
    release = _release(wire, config).json()
    _release(wire, {"code": "other", "version": "1.0.0"})
    for path in ("mine@1.0.0", "mine%401.0.0", release["id"]):
        assert wire.ok("GET", f"plugin_releases/{path}/")["id"] == release["id"]
    for plugin in ("mine", release["plugin"]):
        rows = wire.rows("plugin_releases/", plugin=plugin)
        assert [row["id"] for row in rows] == [release["id"]]
    for path in ("mine@2.0.0", "unknown@1.0.0"):
        wire.refused(404, "GET", f"plugin_releases/{path}/")
    assert list(wire.refused(400, "GET", "plugin_releases/", params={"plugin": "no"})) == ["plugin"]


def test_put_of_a_plugin_keeps_missing_fields(wire: Wire) -> None:
    plugin = wire.ok("POST", "plugins/", {"name": "Mine", "description": "old", "author": "me"})
    changed = wire.ok("PUT", f"plugins/{plugin['id']}/", {"description": "new"})
    assert (changed["name"], changed["description"], changed["author"]) == ("Mine", "new", "me")


# Other resources.


@pytest.mark.parametrize(
    ("path", "body", "shown"),
    [
        (
            "logs/",
            {"event": "loss", "data": {"v": 1}, "step": "train", "level": "INFO"},
            {"event": "loss", "data": {"v": 1}, "step": "train", "message": "", "level": "info"},
        ),
        (
            "logs/",
            {"event": "end", "datetime": "2026-01-01T00:00:00Z"},
            {"datetime": "2026-01-01T00:00:00Z"},
        ),
        ("plugins/", {"name": "a", "category": "custom"}, {"category": "custom"}),
        *(
            (
                "storages/",
                {"name": "a", "provider": provider, "configuration": {}},
                {"provider": provider},
            )
            for provider in ("synology", "smb", "s3", "gcs")
        ),
    ],
)
def test_bodies_are_taken(wire: Wire, path: str, body: Any, shown: dict[str, Any]) -> None:
    row = wire.ok("POST", path, body)
    assert {name: row[name] for name in shown} == shown


def test_log_entries_come_as_a_list_with_their_job(wire: Wire, job: str) -> None:
    key = job.split("/")[1]
    rows = wire.ok("POST", "logs/", [{"event": "a", "job": key}, {"event": "b", "job": key}])
    assert [(row["event"], row["job"]) for row in rows] == [("a", key), ("b", key)]


def test_serve_applications_of_a_job(wire: Wire, job: str) -> None:
    body = {"job": job.split("/")[1], "status": "RUNNING", "data": {"replicas": 1}}
    row = wire.ok("POST", "serve_applications/", body)
    assert {name: row[name] for name in body} == body
    rows = wire.rows("serve_applications/", job=body["job"])
    assert [found["id"] for found in rows] == [row["id"]]


def test_models_name_their_parent(wire: Wire) -> None:
    parent = wire.ok("POST", "models/", {"name": "first"})
    child = wire.ok("POST", "models/", {"name": "second", "checkpoint": parent["id"]})
    assert (parent["checkpoint"], child["checkpoint"]) == (None, parent["id"])
    errors = wire.refused(400, "POST", "models/", {"name": "third", "checkpoint": 77777777})
    assert list(errors) == ["checkpoint"]


def test_existing_checksums_have_both_names(wire: Wire, unit: synapse.DataUnit) -> None:
    checksum = hashlib.md5(b"a sample").hexdigest()
    body = {"checksums": [checksum, "0" * 32]}
    answer = wire.ok("POST", "data_files/verify_checksums/", body)
    assert answer == {"existing_checksums": [checksum], "checksums": [checksum]}


def test_agents_are_listed(wire: Wire, emulator: EmulatorTenant) -> None:
    (agent,) = wire.rows("agents/")
    assert {"id", "name", "url", "status", "token", "node_install_script"} <= agent.keys()
    assert agent["status"] == "disconnected"
    body = {"name": "robot", "url": "http://127.0.0.1:9"}
    wire.ok("POST", f"agents/{emulator.agent_token}/connect/", body)
    row = wire.ok("GET", f"agents/{agent['id']}/")
    assert (row["name"], row["url"], row["status"]) == (*body.values(), "connected")
    assert emulator.agent_token not in str(row)
    wire.refused(404, "GET", f"agents/{wire.ok('GET', 'users/me/')['id']}/")


def test_session_of_a_storage(wire: Wire) -> None:
    body = {"name": "s", "provider": "minio", "configuration": {"bucket": "b"}}
    path = f"storages/{wire.ok('POST', 'storages/', body)['id']}/session/"
    answer = wire.ok("POST", path, {"purpose": "upload"})
    assert answer.keys() == {"provider", "configuration", "expires_at", "contract_version"}
    assert (answer["provider"], answer["configuration"]) == ("minio", {"bucket": "b"})
    assert list(wire.refused(400, "POST", path, {})) == ["purpose"]


def test_best_trial_is_kept_with_the_job(wire: Wire, job: str) -> None:
    path = f"trains/{job.split('/')[1]}/override_best_trial/"
    wire.ok("PUT", path, {"trial": 3})
    assert wire.ok("GET", job)["meta"] == {"best_trial": {"trial": 3}}


# Lists for scripts.


def test_documents_and_files_alone(
    wire: Wire, project: synapse.Project, tasks: list[dict[str, Any]]
) -> None:
    first = tasks[0]
    wire.ok("PUT", f"tasks/{first['id']}/annotate_task_data/", {"n": 1})
    params = {"id__lte": tasks[1]["id"], "page_size": 1}
    page = wire.ok("GET", "sdk/tasks/data/", params=params)
    assert (page["count"], page["results"]) == (2, [{"id": first["id"], "data": {"n": 1}}])
    (row,) = wire.rows("sdk/tasks/files/", **params)
    assert (row["id"], [file["name"] for file in row["files"]]) == (first["id"], ["text"])
    assert row["files"][0].items() >= {"size": 8, "path": "sample.txt"}.items()
    for path in ("sdk/assignments/data/", "sdk/assignments/files/"):
        assert wire.rows(path) == []


def test_ground_truths_have_documents_and_files(
    wire: Wire, emulator: EmulatorTenant, unit: synapse.DataUnit
) -> None:
    items = [{"data_unit": unit.id, "data": {"n": 1}, "category": "train"}]
    emulator.emulator.add_ground_truths(emulator.tenant, items)
    assert wire.rows("sdk/ground_truth_events/data/")[0]["data"] == {"n": 1}
    assert wire.rows("sdk/ground_truth_events/files/")[0]["files"][0]["path"] == "sample.txt"
    assert wire.rows("ground_truths/")[0]["files"]["text"]["path"] == "sample.txt"


def _walk(wire: Wire, path: str, **params: Any) -> Iterator[dict[str, Any]]:
    page = wire.ok("GET", path, params={"pagination": "cursor", **params})
    while True:
        assert page.keys() == {"next", "previous", "results"}
        yield page
        if page["next"] is None:
            return
        page = wire.ok("GET", page["next"])


@pytest.mark.parametrize("ordering", ["id", "-id", "status", "-status", "-created,priority"])
def test_cursors_reach_every_row_in_order(
    wire: Wire, tasks: list[dict[str, Any]], ordering: str
) -> None:
    for task, status in zip(tasks, ("skipped", "pending", "completed"), strict=False):
        wire.ok("PATCH", f"tasks/{task['id']}/", {"status": status})
    pages = list(_walk(wire, "sdk/tasks/", ordering=ordering, page_size=2))
    rows = [row["id"] for page in pages for row in page["results"]]
    assert rows == [row["id"] for row in wire.rows("sdk/tasks/", ordering=ordering)]
    assert [len(page["results"]) for page in pages] == [2, 2, 1]


@pytest.mark.parametrize(
    ("path", "changes", "field"),
    [
        ("sdk/tasks/", {"cursor": "WyIxIl0:abc:def"}, "cursor"),
        ("sdk/tasks/", {"ordering": "-id"}, "cursor"),
        ("sdk/tasks/data/", {}, "cursor"),
        ("sdk/assignments/", {}, "cursor"),
        ("sdk/tasks/", {"ordering": "assignee"}, "ordering"),
    ],
)
def test_cursors_of_other_lists_are_refused(
    wire: Wire, tasks: list[dict[str, Any]], path: str, changes: dict[str, str], field: str
) -> None:
    page = wire.ok("GET", "sdk/tasks/", params={"pagination": "cursor", "page_size": 1})
    params = dict(parse_qsl(urlsplit(page["next"]).query))
    errors = wire.refused(400, "GET", path, params={**params, **changes})
    assert list(errors) == [field]


# Files.


def test_urls_of_files_need_no_token(wire: Wire, unit: synapse.DataUnit) -> None:
    url = wire.ok("GET", f"data_units/{unit.id}/")["files"]["text"]["url"]
    assert requests.get(url, timeout=30).content == b"a sample"
    assert requests.get(url.split("?")[0], timeout=30).status_code == 401


def test_presigned_upload(wire: Wire, emulator: EmulatorTenant) -> None:
    storage = {"name": "s", "provider": "minio", "configuration": {}, "is_default": True}
    wire.ok("POST", "storages/", storage)
    (chosen,) = wire.rows("storages/", category="internal")
    assert (chosen["provider"], chosen["is_default"]) == ("minio", True)
    content = b"0123456789"
    files = [{"filename": "a.bin", "size": len(content), "content_type": None}]
    with emulator.behave(multipart_above=5, part_size=8):
        path = "data_files/presigned_upload/upload/"
        (file,) = wire.ok("POST", path, {"files": files})["files"]
    parts = []
    for part, chunk in zip(file["multipart"]["parts"], (content[:8], content[8:]), strict=True):
        response = requests.put(part["presigned_url"], data=chunk, timeout=30)
        parts.append({"part_number": part["part_number"], "etag": response.headers["ETag"]})
    sent = {
        "file_key": file["file_key"],
        "checksum": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
        "size": len(content),
        "multipart": {"upload_id": file["multipart"]["upload_id"], "parts": parts},
    }
    answer = wire.ok("POST", "data_files/presigned_upload/confirm_upload/", {"files": [sent]})
    assert (answer["created_count"], answer["failed_count"]) == (1, 0)
    (result,) = answer["results"]
    assert (result["success"], result["checksum"]) == (True, sent["checksum"])


def test_groups_of_a_data_unit(wire: Wire, unit: synapse.DataUnit) -> None:
    row = wire.ok("GET", f"data_units/{unit.id}/")
    files = {"text": {"checksum": row["files"]["text"]["checksum"], "path": "b.txt"}}
    body = {"data_collection": row["data_collection"], "files": files, "groups": ["site", "camera"]}
    made = wire.ok("POST", "data_units/", body, params={"expand": "group.parent"})
    assert (made["group"]["name"], made["group"]["data_collection"]) == (
        "camera",
        row["data_collection"],
    )


@pytest.mark.parametrize("mode", ["presigned", "inline"])
@pytest.mark.parametrize("path", ["sdk/tasks/", "sdk/assignments/", "sdk/ground_truth_events/"])
def test_pointers_in_place_of_documents(
    wire: Wire,
    emulator: EmulatorTenant,
    project: synapse.Project,
    unit: synapse.DataUnit,
    path: str,
    mode: str,
) -> None:
    document = {"n": 1}
    items = [{"data_unit": unit.id, "data": document, "category": "train"}]
    emulator.emulator.add_ground_truths(emulator.tenant, items)
    me = wire.ok("GET", "users/me/")["id"]
    task = wire.ok("POST", "tasks/", {"project": project.id, "assignee": me})
    wire.ok("PUT", f"tasks/{task['id']}/annotate_task_data/", document)
    with emulator.behave(inline_limit=1):
        rows = wire.rows(path, response_mode=mode)
    (pointer,) = (row["data"] for row in rows if row["data"] is not None)
    assert pointer["mode"] == mode
    assert requests.get(pointer["presigned_url"], timeout=30).json() == document
