"""Calls as scripts write them for the platform's published client.

Each row of the tables is a call, the requests that it makes, and the value that the script gets.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from synapse import Project
from synapse.clients.backend import BackendClient
from synapse.errors import ConfigurationError, InvalidResponse, NotFound, UsageError

Lines = list[tuple[str, str]]

PAGE = {"count": 2, "next": None, "previous": None, "results": [{"id": 1}, {"id": 2}]}
CONTENT = b"content of the file"
MD5 = hashlib.md5(CONTENT).hexdigest()
SHA1 = hashlib.sha1(CONTENT).hexdigest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "photo.jpg"
    file.write_bytes(CONTENT)
    return file


@attrs.frozen
class RemotePath:
    """A path on a storage that can be opened, and isn't a local path."""

    name: str = "remote.jpg"

    def open(self, mode: str) -> io.BytesIO:
        assert mode == "rb"
        return io.BytesIO(CONTENT)


def answer_with(recorder: Any, body: Any) -> None:
    recorder.answer = type(recorder.answer)(200, body)


# -- Keywords of lists ---------------------------------------------------------------------------

LIST_KEYWORDS = ["list_tasks", "list_assignments", "list_ground_truth_events"]
PAIRS = [
    *("list_tasks", "list_tasks_data", "list_tasks_files"),
    *("list_assignments", "list_assignments_data", "list_assignments_files"),
    *("list_data_units", "list_serve_applications", "list_ground_truths"),
    *("list_ground_truth_events", "list_ground_truth_events_data"),
    "list_ground_truth_events_files",
]


@pytest.mark.parametrize("name", LIST_KEYWORDS)
def test_keywords_of_patient_lists(recorded: BackendClient, recorder: Any, name: str) -> None:
    answer_with(recorder, PAGE)
    failures: list[Any] = []

    rows, count = getattr(recorded, name)(
        {"project": 1},
        list_all=True,
        page_retries=1,
        page_retry_backoff=1,
        throttle_seconds=0.1,
        page_failures=failures,
        timeout=7,
    )

    assert (count, list(rows), failures) == (2, PAGE["results"], [])


@pytest.mark.parametrize("name", ["list_data_units", "list_ground_truths"])
def test_keywords_of_slow_lists(recorded: BackendClient, recorder: Any, name: str) -> None:
    answer_with(recorder, PAGE)

    page = getattr(recorded, name)({"project": 1}, page_size=20, timeout=90)

    assert page == PAGE
    assert recorder.asked[0].query == [("project", "1"), ("page_size", "20")]


@pytest.mark.parametrize("name", ["list_data_units", "list_ground_truth_events"])
def test_files_of_all_rows_are_local(recorded: BackendClient, recorder: Any, name: str) -> None:
    reply = type(recorder.answer)
    file = {"url": f"{recorder.url}/media/a.txt?sig=1", "checksum": MD5, "size": len(CONTENT)}
    rows = [{"id": 1, "files": {"image": file}}, {"id": 2, "files": {"image": file}}]

    def answer(asked: Any) -> Any:
        if asked.path.startswith("media/"):
            return reply(200, CONTENT)
        return reply(200, {**PAGE, "results": rows})

    recorder.answer = answer

    iterator, count = getattr(recorded, name)(list_all=True)
    before = len(recorder.asked)
    paths = [row["files"]["image"]["path"] for row in iterator]

    assert (before, count) == (1, 2)
    assert [(path.name, path.read_bytes()) for path in paths] == [("a.txt", CONTENT)] * 2
    assert getattr(recorded, name)(url_conversion={}, list_all=True) == rows


def test_events_with_the_same_id_are_different_rows(recorded: BackendClient, recorder: Any) -> None:
    rows = [{"id": 1, "pgh_id": 5}, {"id": 1, "pgh_id": 6}]
    answer_with(recorder, {**PAGE, "results": rows})

    assert list(recorded.list_ground_truth_events(list_all=True)) == rows


@pytest.mark.parametrize("name", PAIRS)
def test_pair_of_rows_and_count(recorded: BackendClient, recorder: Any, name: str) -> None:
    answer_with(recorder, PAGE)

    rows, count = getattr(recorded, name)(list_all=True)

    assert (count, list(rows)) == (2, PAGE["results"])
    assert [row["id"] for row in getattr(recorded, name)(list_all=True)] == [1, 2]


# -- Settings ------------------------------------------------------------------------------------


def test_constructor(recorder: Any) -> None:
    """The second position is the access token."""
    answer_with(recorder, PAGE)
    timeout = {"connect": 5, "read": 15}

    with BackendClient(
        recorder.url, "tok", tenant="t", timeout=timeout, url_host="internal"
    ) as client:
        client.get_project(1)
        list(client.list_tasks({"project": 1}, list_all=True))

    first, second = recorder.asked
    assert first.headers["synapse-access-token"] == "Token tok"
    assert first.headers["synapse-tenant"] == "Token t"
    assert first.query == [("url_host", "internal")]
    assert ("url_host", "internal") in second.query


def test_two_spellings_of_a_token(recorder: Any) -> None:
    with pytest.raises(ConfigurationError, match="api_token and access_token differ"):
        BackendClient(recorder.url, "a", access_token="b")


# -- One request ---------------------------------------------------------------------------------

AGENT = {"id": 3, "name": "gpu", "status": "connected"}
SCRIPT = f"curl https://example.com/agents/{'0a' * 20}/node_install_script"

CALLS: dict[str, tuple[Callable[[BackendClient], Any], tuple[str, str], Any, Any, Any]] = {
    "a document by a schema": (
        lambda client: client.annotate_task_data(7, {"a": 1}, schema="any"),
        ("PUT", "tasks/7/annotate_task_data/?schema=any"),
        {"a": 1},
        {"id": 7},
        {"id": 7},
    ),
    "the parts of tasks": (
        lambda client: client.list_tasks_data({"project": 1}),
        ("GET", "sdk/tasks/data/?project=1"),
        None,
        PAGE,
        PAGE,
    ),
    "the files of assignments": (
        lambda client: client.list_assignments_files(),
        ("GET", "sdk/assignments/files/"),
        None,
        PAGE,
        PAGE,
    ),
    "the state of an upload": (
        lambda client: client.get_chunked_upload("4-2"),
        ("GET", "chunked_upload/4-2/"),
        None,
        {"offset": 3},
        {"offset": 3},
    ),
    "agents": (
        lambda client: [
            (agent.name, agent.is_connected, agent.token, agent["url"])
            for agent in client.list_agents({"status": "connected"})
        ],
        ("GET", "agents/?status=connected"),
        None,
        {**PAGE, "results": [AGENT, {**AGENT, "node_install_script": SCRIPT, "status": None}]},
        [("gpu", True, None, None), ("gpu", False, "0a" * 20, None)],
    ),
    "the releases of a plugin": (
        lambda client: client.list_plugin_releases("detector", params={"page": 2}),
        ("GET", "plugin_releases/?plugin=detector&page=2"),
        None,
        PAGE,
        PAGE["results"],
    ),
    "a release by code and version": (
        lambda client: client.get_plugin_release_by_lookup("detector@1.0.0"),
        ("GET", "plugin_releases/detector@1.0.0/?expand=plugin"),
        None,
        {"id": 4},
        {"id": 4},
    ),
    "a release without relations": (
        lambda client: client.get_plugin_release_by_lookup("4", expand=None, params={"a": 1}),
        ("GET", "plugin_releases/4/?a=1"),
        None,
        {"id": 4},
        {"id": 4},
    ),
    "a collection": (
        lambda client: client.get_data_collection(collection_id=5),
        ("GET", "data_collections/5/?expand=file_specifications"),
        None,
        {"id": 5},
        {"id": 5},
    ),
    "a unit": (
        lambda client: client.get_data_unit(unit_id=5, params={"a": 1}),
        ("GET", "data_units/5/?a=1"),
        None,
        {"id": 5},
        {"id": 5},
    ),
    "an agent's health": (
        lambda client: client.health_check_agent(agent_token="tok"),
        ("POST", "agents/tok/connect/"),
        None,
        {"status": "ok"},
        {"status": "ok"},
    ),
    "a run": (
        lambda client: client.run_plugin(plugin="detector", data={"action": "train"}),
        ("POST", "plugins/detector/run/"),
        {"action": "train"},
        {"job_id": "x"},
        {"job_id": "x"},
    ),
    "a storage": (
        lambda client: (
            client.get_storage(2).configuration,
            client.get_storage(2)["configuration"],
        ),
        ("GET", "storages/2/?with_configuration=true"),
        None,
        {"id": 2, "configuration": {"bucket": "b"}},
        ({"bucket": "b"},) * 2,
    ),
    "known checksums, in the platform's words": (
        lambda client: client.verify_data_files_checksums([MD5])["checksums"],
        ("POST", "data_files/verify_checksums/"),
        {"checksums": [MD5]},
        {"existing_checksums": [MD5]},
        [MD5],
    ),
    "known checksums, in older words": (
        lambda client: client.verify_data_files_checksums([MD5])["existing_checksums"],
        ("POST", "data_files/verify_checksums/"),
        {"checksums": [MD5]},
        {"checksums": [MD5]},
        [MD5],
    ),
    "an event of a log": (
        lambda client: client.create_logs({"event": "started", "data": {}, "step": "load"}),
        ("POST", "logs/"),
        {"event": "started", "data": {}, "step": "load"},
        {"id": 1},
        {"id": 1},
    ),
    "the spelling of older scripts": (
        lambda client: (
            client.get_data_collection(data_collection_id=5),
            client.get_data_unit(data_unit_id=5),
            client.health_check_agent(token="tok"),
            client.run_plugin(plugin_id=5, data={}),
        ),
        ("GET", "data_collections/5/?expand=file_specifications"),
        None,
        {"id": 5},
        ({"id": 5},) * 4,
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_call(recorded: BackendClient, recorder: Any, name: str) -> None:
    call, line, body, response, expected = CALLS[name]
    answer_with(recorder, response)

    assert call(recorded) == expected
    first = recorder.asked[0]
    query = "&".join(f"{key}={value}" for key, value in first.query)
    assert (first.method, f"{first.path}?{query}" if query else first.path) == line
    assert first.body == body


CONTRADICTIONS: dict[str, Callable[[BackendClient, Path], Any]] = {
    "collection": lambda c, p: c.get_data_collection(1, data_collection_id=2),
    "unit": lambda c, p: c.get_data_unit(unit_id=1, data_unit_id=2),
    "agent_token": lambda c, p: c.health_check_agent("a", token="b"),
    "plugin": lambda c, p: c.run_plugin(1, {}, plugin_id=2),
    "data": lambda c, p: c.upload_data_collection(1, [], upload_data=[{"files": {"a": p}}]),
    "max_workers": lambda c, p: c.upload_data_collection(1, [], max_workers=2, process_pool=3),
    "release file": lambda c, p: c.create_plugin_release({"file": p}, file=p.parent / "b.zip"),
    "model file": lambda c, p: c.create_model({"file": p}, file=p.parent / "b.pt"),
    "page_size": lambda c, p: c.list_tasks({"page_size": 1}, page_size=2),
    "params": lambda c, p: c.run_plugin(1, {"params": {"a": 1}, "parameters": {}}),
    "task ids": lambda c, p: c.set_tags_tasks({"ids": [1], "task_ids": [2], "tags": [3]}),
    "assignment tags": lambda c, p: c.set_tags_assignments({"tags": [1], "tag_ids": [2]}),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_contradiction_is_refused_before_sending(
    recorded: BackendClient, recorder: Any, path: Path, name: str
) -> None:
    with pytest.raises(UsageError, match="differ"):
        CONTRADICTIONS[name](recorded, path)
    assert recorder.asked == []


# -- For those who subclass ----------------------------------------------------------------------


def test_files_of_a_subclass(recorded: BackendClient, recorder: Any, path: Path) -> None:
    with path.open("rb") as opened:
        recorded._post(
            "uploads/",
            data={"name": "n", "config": {"a": 1}},
            files={"image": path, "mask": opened, "note": ("note.txt", b"text")},
            params={"q": 1},
        )

    (asked,) = recorder.asked
    assert (asked.line, asked.query) == (("POST", "uploads/"), [("q", "1")])
    assert asked.body == {
        "name": "n",
        "config": '{"a":1}',
        "image": ("photo.jpg", CONTENT),
        "mask": ("photo.jpg", CONTENT),
        "note": ("note.txt", b"text"),
    }


def test_list_exists(recorded: BackendClient, recorder: Any) -> None:
    answer_with(recorder, PAGE)

    assert recorded.exists("list_tasks", params={"project": 1}) is True
    assert recorder.asked[0].query == [("project", "1")]


# -- Files ---------------------------------------------------------------------------------------


def serve_uploads(recorder: Any) -> None:
    """Answer as a server that takes files, in one request or in chunks."""
    reply = type(recorder.answer)

    def answer(asked: Any) -> Any:
        row = {"id": 9, "checksum": MD5, "size": len(CONTENT), "offset": len(CONTENT)}
        return reply(201, {**row, "status": 2, "filename": "photo.jpg", "url": "x"})

    recorder.answer = answer


@pytest.mark.parametrize(
    ("limit", "keywords", "first"),
    [
        (50, {}, "data_files/"),
        (5, {}, "chunked_upload/"),
        (5, {"use_chunked_upload": False}, "data_files/"),
        (50, {"use_chunked_upload": True}, "chunked_upload/"),
        (50, {"read_timeout": 60}, "data_files/"),
    ],
)
@pytest.mark.parametrize("is_remote", [False, True])
def test_large_file_goes_in_chunks(
    recorded: BackendClient,
    recorder: Any,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: int,
    keywords: Any,
    first: str,
    is_remote: bool,
) -> None:
    from synapse.clients.backend import data_collection

    monkeypatch.setattr(data_collection, "DIRECT_LIMIT", limit)
    serve_uploads(recorder)

    row = recorded.create_data_file(RemotePath() if is_remote else path, **keywords)

    assert row["checksum"] == MD5
    assert (recorder.asked[0].path, recorder.asked[-1].path) == (first, "data_files/")
    name = "remote.jpg" if is_remote else "photo.jpg"
    body = recorder.asked[-1].body
    sent = body["meta"]["filename"] if first == "chunked_upload/" else body["file"][0]
    assert sent == name


def test_limit_of_one_request() -> None:
    from synapse.clients.backend import data_collection

    assert data_collection.DIRECT_LIMIT == 50 * 1024 * 1024


@pytest.mark.parametrize("use_chunked_upload", [False, True])
def test_checksum_may_be_a_sha1(
    recorded: BackendClient, recorder: Any, path: Path, use_chunked_upload: bool
) -> None:
    serve_uploads(recorder)
    upload = recorder.answer
    digests = [SHA1, hashlib.sha1(b"other").hexdigest()]
    recorder.answer = lambda asked: attrs.evolve(
        reply := upload(asked),
        body={**reply.body, "checksum": digests[0]} if asked.path == "data_files/" else reply.body,
    )

    assert recorded.create_data_file(path, use_chunked_upload)["checksum"] == SHA1
    if not use_chunked_upload:
        del digests[0]
        with pytest.raises(InvalidResponse, match=f"whose checksum is {SHA1}"):
            recorded.create_data_file(path)


@pytest.mark.parametrize(
    ("groups", "expected"), [(["site", "camera"], ["site", "camera"]), ("site", ["site"])]
)
def test_unit_keeps_groups_and_path(
    recorded: BackendClient, recorder: Any, path: Path, groups: Any, expected: Any
) -> None:
    serve_uploads(recorder)

    body = recorded.upload_data_file(
        {"files": {"image": path}, "groups": groups, "meta": {"n": 1}}, 4, read_timeout=60
    )

    assert body == {
        "data_collection": 4,
        "files": {"image": {"checksum": MD5, "path": str(path)}},
        "meta": {"n": 1},
        "groups": expected,
    }


@pytest.mark.parametrize(
    "keywords", [{"max_workers": 2}, {"process_pool": 2}, {"max_workers": 2, "process_pool": 2}]
)
@pytest.mark.parametrize("argument", ["data", "upload_data"])
def test_collection(
    recorded: BackendClient, recorder: Any, path: Path, argument: str, keywords: Any
) -> None:
    serve_uploads(recorder)
    units = [{"files": {"image": path}}] * 3
    progress: list[tuple[int, int]] = []

    result = recorded.upload_data_collection(
        4,
        on_progress=lambda done, total: progress.append((done, total)),
        **{argument: units},
        **keywords,
    )

    assert (result, progress) == (None, [(1, 3), (2, 3), (3, 3)])
    assert [asked.path for asked in recorder.asked] == ["data_files/"] * 3 + ["data_units/"]


@pytest.mark.parametrize("answer", [[{"id": 7}], {"results": [{"id": 7}]}, {"id": 7}])
def test_tasks_of_new_units(
    recorded: BackendClient, recorder: Any, path: Path, answer: Any
) -> None:
    serve_uploads(recorder)
    upload = recorder.answer
    recorder.answer = lambda asked: (
        type(upload(asked))(201, answer) if asked.path == "data_units/" else upload(asked)
    )

    recorded.upload_data_collection(4, [{"files": {"image": path}}], project_id=9)

    assert recorder.asked[-1].body == [{"project": 9, "data_unit": 7}]


def test_release_and_model_from_a_file(recorded: BackendClient, recorder: Any, path: Path) -> None:
    serve_uploads(recorder)

    recorded.create_plugin_release({"plugin": "detector", "version": "1"}, file=str(path))
    recorded.create_model({"name": "m"}, file=path)

    assert recorder.asked[0].body == {
        "plugin": "detector",
        "version": "1",
        "file": ("photo.jpg", CONTENT),
    }
    assert recorder.asked[-1].body == {"name": "m", "chunked_upload": 9}


def test_file_of_a_model_is_local(recorded: BackendClient, recorder: Any) -> None:
    reply = type(recorder.answer)
    row = {"id": 1, "file": f"{recorder.url}/media/model.pt"}
    recorder.answer = lambda asked: reply(200, CONTENT if asked.path.startswith("media/") else row)

    path = recorded.get_model(1, params={"a": 1})["file"]

    assert (path.name, path.read_bytes()) == ("model.pt", CONTENT)
    assert recorded.get_model(1, url_conversion={}) == row


def test_file_of_a_log_entry(recorded: BackendClient, recorder: Any, path: Path) -> None:
    for file in (path, str(path), "data:text/plain;base64,eA=="):
        recorded.create_logs({"event": "e", "file": file})

    first, second, third = (asked.body["file"] for asked in recorder.asked)
    assert first == second
    assert (first[:5], third) == ("data:", "data:text/plain;base64,eA==")


def test_many_documents(recorded: BackendClient, recorder: Any) -> None:
    reply = type(recorder.answer)

    def answer(asked: Any) -> Any:
        if "/2/" in asked.path:
            return reply(404, {"detail": "Not found."})
        return reply(200, {"id": int(asked.path.split("/")[1])})

    recorder.answer = answer
    items = [{"task_id": 1, "data": {}, "schema": "any"}, {"task_id": 2, "data": {}}]

    results = recorded.annotate_task_data_batch(items, max_workers=2)

    assert results[1] == {"success": True, "error": None, "response": {"id": 1}}
    assert (results[2]["success"], results[2]["response"]) == (False, None)
    assert "Task 2" in results[2]["error"]
    assert recorded.annotate_task_data_batch([]) == {}


def test_item_without_a_task(recorded: BackendClient, recorder: Any) -> None:
    with pytest.raises(UsageError, match=r"items\[1\] has no 'task_id'"):
        recorded.annotate_task_data_batch([{"task_id": 1, "data": {}}, {"data": {}}])
    assert recorder.asked == []


# -- On the local backend ------------------------------------------------------------------------


def test_local_backend_answers_as_the_platform(
    client: BackendClient, project: Project, path: Path
) -> None:
    tasks, count = client.list_tasks({"project": project.id}, list_all=True)
    files = client.list_tasks_files({"project": project.id}, list_all=True)
    units = client.list_data_units(list_all=True)
    key = next(tasks)["id"]

    results = client.annotate_task_data_batch(
        [{"task_id": key, "data": {"action": "save", "data": {"a": 1}}, "schema": "any"}]
    )

    assert (count, results[key]["success"]) == (2, True)
    assert client.list_tasks_data({"id": key})["results"] == [{"id": key, "data": {"a": 1}}]
    assert [file["name"] for row in files for file in row["files"]] == ["text"] * 2
    assert [row["files"]["text"]["path"].name for row in units] == ["sample.txt"]
    assert {agent.is_connected for agent in client.list_agents()} <= {True, False}
    assert client.create_logs({"event": "e", "data": {}, "file": str(path)})["event"] == "e"


@pytest.mark.parametrize("name", ["a.bin", "a.jpg"])
@pytest.mark.parametrize("part_size", [None, 3])
def test_local_backend_takes_presigned_uploads(
    client: BackendClient, emulator: Any, path: Path, name: str, part_size: int | None
) -> None:
    path = path.rename(path.with_name(name))
    client.create_storage(
        {
            "name": "media",
            "provider": "minio",
            "category": "internal",
            "configuration": {},
            "is_default": True,
        }
    )

    behaviour = {} if part_size is None else {"multipart_above": 1, "part_size": part_size}
    with emulator.behave(**behaviour):
        result = client.upload_files_bulk([path])

    assert (result.created_count, result.results[0].checksum) == (1, SHA1)


def test_release_by_code_and_version(client: BackendClient, tmp_path: Path) -> None:
    plugin = client.create_plugin({"name": "Detector", "code": "detector"})
    archive = tmp_path / "plugin.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("config.yaml", "code: detector\n")

    release = client.create_plugin_release({"plugin": plugin["id"], "version": "1.0.0"}, archive)

    found = client.get_plugin_release_by_lookup("detector@1.0.0")
    assert (found["id"], found["plugin"]["code"]) == (release["id"], "detector")
    assert [row["id"] for row in client.list_plugin_releases("detector")] == [release["id"]]


# -- Presigned uploads ---------------------------------------------------------------------------


class Storage:
    """Answers as a backend with a storage that takes presigned uploads.

    Attributes:
        parts: Bytes per part; 0 for one request.
        statuses: Statuses of the next PUTs.
        storages: Rows of the storages.
        confirms: Whether the backend confirms files.
    """

    def __init__(self, recorder: Any) -> None:
        self.recorder = recorder
        self.reply = type(recorder.answer)
        self.parts = 0
        self.statuses: list[int] = []
        self.storages: list[dict[str, Any]] = [
            {"name": "a", "provider": "sftp"},
            {"name": "b", "provider": "minio", "is_default": True},
        ]
        self.confirms = True
        recorder.answer = self.answer

    def answer(self, asked: Any) -> Any:
        if asked.path == "storages/":
            rows = {"count": 2, "next": None, "previous": None, "results": self.storages}
            return self.reply(200, rows)
        if asked.method == "PUT":
            status = self.statuses.pop(0) if self.statuses else 200
            return self.reply(status, b"", {"ETag": f'"{hashlib.md5(asked.content).hexdigest()}"'})
        if asked.path.endswith("/upload/"):
            files = [self.describe(number, file) for number, file in enumerate(asked.body["files"])]
            return self.reply(200, {"files": files, "expires_at": "2030-01-01T00:00:00Z"})
        results = [
            {"file_key": file["file_key"], "checksum": file["checksum"], "data_file_id": number}
            | {"success": True, "error": None}
            for number, file in enumerate(asked.body["files"] if self.confirms else [])
        ]
        return self.reply(200, {"results": results, "created_count": 1, "failed_count": 0})

    def describe(self, number: int, file: dict[str, Any]) -> dict[str, Any]:
        url = f"{self.recorder.url}/bucket/{number}?sig=x"
        parts = [
            {"part_number": part + 1, "presigned_url": f"{url}&part={part + 1}"}
            for part in range(-(-file["size"] // self.parts) if self.parts else 0)
        ]
        return {
            "filename": file["filename"],
            "file_key": f"key-{number}",
            "presigned_url": None if parts else url,
            "multipart": {"upload_id": "u", "part_size": self.parts, "parts": parts}
            if parts
            else None,
        }


@pytest.fixture
def storage(recorder: Any) -> Storage:
    return Storage(recorder)


def list_puts(recorder: Any) -> list[Any]:
    return [asked for asked in recorder.asked if asked.method == "PUT"]


@pytest.mark.parametrize("parts", [0, 8])
def test_many_files_go_to_the_storage(
    recorded: BackendClient, recorder: Any, storage: Storage, path: Path, parts: int, token: str
) -> None:
    storage.parts = parts
    progress: list[tuple[int, int]] = []

    result = recorded.upload_files_bulk(
        [path, str(path)], max_workers=1, on_progress=lambda *counts: progress.append(counts)
    )

    assert (result.created_count, result.failed_count) == (2, 0)
    assert [(row.data_file_id, row.checksum) for row in result.results] == [(0, SHA1), (1, SHA1)]
    assert progress == [(1, 2), (2, 2)]
    puts = list_puts(recorder)
    assert b"".join(asked.content for asked in puts) == CONTENT * 2
    assert [dict(asked.query)["sig"] for asked in puts] == ["x"] * len(puts)
    assert token not in str([asked.headers for asked in puts])
    if not parts:
        assert {asked.headers["content-type"] for asked in puts} == {"image/jpeg"}
    asked = recorder.asked[1]
    assert asked.body == {
        "files": [{"filename": "photo.jpg", "size": len(CONTENT), "content_type": "image/jpeg"}]
        * 2,
        "expiration": 3600,
    }
    (confirmed, _) = recorder.asked[-1].body["files"]
    assert (confirmed["file_key"], confirmed["size"]) == ("key-0", len(CONTENT))
    if parts:
        assert confirmed["multipart"] == {
            "upload_id": "u",
            "parts": [
                {"part_number": number + 1, "etag": f'"{hashlib.md5(block).hexdigest()}"'}
                for number, block in enumerate([CONTENT[:8], CONTENT[8:16], CONTENT[16:]])
            ],
        }


def test_batches(recorded: BackendClient, recorder: Any, storage: Storage, path: Path) -> None:
    result = recorded.upload_files_bulk([path] * 3, batch_size=2, strategy="presigned")

    assert result.created_count == 3
    assert [line for line in recorder.lines if line[0] == "POST"] == [
        ("POST", "data_files/presigned_upload/upload/"),
        ("POST", "data_files/presigned_upload/confirm_upload/"),
    ] * 2


@pytest.mark.parametrize(
    ("statuses", "retries", "created", "requests"),
    [
        ([503], 1, 2, 3),
        ([503, 503], 1, 1, 3),
        ([403], 2, 2, 3),
        ([403, 403], 2, 1, 3),
        ([400], 2, 1, 2),
        ([503], 0, 1, 2),
    ],
)
def test_file_that_fails_stops_no_other(
    recorded: BackendClient,
    recorder: Any,
    storage: Storage,
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    statuses: list[int],
    retries: int,
    created: int,
    requests: int,
) -> None:
    monkeypatch.setattr("synapse.transfer.retry_delay.pause", lambda seconds: True)
    storage.statuses = list(statuses)

    result = recorded.upload_files_bulk(
        [path] * 2, max_workers=1, max_upload_retries=retries, strategy="presigned"
    )

    assert (result.created_count, result.failed_count) == (created, 2 - created)
    assert [row.success for row in result.results] == [created == 2, True]
    assert len(list_puts(recorder)) == requests
    if created == 1:
        assert f"HTTP {statuses[0]}" in result.results[0].error


def test_file_that_is_not_confirmed(recorded: BackendClient, storage: Storage, path: Path) -> None:
    storage.confirms = False

    result = recorded.upload_files_bulk([path])

    assert (result.created_count, result.failed_count) == (0, 1)
    assert "didn't confirm" in result.results[0].error


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ({"max_workers": 0}, "max_workers=0"),
        ({"batch_size": 1001}, "batch_size=1001"),
        ({"max_upload_retries": -1}, "max_upload_retries=-1"),
        ({"strategy": "ftp"}, "strategy='ftp'"),
        ({"file_paths": ["missing.jpg"]}, "missing.jpg can't be read"),
    ],
)
def test_bulk_upload_that_cannot_work(
    recorded: BackendClient, recorder: Any, path: Path, keywords: dict[str, Any], text: str
) -> None:
    with pytest.raises(UsageError, match=text):
        recorded.upload_files_bulk(**{"file_paths": [path], **keywords})
    assert recorder.asked == []


def test_storage_without_presigned_uploads(
    recorded: BackendClient, storage: Storage, path: Path
) -> None:
    storage.storages[1]["provider"] = "sftp"

    with pytest.raises(UsageError, match=r"storage 'b' \(sftp\) takes no presigned uploads"):
        recorded.upload_files_bulk([path])


def test_no_files(recorded: BackendClient, recorder: Any) -> None:
    result = recorded.upload_files_bulk([])

    assert (result.results, result.created_count, result.failed_count) == ([], 0, 0)
    assert recorder.asked == []


@pytest.mark.parametrize(("is_default", "name"), [(True, "b"), (False, "a")])
def test_default_storage(
    recorded: BackendClient, recorder: Any, storage: Storage, is_default: bool, name: str
) -> None:
    storage.storages[1]["is_default"] = is_default

    assert recorded.get_default_storage()["name"] == name
    assert recorder.asked[0].query == [("category", "internal")]


def test_no_storage(recorded: BackendClient, storage: Storage) -> None:
    storage.storages = []

    with pytest.raises(NotFound, match="default storage"):
        recorded.get_default_storage()


def test_one_file_to_a_url(
    recorded: BackendClient, recorder: Any, storage: Storage, path: Path
) -> None:
    url = f"{recorder.url}/bucket/1?sig=x"

    result = recorded.upload_file_to_presigned_url(url, path, "image/png")

    assert (result.checksum, result.size) == (SHA1, len(CONTENT))
    assert recorder.asked[0].headers["content-type"] == "image/png"


@pytest.mark.parametrize("expiration", [59, 86_401, 0, "60"])
def test_expiration_out_of_range(recorded: BackendClient, recorder: Any, expiration: Any) -> None:
    with pytest.raises(UsageError, match="expiration="):
        recorded.request_presigned_upload([], expiration=expiration)
    with pytest.raises(UsageError, match="1001 files"):
        recorded.request_presigned_upload([{}] * 1001)
    assert recorder.asked == []
