"""Every method: the request, and the error for each kind of failure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from synapse import errors
from synapse.clients.backend import BackendClient

CONTENT = b"PK the bytes of a file"
MD5 = hashlib.md5(CONTENT).hexdigest()
JOB = "0b9a4f0c-8e0e-4a0e-9a3e-0a7a1f6f2c11"
AGENT = "agent-t0ken"

PAGE = {"count": 0, "next": None, "previous": None, "results": []}
# An answer that is good for everything: an object, a page, an upload and a file.
ANYTHING = {**PAGE, "id": 7, "checksum": MD5, "offset": len(CONTENT), "status": 2}


class File:
    """Stands for the path of a file whose content is known."""


@attrs.frozen
class Call:
    """A call of a method and the request that it makes.

    Attributes:
        name: The method.
        args: Its arguments.
        asks: The HTTP method and the path.
        query: The query's parameters, in order.
        body: What is sent.
        about: How messages name what was asked for.
    """

    name: str
    args: tuple[Any, ...]
    asks: str
    query: list[tuple[str, str]] = attrs.field(factory=list)
    body: Any = None
    about: str = attrs.field(kw_only=True)

    def on(self, client: BackendClient, path: Path) -> Any:
        args = (_with_file(value, path) for value in self.args)
        answer = getattr(client, self.name)(*args)
        # After its last line it asks whether the job has ended.
        return [next(answer)] if self.name == "tail_job_console_logs" else answer


def _with_file(value: Any, path: Path) -> Any:
    if value is File:
        return path
    if isinstance(value, dict):
        return {key: _with_file(item, path) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_file(item, path) for item in value]
    return value


CALLS = [
    # Annotation
    Call("get_project", (3,), "GET projects/3/", about="Project 3"),
    Call(
        "get_project",
        (3, {"expand": "data_collection"}),
        "GET projects/3/",
        [("expand", "data_collection")],
        about="Project 3",
    ),
    Call("list_projects", (), "GET projects/", about="projects"),
    Call(
        "create_project",
        ({"title": "Straße", "category": "image"},),
        "POST projects/",
        body={"title": "Straße", "category": "image"},
        about="new Project",
    ),
    Call("get_task", ("3", {"fields": "id"}), "GET tasks/3/", [("fields", "id")], about="Task 3"),
    Call(
        "list_tasks",
        ({"project": 1, "status": ["pending", "completed"], "assignee": None, "page": 2},),
        "GET sdk/tasks/",
        [("project", "1"), ("status", "pending"), ("status", "completed"), ("page", "2")],
        about="sdk/tasks",
    ),
    Call(
        "create_tasks",
        ([{"project": 1, "data_unit": 2}, {"project": 1, "data_unit": 3}],),
        "POST tasks/",
        body=[{"project": 1, "data_unit": 2}, {"project": 1, "data_unit": 3}],
        about="new Task",
    ),
    Call(
        "create_tasks",
        ({"project": 1, "data_unit": 2},),
        "POST tasks/",
        body={"project": 1, "data_unit": 2},
        about="new Task",
    ),
    Call(
        "annotate_task_data",
        (3, {"annotations": []}),
        "PUT tasks/3/annotate_task_data/",
        body={"annotations": []},
        about="Task 3",
    ),
    Call(
        "set_tags_tasks",
        ({"ids": [1], "tags": [2], "action": "remove"},),
        "POST tasks/set_tags/",
        body={"ids": [1], "tags": [2], "action": "remove"},
        about="tasks/set_tags",
    ),
    Call(
        "set_tags_tasks",
        ({"task_ids": [1], "tag_ids": [2]}, {"project": 4}),
        "POST tasks/set_tags/",
        [("project", "4")],
        body={"task_ids": [1], "tag_ids": [2]},
        about="tasks/set_tags",
    ),
    Call("get_task_tag", (3,), "GET task_tags/3/", about="TaskTag 3"),
    Call(
        "list_task_tags",
        ({"project": 1},),
        "GET task_tags/",
        [("project", "1")],
        about="task_tags",
    ),
    # Data
    Call("list_data_collection", (), "GET data_collections/", about="data_collections"),
    Call(
        "list_data_collections",
        ({"search": "a b&c"},),
        "GET data_collections/",
        [("search", "a b&c")],
        about="data_collections",
    ),
    Call(
        "get_data_collection",
        (3,),
        "GET data_collections/3/",
        [("expand", "file_specifications")],
        about="DataCollection 3",
    ),
    Call(
        "get_data_collection",
        (3, {"expand": "project", "omit": "meta"}),
        "GET data_collections/3/",
        [("expand", "project"), ("omit", "meta")],
        about="DataCollection 3",
    ),
    Call(
        "create_data_file",
        (File,),
        "POST data_files/",
        body={"file": ("photo.zip", CONTENT)},
        about="file 'photo.zip'",
    ),
    Call(
        "upload_data_file",
        ({"files": {"image": File}}, 3),
        "POST data_files/",
        body={"file": ("photo.zip", CONTENT)},
        about="file 'photo.zip'",
    ),
    Call(
        "create_data_units",
        ([{"data_collection": 3, "files": {}}],),
        "POST data_units/",
        body=[{"data_collection": 3, "files": {}}],
        about="new DataUnit",
    ),
    Call("get_data_unit", (3,), "GET data_units/3/", about="DataUnit 3"),
    Call("get_chunked_upload", (3,), "GET chunked_upload/3/", about="chunked upload 3"),
    Call("list_agents", (), "GET agents/", about="agents"),
    Call(
        "list_plugin_releases",
        ("detector",),
        "GET plugin_releases/",
        [("plugin", "detector")],
        about="plugin_releases",
    ),
    Call(
        "get_plugin_release_by_lookup",
        ("detector@1.0.0",),
        "GET plugin_releases/detector@1.0.0/",
        [("expand", "plugin")],
        about="PluginRelease detector@1.0.0",
    ),
    *(
        Call(f"list_{name}_{part}", (), f"GET sdk/{name}/{part}/", about=f"sdk/{name}/{part}")
        for name in ("tasks", "assignments", "ground_truth_events")
        for part in ("data", "files")
    ),
    Call(
        "list_data_units",
        ({"data_collection": 3},),
        "GET data_units/",
        [("data_collection", "3")],
        about="data_units",
    ),
    Call(
        "verify_data_files_checksums",
        ((MD5, "other"),),
        "POST data_files/verify_checksums/",
        body={"checksums": [MD5, "other"]},
        about="data_files/verify_checksums",
    ),
    Call(
        "data_files_verify_checksums",
        ([],),
        "POST data_files/verify_checksums/",
        body={"checksums": []},
        about="data_files/verify_checksums",
    ),
    # Human in the loop
    Call("get_assignment", (3,), "GET assignments/3/", about="Assignment 3"),
    Call(
        "list_assignments",
        ({"project": 1, "is_archived": False},),
        "GET sdk/assignments/",
        [("project", "1"), ("is_archived", "False")],
        about="sdk/assignments",
    ),
    Call(
        "set_tags_assignments",
        ({"assignment_ids": [1, 2], "tag_ids": [3]},),
        "POST assignments/set_tags/",
        body={"assignment_ids": [1, 2], "tag_ids": [3]},
        about="assignments/set_tags",
    ),
    # Integration
    Call(
        "health_check_agent", (AGENT,), f"POST agents/{AGENT}/connect/", about="agent of the token"
    ),
    Call("get_plugin", ("detector",), "GET plugins/detector/", about="Plugin detector"),
    Call("get_plugin", (3,), "GET plugins/3/", about="Plugin 3"),
    Call(
        "create_plugin",
        ({"name": "Detector"},),
        "POST plugins/",
        body={"name": "Detector"},
        about="new Plugin",
    ),
    Call(
        "update_plugin",
        (3, {"name": "Detector"}),
        "PATCH plugins/3/",
        body={"name": "Detector"},
        about="Plugin 3",
    ),
    Call(
        "run_plugin",
        ("a b", {"parameters": {"threshold": 0.8}}),
        "POST plugins/a%20b/run/",
        body={"parameters": {"threshold": 0.8}},
        about="Plugin a b",
    ),
    Call(
        "create_plugin_release",
        (
            {
                "plugin": 3,
                "version": "1.0.0",
                "is_stable": True,
                "changelog": None,
                "config": {"a": [1]},
                "file": File,
            },
        ),
        "POST plugin_releases/",
        body={
            "plugin": "3",
            "version": "1.0.0",
            "is_stable": "true",
            "config": '{"a":[1]}',
            "file": ("photo.zip", CONTENT),
        },
        about="file 'photo.zip'",
    ),
    Call("get_plugin_release", (3,), "GET plugin_releases/3/", about="PluginRelease 3"),
    Call("get_job", (JOB,), f"GET jobs/{JOB}/", about=f"Job {JOB}"),
    Call("list_jobs", ({"plugin": 3},), "GET jobs/", [("plugin", "3")], about="jobs"),
    Call(
        "update_job",
        (JOB, {"status": "running", "progress": 50}),
        f"PATCH jobs/{JOB}/",
        body={"status": "running", "progress": 50},
        about=f"Job {JOB}",
    ),
    Call("list_job_console_logs", (JOB,), f"GET jobs/{JOB}/console_logs/", about=f"Job {JOB}"),
    Call("tail_job_console_logs", (JOB,), f"GET jobs/{JOB}/tail_console_logs/", about=f"Job {JOB}"),
    Call(
        "create_logs",
        ({"level": "info", "message": "m"},),
        "POST logs/",
        body={"level": "info", "message": "m"},
        about="new Log",
    ),
    Call(
        "create_logs",
        ([{"message": "m"}],),
        "POST logs/",
        body=[{"message": "m"}],
        about="new Log",
    ),
    Call("list_serve_applications", (), "GET serve_applications/", about="serve_applications"),
    Call(
        "create_serve_application",
        ({"name": "s"},),
        "POST serve_applications/",
        body={"name": "s"},
        about="new ServeApplication",
    ),
    Call("list_storages", (), "GET storages/", about="storages"),
    Call(
        "get_storage",
        (3,),
        "GET storages/3/",
        [("with_configuration", "true")],
        about="Storage 3",
    ),
    Call(
        "create_storage",
        ({"name": "s", "provider": "minio"},),
        "POST storages/",
        body={"name": "s", "provider": "minio"},
        about="new Storage",
    ),
    # Machine learning
    Call("list_models", ({"project": 1},), "GET models/", [("project", "1")], about="models"),
    Call("get_model", (3,), "GET models/3/", about="Model 3"),
    Call(
        "create_model",
        ({"name": "m", "chunked_upload": JOB},),
        "POST models/",
        body={"name": "m", "chunked_upload": JOB},
        about="new Model",
    ),
    Call(
        "list_ground_truth_events",
        ({"ground_truth_dataset_versions": [1, 2]},),
        "GET sdk/ground_truth_events/",
        [("ground_truth_dataset_versions", "1"), ("ground_truth_dataset_versions", "2")],
        about="sdk/ground_truth_events",
    ),
    Call("list_ground_truths", (), "GET ground_truths/", about="ground_truths"),
    Call(
        "list_ground_truth_versions",
        (),
        "GET ground_truth_dataset_versions/",
        about="ground_truth_dataset_versions",
    ),
    Call(
        "get_ground_truth_version",
        (3,),
        "GET ground_truth_dataset_versions/3/",
        about="GroundTruthVersion 3",
    ),
]
# Several requests each; what they send is below, one by one.
SEVERAL = [
    Call(
        "create_chunked_upload",
        (File,),
        "PUT chunked_upload/",
        about="file 'photo.zip'",
    ),
    Call("create_data_file", (File, True), "PUT chunked_upload/", about="file 'photo.zip'"),
    Call(
        "create_model",
        ({"name": "m", "file": File},),
        "PUT chunked_upload/",
        about="file 'photo.zip'",
    ),
    Call(
        "upload_data_collection",
        (3, [{"files": {"image": File}}]),
        "POST data_files/",
        about="file 'photo.zip'",
    ),
]

each_call = pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
any_call = pytest.mark.parametrize("call", [*CALLS, *SEVERAL], ids=lambda call: call.name)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file to upload."""
    file = tmp_path / "photo.zip"
    file.write_bytes(CONTENT)
    return file


@pytest.fixture
def answering(recorder: Any, reply: Callable[..., Any]) -> Any:
    """The recording server, with an answer that is good for everything."""
    recorder.answer = reply(200, ANYTHING)
    return recorder


@pytest.fixture
def reply(recorder: Any) -> Callable[..., Any]:
    """Makes an answer of the recording server."""
    return type(recorder.answer)


def test_every_method_is_here() -> None:
    methods = {name for name in dir(BackendClient) if not name.startswith("_")}

    assert {call.name for call in [*CALLS, *SEVERAL]} == methods - {
        *("base_url", "close", "exists", "page_size", "request_count", "session"),
        # test_platform_client.py: these return errors, or send files elsewhere
        *("annotate_task_data_batch", "upload_files_bulk", "upload_file_to_presigned_url"),
        *("request_presigned_upload", "confirm_presigned_upload", "get_default_storage"),
    }


class TestSent:
    @each_call
    def test_request(
        self, recorded: BackendClient, answering: Any, path: Path, call: Call, token: str
    ) -> None:
        call.on(recorded, path)

        (asked,) = answering.asked
        assert f"{asked.method} {asked.path}" == call.asks
        assert asked.query == call.query
        assert asked.body == call.body
        assert asked.headers["synapse-access-token"] == f"Token {token}"
        assert asked.headers.get("content-length", "0") == str(len(asked.content))

    def test_chunked_upload(self, recorded: BackendClient, answering: Any, path: Path) -> None:
        recorded.create_chunked_upload(path)

        chunk, finish = answering.asked
        assert chunk.line == ("PUT", "chunked_upload/")
        assert chunk.headers["content-range"] == f"bytes 0-{len(CONTENT) - 1}/{len(CONTENT)}"
        assert chunk.body == {"filename": "photo.zip", "file": ("photo.zip", CONTENT)}
        assert finish.line == ("POST", "chunked_upload/7/")
        assert finish.body == {"md5": MD5}

    def test_data_file_in_chunks(self, recorded: BackendClient, answering: Any, path: Path) -> None:
        recorded.create_data_file(path, use_chunked_upload=True)

        assert answering.lines == [
            ("PUT", "chunked_upload/"),
            ("POST", "chunked_upload/7/"),
            ("POST", "data_files/"),
        ]
        assert answering.asked[-1].body == {
            "chunked_upload": 7,
            "meta": {"filename": "photo.zip"},
        }

    def test_model_with_a_file(self, recorded: BackendClient, answering: Any, path: Path) -> None:
        recorded.create_model({"name": "m", "file": path})

        assert answering.lines == [
            ("PUT", "chunked_upload/"),
            ("POST", "chunked_upload/7/"),
            ("POST", "models/"),
        ]
        assert answering.asked[-1].body == {"name": "m", "chunked_upload": 7}

    def test_data_collection(
        self,
        recorded: BackendClient,
        recorder: Any,
        reply: Callable[..., Any],
        path: Path,
    ) -> None:
        recorder.answer = lambda asked: reply(
            200, [{"id": 7}] * len(asked.body) if asked.path == "data_units/" else ANYTHING
        )
        unit = {"files": {"image": path}, "meta": {"page": 1}}

        recorded.upload_data_collection(3, [unit, unit, unit], project_id=9, batch_size=2)

        body = {
            "data_collection": 3,
            "files": {"image": {"checksum": MD5, "path": str(path)}},
            "meta": {"page": 1},
        }
        task = {"project": 9, "data_unit": 7}
        sent = [(asked.method, asked.path, asked.body) for asked in recorder.asked]
        file = ("POST", "data_files/", {"file": ("photo.zip", CONTENT)})
        assert sent == [
            *(file, file, ("POST", "data_units/", [body, body]), ("POST", "tasks/", [task, task])),
            *(file, ("POST", "data_units/", [body]), ("POST", "tasks/", [task])),
        ]

    def test_data_collection_without_a_project(
        self, recorded: BackendClient, answering: Any, reply: Callable[..., Any], path: Path
    ) -> None:
        recorded.upload_data_collection(3, [{"files": {"image": path}}])

        assert answering.lines == [("POST", "data_files/"), ("POST", "data_units/")]

    @pytest.mark.parametrize("value", ["", " ", ".", "..", "a/b", "a\\b", "a\nb", None, 1.5, True])
    @pytest.mark.parametrize(
        "name",
        [call.name for call in CALLS if call.args and isinstance(call.args[0], (int, str))],
    )
    def test_what_is_no_id_is_refused_before(
        self, recorded: BackendClient, recorder: Any, name: str, value: Any
    ) -> None:
        call = next(call for call in CALLS if call.name == name)

        with pytest.raises(errors.UsageError) as caught:
            getattr(recorded, name)(value, *call.args[1:])

        assert recorder.asked == []
        assert name != "health_check_agent" or f"{value!r}" not in str(caught.value)


@attrs.frozen
class Fault:
    """An answer that isn't good, and what it becomes."""

    status: int
    body: Any
    cls: type[errors.ClientError]
    says: str
    headers: dict[str, str] = attrs.field(factory=dict)
    response: Any = attrs.field(kw_only=True)

    def __attrs_post_init__(self) -> None:
        assert issubclass(self.cls, errors.ClientError)


def refusal(status: int, cls: type[errors.ClientError], **headers: str) -> Fault:
    body = {"detail": "That won't do."}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(status, body, cls, "That won't do.", named, response=body)


FIELDS = {"title": ["Too short."]}
HTML = b"<html><head><title>Bad gateway</title></head><body>proxy</body></html>"
PAGE_KIND = {"Content-Type": "text/html"}

FAULTS = {
    "400": refusal(400, errors.BadRequest),
    "400 fields": Fault(400, FIELDS, errors.ValidationError, "title: Too short.", response=FIELDS),
    "401": refusal(401, errors.AuthenticationError),
    "403": refusal(403, errors.PermissionDenied),
    "404": refusal(404, errors.NotFound),
    "409": refusal(409, errors.Conflict),
    "413": refusal(413, errors.PayloadTooLarge),
    "422": refusal(422, errors.BadRequest),
    "422 fields": Fault(422, FIELDS, errors.ValidationError, "title: Too short.", response=FIELDS),
    "429": refusal(429, errors.RateLimited, Retry_After="7"),
    "500": refusal(500, errors.ServerError),
    "503": refusal(503, errors.ServerError),
    "HTML 502": Fault(
        502, HTML, errors.ServerError, "'Bad gateway'", PAGE_KIND, response=HTML.decode()
    ),
    "HTML 404": Fault(
        404, HTML, errors.NotFound, "'Bad gateway'", PAGE_KIND, response=HTML.decode()
    ),
    "empty 500": Fault(500, b"", errors.ServerError, "HTTP 500", response=None),
}
# A success that is none; a stream of text has no form that it could lack.
BROKEN = {
    "empty 200": Fault(200, b"", errors.InvalidResponse, "empty", response=None),
    "HTML 200": Fault(
        200, HTML, errors.InvalidResponse, "'Bad gateway'", PAGE_KIND, response=HTML.decode()
    ),
}


class TestFailure:
    @any_call
    @pytest.mark.parametrize("fault", FAULTS)
    def test_refusal(
        self,
        recorded: BackendClient,
        recorder: Any,
        reply: Callable[..., Any],
        path: Path,
        call: Call,
        fault: str,
    ) -> None:
        _check(recorded, recorder, reply, path, call, FAULTS[fault])

    @pytest.mark.parametrize(
        "call",
        [call for call in [*CALLS, *SEVERAL] if call.name != "tail_job_console_logs"],
        ids=lambda call: call.name,
    )
    @pytest.mark.parametrize("fault", BROKEN)
    def test_broken_answer(
        self,
        recorded: BackendClient,
        recorder: Any,
        reply: Callable[..., Any],
        path: Path,
        call: Call,
        fault: str,
    ) -> None:
        _check(recorded, recorder, reply, path, call, BROKEN[fault])

    @any_call
    def test_nobody_listens(self, refused: BackendClient, path: Path, call: Call) -> None:
        with pytest.raises(errors.ConnectionFailed, match="the connection was refused") as caught:
            call.on(refused, path)

        assert caught.value.status_code == caught.value.status == 503
        assert str(caught.value).startswith(f"{call.about}: ")
        assert refused.base_url in str(caught.value)

    @any_call
    def test_time_runs_out(self, recorder: Any, path: Path, call: Call) -> None:
        """As a proxy says it; that of a silent server is the transport's own."""
        recorder.answer = type(recorder.answer)(408, {"detail": "Too slow."})

        with BackendClient(recorder.url, "t") as client, pytest.raises(errors.RequestTimeout):
            call.on(client, path)


def _check(
    client: BackendClient,
    recorder: Any,
    reply: Callable[..., Any],
    path: Path,
    call: Call,
    fault: Fault,
) -> None:
    recorder.answer = reply(fault.status, fault.body, fault.headers)

    with pytest.raises(errors.ClientError) as caught:
        call.on(client, path)

    error = caught.value
    shown = str(error)
    assert type(error) is fault.cls
    assert error.status_code == error.status == fault.status
    assert error.response == fault.response
    assert fault.says in shown
    assert error.resource == call.about
    assert shown.startswith(f"{call.about}: ")
    assert f"HTTP {fault.status}, {error.method} {recorder.url}/" in shown
    assert error.fields == (FIELDS if isinstance(error, errors.ValidationError) else {})
    if isinstance(error, errors.RateLimited):
        assert error.retry_after == 7
    if call.name == "health_check_agent":
        assert AGENT not in shown + str(error.url) + repr(error)
    asked = recorder.asked[0]
    assert f"{asked.method} {asked.path}" == call.asks


class TestSentAgain:
    def test_what_is_repeated_is_the_same(
        self, proxy: Any, emulator: Any, client: BackendClient
    ) -> None:
        project = client.create_project({"title": "Streets", "category": "image"})
        proxy.fault(1, "lost")

        with BackendClient(proxy.url, emulator.api_token) as other:
            row = other.get_project(project["id"])

        assert row == project
        assert proxy.steps == ["GET", "GET"]
