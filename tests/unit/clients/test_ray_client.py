"""What `RayClient` makes of answers, without Ray: refusals, lost answers, and others' changes."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from synapse import errors
from synapse.clients.agent.ray import RayClient
from synapse.clients.agent.ray_packages import RayPackage
from synapse.clients.agent.ray_rest import Concealed, last_line

Answer = tuple[int, Any]

TRACEBACK = """Traceback (most recent call last):
  File "/somewhere/job_head.py", line 406, in submit_job
    raise ValueError(
ValueError: Job with submission_id mine already exists. Please use a different submission_id.
"""


class Dashboard:
    """A server whose answers a test decides; texts go as text/plain, `None` breaks the line."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Callable[[str, str, Any], Answer | None] = lambda *_: (200, {})
        dashboard = self

        class Handler(BaseHTTPRequestHandler):
            def handle_it(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                try:
                    body = json.loads(content) if content else None
                except ValueError:
                    body = content
                dashboard.asked.append((self.command, self.path, body))
                dashboard.headers.append(dict(self.headers))
                answer = dashboard.answer(self.command, self.path, body)
                if answer is None:
                    self.close_connection = True
                    return
                status, document = answer
                is_text = isinstance(document, str)
                sent = document.encode() if is_text else json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "text/plain" if is_text else "application/json")
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            do_GET = do_POST = do_PUT = do_DELETE = handle_it  # noqa: N815

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def dashboard() -> Iterator[Dashboard]:
    made = Dashboard()
    yield made
    made.close()


@pytest.fixture
def client(dashboard: Dashboard) -> Iterator[RayClient]:
    with RayClient(dashboard.url) as made:
        yield made


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "text", "kind", "code", "detail"),
        [
            (404, "Job mine does not exist", errors.NotFound, 404, "Job mine does not exist"),
            (500, TRACEBACK, errors.Conflict, 409, "Job with submission_id mine already exists. "),
            (
                500,
                "Attempted to delete job 'mine', but it is in a non-terminal state RUNNING.",
                errors.Conflict,
                409,
                "non-terminal state RUNNING",
            ),
            (
                400,
                "Traceback (most recent call last):\n  File x\nTypeError: got an unexpected 'x'\n",
                errors.BadRequest,
                400,
                "TypeError: got an unexpected 'x'",
            ),
            (500, "Server got itself in trouble", errors.ServerError, 500, "in trouble"),
            (413, "Maximum request body size exceeded", errors.PayloadTooLarge, 413, "Maximum"),
            (
                400,
                {"result": False, "msg": "The given filter column x is not supported."},
                errors.BadRequest,
                400,
                "The given filter column x is not supported.",
            ),
        ],
    )
    def test_meaning(
        self,
        dashboard: Dashboard,
        client: RayClient,
        status: int,
        text: Any,
        kind: type[errors.ClientError],
        code: int,
        detail: str,
    ) -> None:
        dashboard.answer = lambda *_: (status, text)

        with pytest.raises(kind) as caught:
            client.delete_job("mine")

        assert type(caught.value) is kind
        assert caught.value.status_code == code
        assert detail in caught.value.detail
        assert "Traceback" not in str(caught.value)
        assert caught.value.resource == "job mine"

    def test_no_dashboard(self, dashboard: Dashboard, client: RayClient) -> None:
        dashboard.answer = lambda *_: (404, "404: Not Found")

        with pytest.raises(errors.NotFound, match="it isn't a Ray dashboard's"):
            client.get_version()

    @pytest.mark.parametrize("name", ["list_jobs", "list_nodes", "list_serve_applications"])
    @pytest.mark.parametrize("document", [{}, [], [1], {"data": 1}, {"applications": {"a": 1}}, 7])
    def test_answer_of_something_else(
        self, dashboard: Dashboard, client: RayClient, name: str, document: Any
    ) -> None:
        if (name, document) == ("list_jobs", []):
            return
        dashboard.answer = lambda *_: (200, document)

        with pytest.raises(errors.InvalidResponse, match="what a Ray dashboard sends"):
            getattr(client, name)()

    def test_variables_are_in_no_message(self, dashboard: Dashboard, client: RayClient) -> None:
        dashboard.answer = lambda method, path, body: (400, f"ValueError: {body}")

        with pytest.raises(errors.BadRequest) as caught:
            client.submit_job("x", runtime_env={"env_vars": {"KEY": "very-s3cret-value"}})

        assert "very-s3cret-value" not in f"{caught.value} {vars(caught.value)}"

    def test_last_line_of_several(self) -> None:
        text = "Traceback (most recent call last):\n  File x\nray.SomeError: one\n  and two\n"

        assert last_line(text) == "ray.SomeError: one and two"


class TestToken:
    def test_sent_as_bearer(self, dashboard: Dashboard) -> None:
        with RayClient(dashboard.url, "the-clusters-token") as client:
            client.get_version()

        assert dashboard.headers[0]["Authorization"] == "Bearer the-clusters-token"
        assert "the-clusters-token" not in f"{client!r} {vars(client)}"

    def test_rays_own_variable(self, dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("RAY_AUTH_TOKEN", "of-the-environment")
        monkeypatch.setenv("SYNAPSE_API_TOKEN", "for-the-backend-alone")
        with RayClient(dashboard.url) as client:
            client.get_version()

        assert dashboard.headers[0]["Authorization"] == "Bearer of-the-environment"
        assert "for-the-backend-alone" not in str(dashboard.headers)

    @pytest.mark.parametrize(
        ("token", "hint"), [(None, "give RayClient(url, token=...)"), ("wr0ng-one", "argument")]
    )
    def test_refused(self, dashboard: Dashboard, token: str | None, hint: str) -> None:
        dashboard.answer = lambda *_: (401, "Unauthorized: Missing authentication token")

        with (
            RayClient(dashboard.url, token) as client,
            pytest.raises(errors.AuthenticationError, match="Missing authentication") as caught,
        ):
            client.list_jobs()

        assert hint in str(caught.value)


class TestSubmit:
    def jobs(self, dashboard: Dashboard, *, lose: int, keep: bool = True) -> dict[str, Any]:
        """Have the dashboard keep jobs, and lose its first answers to a submission."""
        there: dict[str, Any] = {}
        lost = [lose]

        def answer(method: str, path: str, body: Any) -> Answer | None:
            key = path.removeprefix("/api/jobs/")
            if method == "GET":
                return (200, there[key]) if key in there else (404, f"Job {key} does not exist")
            key = body["submission_id"]
            if key in there:
                return 500, TRACEBACK
            if keep or not lost[0]:
                there[key] = {**body, "status": "PENDING"}
            if lost[0]:
                lost[0] -= 1
                return None
            return 200, {"job_id": key, "submission_id": key}

        dashboard.answer = answer
        return there

    def test_body(self, dashboard: Dashboard, client: RayClient) -> None:
        there = self.jobs(dashboard, lose=0)

        answer = client.submit_job(
            "echo", submission_id="mine", metadata={"a": "b"}, entrypoint_num_cpus=0.5
        )

        assert answer == {"job_id": "mine", "submission_id": "mine"}
        assert there["mine"]["metadata"].pop("synapse_submit")
        assert there["mine"] == {
            "entrypoint": "echo",
            "submission_id": "mine",
            "runtime_env": {},
            "metadata": {"a": "b"},
            "entrypoint_num_cpus": 0.5,
            "status": "PENDING",
        }

    @pytest.mark.parametrize("keep", [True, False])
    def test_lost_answer(self, dashboard: Dashboard, client: RayClient, keep: bool) -> None:
        there = self.jobs(dashboard, lose=1, keep=keep)

        answer = client.submit_job("echo")

        assert list(there) == [answer["submission_id"]]
        posts = [asked for asked in dashboard.asked if asked[0] == "POST"]
        assert len(posts) == (1 if keep else 2)

    def test_lost_answer_that_was_a_refusal(self, dashboard: Dashboard, client: RayClient) -> None:
        there = self.jobs(dashboard, lose=0)
        there["mine"] = {"metadata": None, "status": "RUNNING"}
        answer, lost = dashboard.answer, [1]

        def losing(method: str, path: str, body: Any) -> Answer | None:
            return None if method == "POST" and lost and lost.pop() else answer(method, path, body)

        dashboard.answer = losing

        with pytest.raises(errors.Conflict, match="another job has this id"):
            client.submit_job("echo", submission_id="mine")

    def test_folder_is_uploaded_once(
        self, dashboard: Dashboard, client: RayClient, tmp_path: Path
    ) -> None:
        (tmp_path / "main.py").write_text("1")
        packages: set[str] = set()

        def answer(method: str, path: str, body: Any) -> Answer:
            if method == "PUT":
                packages.add(path)
            elif method == "GET":
                return (200, "") if path in packages else (404, "no such package")
            return 200, "" if method == "PUT" else {"job_id": "j", "submission_id": "j"}

        dashboard.answer = answer

        client.submit_job("python main.py", working_dir=tmp_path)
        client.submit_job("python main.py", runtime_env={"working_dir": str(tmp_path)})

        assert [method for method, *_ in dashboard.asked] == ["GET", "PUT", "POST", "GET", "POST"]
        bodies = [body for method, _, body in dashboard.asked if method == "POST"]
        (package,) = packages
        name = package.rpartition("/")[2]
        assert [one["runtime_env"]["working_dir"] for one in bodies] == [f"gcs://{name}"] * 2

    def test_two_folders(self, client: RayClient, dashboard: Dashboard) -> None:
        with pytest.raises(errors.UsageError, match="given twice"):
            client.submit_job("x", working_dir=".", runtime_env={"working_dir": "s3://b/c.zip"})

        assert dashboard.asked == []

    @pytest.mark.parametrize("value", ["", " ", "a/b", "a" * 101, "ä", "."])
    def test_ids(self, client: RayClient, dashboard: Dashboard, value: str) -> None:
        for name in ("get_job", "stop_job", "delete_job", "get_job_logs", "tail_job_logs"):
            with pytest.raises(errors.BadRequest, match="can't be an id"):
                getattr(client, name)(value)

        assert dashboard.asked == []


class TestPackage:
    def test_same_files_same_name(self, tmp_path: Path) -> None:
        for name in ("one", "two"):
            folder = tmp_path / name
            (folder / "sub").mkdir(parents=True)
            for place in sorted(["b.py", "a.py", "sub/c.py"], reverse=name == "two"):
                (folder / place).write_text(place)
        (tmp_path / "two" / ".git").mkdir()
        (tmp_path / "two" / ".git" / "config").write_text("x")
        for name in ("one", "two"):
            (tmp_path / name / ".gitignore").write_text("*.log\n")
        (tmp_path / "two" / "a.log").write_text("x")

        with RayPackage(tmp_path / "one") as one, RayPackage(tmp_path / "two") as two:
            assert one.name == two.name
            assert b"".join(one) == b"".join(one) == b"".join(two)
            (tmp_path / "out.zip").write_bytes(b"".join(one))
        with zipfile.ZipFile(tmp_path / "out.zip") as archive:
            assert archive.namelist() == [".gitignore", "a.py", "b.py", "sub/c.py"]

    def test_folder_without_the_extra(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "pathspec", None)
        with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
            archive.writestr("a.py", "")

        with pytest.raises(errors.MissingExtra, match="plugins"):
            RayPackage(tmp_path)
        RayPackage(tmp_path / "code.zip").__exit__()

    @pytest.mark.parametrize("name", ["nowhere", "file.txt"])
    def test_neither(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "file.txt").write_text("no zip")

        with pytest.raises(errors.UsageError, match="neither a folder nor a zip"):
            RayPackage(tmp_path / name)


class TestServe:
    def serving(self, dashboard: Dashboard, *, undone: int = 0) -> dict[str, Any]:
        """Have the dashboard keep applications, and somebody else undo some changes."""
        there: dict[str, Any] = {
            "applications": {
                "theirs": {
                    "name": "theirs",
                    "status": "RUNNING",
                    "source": "declarative",
                    "deployed_app_config": {"name": "theirs", "import_path": "a:b", "odd": [1]},
                },
                "programs": {
                    "name": "programs",
                    "status": "RUNNING",
                    "source": "imperative",
                    "deployed_app_config": None,
                },
            },
            "http_options": {"host": "0.0.0.0", "port": 9},
            "target_capacity": 50.0,
            "controller_info": {"node_id": "n"},
        }
        left = [undone]

        def answer(method: str, path: str, body: Any) -> Answer:
            if method == "GET":
                return 200, there
            if left[0]:
                left[0] -= 1
                return 200, ""
            programs = there["applications"]["programs"]
            there["applications"] = {
                one["name"]: {"name": one["name"], "status": "RUNNING", "deployed_app_config": one}
                for one in body["applications"]
            } | {"programs": programs}
            return 200, ""

        dashboard.answer = answer
        return there

    def test_others_are_kept_exactly(self, dashboard: Dashboard, client: RayClient) -> None:
        there = self.serving(dashboard)
        before = json.loads(json.dumps(there["applications"]["theirs"]["deployed_app_config"]))

        client.deploy_serve_application("mine", "c:d", route_prefix=None, autoscaler="x")

        (sent,) = [body for method, _, body in dashboard.asked if method == "PUT"]
        assert sent == {
            "applications": [
                before,
                {"name": "mine", "import_path": "c:d", "route_prefix": None, "autoscaler": "x"},
            ],
            "http_options": {"host": "0.0.0.0", "port": 9},
            "target_capacity": 50.0,
        }

    @pytest.mark.parametrize("undone", [1, 2])
    def test_lost_change_is_made_again(
        self, dashboard: Dashboard, client: RayClient, undone: int
    ) -> None:
        there = self.serving(dashboard, undone=undone)

        client.deploy_serve_application("mine", "c:d")

        assert set(there["applications"]) == {"theirs", "programs", "mine"}

    def test_change_that_is_always_lost(self, dashboard: Dashboard, client: RayClient) -> None:
        self.serving(dashboard, undone=99)

        with pytest.raises(errors.Conflict, match="somebody else"):
            client.deploy_serve_application("mine", "c:d")

    def test_delete(self, dashboard: Dashboard, client: RayClient) -> None:
        there = self.serving(dashboard)

        client.delete_serve_application("theirs")

        assert set(there["applications"]) == {"programs"}
        with pytest.raises(errors.Conflict, match="by a program with"):
            client.delete_serve_application("programs")
        with pytest.raises(errors.NotFound):
            client.delete_serve_application("theirs")

    def test_nothing_listens_on_all_addresses_by_default(
        self, dashboard: Dashboard, client: RayClient
    ) -> None:
        there = self.serving(dashboard)
        there["applications"] = {"programs": there["applications"]["programs"]}
        del there["controller_info"], there["http_options"]

        client.deploy_serve_application("mine", "c:d")

        (sent,) = [body for method, _, body in dashboard.asked if method == "PUT"]
        assert sent["http_options"] == {"host": "127.0.0.1", "port": 8000}


class TestState:
    def listed(self, rows: int, total: int) -> Answer:
        result = {
            "total": total,
            "num_after_truncation": min(total, 10_000),
            "num_filtered": min(total, 10_000),
            "result": [{"task_id": "aa", "attempt_number": n} for n in range(rows)],
            "partial_failure_warning": "a node didn't answer",
            "warnings": None,
        }
        return 200, {"result": True, "msg": "", "data": {"result": result}}

    def test_more_than_ray_gives(self, dashboard: Dashboard, client: RayClient) -> None:
        dashboard.answer = lambda *_: self.listed(3, 20_000)

        with pytest.warns(UserWarning, match="has 20,000 tasks"):
            tasks = client.list_tasks()

        assert tasks.is_truncated
        assert tasks.total == 20_000
        assert tasks.warnings == ["a node didn't answer"]

    def test_one_of_a_few_is_all(self, dashboard: Dashboard, client: RayClient) -> None:
        """Ray counts nodes as not looked at that another node's id left out."""
        _, answer = self.listed(1, 2)
        answer["data"]["result"].update(num_after_truncation=1, num_filtered=1)
        dashboard.answer = lambda *_: (200, answer)

        assert not client.list_nodes({"node_id": "aa"}).is_truncated
        assert client.get_node("aa")["task_id"] == "aa"

    def test_query(self, dashboard: Dashboard, client: RayClient) -> None:
        dashboard.answer = lambda *_: self.listed(0, 0)

        client.list_actors({"state": "ALIVE"}, filters=[("pid", "!=", 7)], limit=5)

        assert dashboard.asked[0][1] == (
            "/api/v0/actors?limit=5&detail=false&filter_keys=state&filter_predicates=%3D"
            "&filter_values=ALIVE&filter_keys=pid&filter_predicates=%21%3D&filter_values=7"
        )

    def test_last_attempt(self, dashboard: Dashboard, client: RayClient) -> None:
        dashboard.answer = lambda *_: self.listed(3, 3)

        assert client.get_task("aa")["attempt_number"] == 2

    @pytest.mark.parametrize("limit", [0, 10_001, True, 1.5])
    def test_limit(self, client: RayClient, dashboard: Dashboard, limit: Any) -> None:
        with pytest.raises(errors.UsageError, match="limit"):
            client.list_nodes(limit=limit)
        with pytest.raises(errors.UsageError, match="Ray knows"):
            client.list_nodes(filters=[("a", ">", 1)])

        assert dashboard.asked == []


class TestLogs:
    def test_cut_is_bridged(self, dashboard: Dashboard, client: RayClient) -> None:
        logs = ["one\n", "one\ntwo\nth", None, "one\ntwo\nthree\n\nfive"]
        left = list(logs)

        def answer(method: str, path: str, body: Any) -> Answer | None:
            if path.endswith("/logs"):
                text = left.pop(0) if len(left) > 1 else left[0]
                return None if text is None else (200, {"logs": text})
            return 200, {"status": "RUNNING" if len(left) > 1 else "SUCCEEDED"}

        dashboard.answer = answer

        lines = list(client.tail_job_logs("mine", "http"))

        assert lines == ["one", "two", "three", "", "five"]

    def test_falls_back_where_no_websocket_comes_through(
        self, dashboard: Dashboard, client: RayClient
    ) -> None:
        def answer(method: str, path: str, body: Any) -> Answer:
            if path.endswith("/tail"):
                return 502, "a proxy that knows no WebSockets"
            if path.endswith("/logs"):
                return 200, {"logs": "polled\n"}
            return 200, {"status": "SUCCEEDED"}

        dashboard.answer = answer

        assert list(client.tail_job_logs("mine")) == ["polled"]

    def test_protocol(self, client: RayClient) -> None:
        with pytest.raises(errors.UsageError, match="give 'auto'"):
            client.tail_job_logs("mine", "carrier pigeon")  # type: ignore[arg-type]

    def test_endless_line(self, dashboard: Dashboard, client: RayClient) -> None:
        dashboard.answer = lambda method, path, body: (
            (200, {"logs": "x" * 20_000})
            if path.endswith("/logs")
            else (200, {"status": "RUNNING"})
        )

        with pytest.raises(errors.StreamLimitExceeded, match="10,240 bytes"):
            next(client.tail_job_logs("mine", "http"))


def test_variables_are_concealed() -> None:
    variables = Concealed(TOKEN="s3cret")

    assert f"{variables} {variables!r}" == "{'TOKEN': '***'} {'TOKEN': '***'}"
    assert json.loads(json.dumps(variables)) == {"TOKEN": "s3cret"}


def test_ray_is_not_imported() -> None:
    script = (
        "import sys; sys.modules['ray'] = None\n"
        "from synapse.clients.agent.ray import RayClient\n"
        "import synapse.jobs.ray.runner\n"
        "import synapse.integrations.ray as bridge\n"
        "RayClient('http://127.0.0.1:1').close()\n"
        "from synapse.errors import MissingExtra\n"
        "upload = lambda: bridge.upload(None, 1, files={}, journals='x')\n"
        "for call in (lambda: bridge.read(None), upload):\n"
        "    try:\n        call()\n"
        "    except MissingExtra as error:\n        print(error)\n"
    )

    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )

    assert result.stdout.count("pip install 'synapse-sdk[ray]'") == 2
