"""Agents, plugins, jobs, logs, served applications and storages, against the emulator."""

from __future__ import annotations

import contextlib
import io
import uuid
import zipfile
from pathlib import Path
from typing import Any

import pytest
import requests

from synapse.clients.backend import BackendClient
from synapse.errors import (
    Conflict,
    NotFound,
    RateLimited,
    StreamLimitExceeded,
    UsageError,
    ValidationError,
)
from synapse.transport.stream_limits import StreamLimits


def archive() -> bytes:
    """Make the zip of a release."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as made:
        made.writestr("config.json", '{"code": "detector"}')
        made.writestr("README.md", "Detects things.")
    return content.getvalue()


def download(client: BackendClient, url: str) -> bytes:
    """Read a file from where the server says that it is."""
    secret = client.session.transport.settings.credentials["api_token"]
    headers = {"SYNAPSE-Access-Token": f"Token {secret.reveal()}"}
    return requests.get(url, headers=headers, timeout=10).content


@pytest.fixture
def plugin(client: BackendClient) -> dict[str, Any]:
    return client.create_plugin({"name": "Detector", "code": "detector"})


@pytest.fixture
def job(client: BackendClient, plugin: Any) -> str:
    """The id of a job that hasn't begun."""
    return str(client.run_plugin(plugin["id"], {"action": "train"})["job_id"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A release's zip."""
    file = tmp_path / "plugin.zip"
    file.write_bytes(archive())
    return file


class TestAgents:
    def test_health(self, client: BackendClient, emulator: Any) -> None:
        row = client.health_check_agent(emulator.agent_token)

        assert (row["status"], row["is_active"]) == ("connected", True)

    def test_agent_asks_about_itself(self, emulator: Any) -> None:
        with BackendClient(emulator.url, agent_token=emulator.agent_token) as agent:
            assert agent.health_check_agent(emulator.agent_token)["status"] == "connected"

    def test_unknown_token_is_not_shown(self, client: BackendClient) -> None:
        with pytest.raises(NotFound, match="agent of the token: No agent") as caught:
            client.health_check_agent("some-0ther-t0ken")

        assert "0ther" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


class TestPlugins:
    def test_create_and_get(self, client: BackendClient, plugin: Any) -> None:
        assert (plugin["name"], plugin["code"]) == ("Detector", "detector")
        assert client.get_plugin(plugin["id"]) == plugin
        assert client.get_plugin("detector") == plugin
        assert client.get_plugin("detector", params={"fields": "code"}) == {"code": "detector"}

    def test_update(self, client: BackendClient, plugin: Any) -> None:
        row = client.update_plugin("detector", {"description": "Finds things."})

        assert row == {**plugin, "description": "Finds things.", "updated": row["updated"]}
        assert client.get_plugin(plugin["id"]) == row

    def test_code_is_taken(self, client: BackendClient, plugin: Any) -> None:
        with pytest.raises(ValidationError, match="new Plugin: code: ") as caught:
            client.create_plugin({"name": "Another", "code": "detector"})

        assert list(caught.value.fields) == ["code"]


class TestReleases:
    @pytest.mark.parametrize("given", ["path", "text", "open", "memory"])
    def test_create(self, client: BackendClient, plugin: Any, path: Path, given: str) -> None:
        file: Any = {
            "path": path,
            "text": str(path),
            "open": path.open("rb"),
            "memory": io.BytesIO(path.read_bytes()),
        }
        data = {"plugin": plugin["id"], "version": "1.0.0", "is_stable": False, "file": file[given]}
        before = dict(data)

        release = client.create_plugin_release(data)
        file["open"].close()

        assert data == before
        assert (release["plugin"], release["version"]) == (plugin["id"], "1.0.0")
        assert release["is_stable"] is False
        assert release["config"] == {"code": "detector"}
        assert release["readme"] == "Detects things."
        assert download(client, release["file"]) == path.read_bytes()
        name = "release.zip" if given == "memory" else "plugin.zip"
        assert release["file"].partition("?")[0].endswith(f"/{name}")
        assert client.get_plugin("detector")["version"] == "1.0.0"

    def test_get(self, client: BackendClient, plugin: Any, path: Path) -> None:
        release = client.create_plugin_release(
            {"plugin": "detector", "version": "2", "changelog": "Größer.", "file": path}
        )

        assert release["changelog"] == "Größer."
        assert client.get_plugin_release(release["id"]) == release
        assert client.get_plugin_release(release["id"], {"fields": "version"}) == {"version": "2"}

    def test_nothing_is_left_out_as_the_word_for_it(
        self, client: BackendClient, plugin: Any, path: Path
    ) -> None:
        release = client.create_plugin_release(
            {"plugin": "detector", "version": "2", "changelog": None, "file": path}
        )

        assert release["changelog"] == ""

    def test_file_that_is_no_zip(self, client: BackendClient, plugin: Any, path: Path) -> None:
        path.write_bytes(b"text")

        with pytest.raises(ValidationError, match=r"file 'plugin\.zip': file: .*not a zip"):
            client.create_plugin_release({"plugin": "detector", "version": "1", "file": path})

    def test_file_that_is_open_for_text(
        self, client: BackendClient, plugin: Any, tmp_path: Path
    ) -> None:
        text = tmp_path / "notes.txt"
        text.write_text("words")

        with text.open() as file, pytest.raises(UsageError, match="Open it with 'rb'"):
            client.create_plugin_release({"plugin": "detector", "version": "1", "file": file})

    def test_version_twice(self, client: BackendClient, plugin: Any, path: Path) -> None:
        data = {"plugin": "detector", "version": "1", "file": path}
        client.create_plugin_release(data)

        with pytest.raises(ValidationError) as caught:
            client.create_plugin_release(data)

        assert list(caught.value.fields) == ["version"]


class TestRunning:
    @pytest.mark.parametrize("spelling", ["params", "parameters"])
    def test_run(self, client: BackendClient, plugin: Any, spelling: str) -> None:
        answer = client.run_plugin("detector", {"action": "train", spelling: {"threshold": 0.8}})

        job = client.get_job(answer["job_id"])
        assert (job["plugin"], job["action"]) == (plugin["id"], "train")
        assert job["params"] == {"threshold": 0.8}

    def test_run_under_an_id_of_ones_own(self, client: BackendClient, plugin: Any) -> None:
        key = str(uuid.uuid4())

        first = client.run_plugin("detector", {"job_id": key})
        again = client.run_plugin("detector", {"job_id": key})

        assert first["job_id"] == again["job_id"] == key
        assert client.list_jobs()["count"] == 1

    def test_run_of_what_is_off(self, client: BackendClient, plugin: Any) -> None:
        client.update_plugin("detector", {"is_active": False})

        with pytest.raises(Conflict, match="Plugin detector: The plugin is not active"):
            client.run_plugin("detector", {})

    def test_update_and_list(self, client: BackendClient, plugin: Any, job: str) -> None:
        row = client.update_job(
            job,
            {
                "status": "running",
                "progress": 50,
                "progress_record": {"train": {"done": 1}},
                "metrics_record": {"loss": 0.5},
            },
        )

        assert (row["status"], row["progress"]) == ("RUNNING", 50)
        assert row["metrics_record"] == {"loss": 0.5}
        assert client.get_job(job) == row
        assert client.get_job(job, {"fields": "status"}) == {"status": "RUNNING"}
        assert client.list_jobs({"plugin": plugin["id"], "status": "running"})["results"] == [row]
        assert client.list_jobs(params={"status": "failed"})["count"] == 0

    def test_update_of_what_has_ended(self, client: BackendClient, job: str) -> None:
        client.update_job(job, {"status": "failed"})

        with pytest.raises(Conflict, match=f"Job {job}: The job has already ended"):
            client.update_job(job, {"status": "running"})

    def test_update_with_nonsense(self, client: BackendClient, job: str) -> None:
        with pytest.raises(ValidationError, match=f"Job {job}: ") as caught:
            client.update_job(job, {"status": "flying", "progress": 101})

        assert set(caught.value.fields) == {"status", "progress"}


class TestConsole:
    def test_all_lines(self, client: BackendClient, job: str) -> None:
        client.update_job(job, {"console_logs": ["one", {"message": "two", "level": "error"}]})

        page = client.list_job_console_logs(job)

        assert [(line["message"], line["level"]) for line in page["results"]] == [
            ("one", page["results"][0]["level"]),
            ("two", "error"),
        ]

    def test_lines_as_they_come(self, client: BackendClient, job: str) -> None:
        client.update_job(job, {"status": "running", "console_logs": "one\n\nthree"})
        lines = client.tail_job_console_logs(job)

        assert [next(lines) for _ in range(3)] == ["one", "", "three"]
        client.update_job(job, {"console_logs": "fö☃r"})
        assert next(lines) == "fö☃r"
        client.update_job(job, {"console_logs": "last", "status": "completed"})
        assert list(lines) == ["last"]

    def test_lines_of_what_has_ended(self, client: BackendClient, job: str) -> None:
        client.update_job(job, {"console_logs": "one", "status": "failed"})

        assert list(client.tail_job_console_logs(job)) == ["one"]

    def test_limits(self, client: BackendClient, job: str) -> None:
        client.update_job(job, {"console_logs": "one\ntwo", "status": "completed"})
        lines = client.tail_job_console_logs(job, limits=StreamLimits(max_lines=1))
        assert next(lines) == "one"

        with pytest.raises(StreamLimitExceeded):
            next(lines)

    def test_leaving_early(self, client: BackendClient, job: str) -> None:
        """Another follower takes the place, of which the server has few."""
        client.update_job(job, {"status": "running", "console_logs": "one"})
        for _ in range(5):
            lines, first = _followed(client, job)
            assert first == "one"
            lines.close()

    def test_no_job(self, client: BackendClient) -> None:
        key = str(uuid.uuid4())
        lines = client.tail_job_console_logs(key)

        with pytest.raises(NotFound, match=f"Job {key}"):
            next(lines)


def _followed(client: BackendClient, job: str) -> tuple[Any, str]:
    """Follow a job, as soon as the server has noticed that an earlier follower left."""
    while True:
        lines = client.tail_job_console_logs(job)
        with contextlib.suppress(RateLimited):
            return lines, next(lines)


class TestLogs:
    def test_one(self, client: BackendClient, job: str) -> None:
        row = client.create_logs(
            {"job": job, "level": "warning", "message": "Hot.", "data": {"degrees": 90}}
        )

        assert (row["job"], row["level"], row["message"]) == (job, "warning", "Hot.")
        assert row["data"] == {"degrees": 90}

    def test_several(self, client: BackendClient, job: str) -> None:
        rows = client.create_logs([{"job": job, "message": text} for text in ("a", "b")])

        assert [row["message"] for row in rows] == ["a", "b"]

    def test_file(self, client: BackendClient, job: str, path: Path) -> None:
        data = {"job": job, "message": "See the file.", "file": path}

        row = client.create_logs(data)

        assert download(client, row["file"]) == archive()
        assert data["file"] is path

    def test_file_in_one_of_several(self, client: BackendClient, path: Path) -> None:
        data = [{"message": "a"}, {"message": "b", "file": path}]

        rows = client.create_logs(data)

        assert rows[0]["file"] is None
        assert download(client, rows[1]["file"]) == archive()
        assert data[1]["file"] is path

    def test_unknown_job(self, client: BackendClient) -> None:
        with pytest.raises(ValidationError, match="item 1: ") as caught:
            client.create_logs([{"message": "a"}, {"message": "b", "job": str(uuid.uuid4())}])

        assert caught.value.response[0] == {}


class TestServing:
    def test_create_and_list(
        self, client: BackendClient, plugin: Any, job: str, path: Path
    ) -> None:
        release = client.create_plugin_release({"plugin": "detector", "version": "1", "file": path})

        made = client.create_serve_application(
            {"name": "detect", "plugin_release": release["id"], "job": job, "data": {"a": 1}}
        )

        assert (made["name"], made["data"]) == ("detect", {"a": 1})
        assert client.list_serve_applications({"plugin_release": release["id"]})["results"] == [
            made
        ]


class TestStorages:
    @pytest.fixture
    def storage(self, client: BackendClient) -> dict[str, Any]:
        return client.create_storage(
            {
                "name": "Bucket",
                "provider": "amazon_s3",
                "category": "external",
                "configuration": {"secret_key": "s3cret"},
            }
        )

    def test_configuration_is_shown_to_who_asks_for_the_one(
        self, client: BackendClient, storage: Any
    ) -> None:
        row = client.get_storage(storage["id"])

        assert row["configuration"] == {"secret_key": "s3cret"}
        assert (row["name"], row["provider"]) == ("Bucket", "amazon_s3")

    def test_configuration_is_kept_from_everything_else(
        self, client: BackendClient, storage: Any
    ) -> None:
        seen = [
            storage,
            client.list_storages(),
            client.list_storages({"with_configuration": "true"}),
            client.list_storages(list_all=True),
            client.get_storage(storage["id"], params={"with_configuration": "false"}),
        ]

        assert "s3cret" not in str(seen)
        assert client.list_storages({"provider": "amazon_s3"})["count"] == 1
