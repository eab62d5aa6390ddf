"""Submitting jobs to a Ray cluster: once each, even over lost responses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synapse import errors
from synapse.clients.agent.ray import RayClient

from .dashboard import TRACEBACK, Answer, Dashboard


class TestSubmit:
    def jobs(self, dashboard: Dashboard, *, lose: int, keep: bool = True) -> dict[str, Any]:
        """Have the dashboard keep jobs, and lose its first answers to a submission."""
        stored: dict[str, Any] = {}
        lost = [lose]

        def answer(method: str, path: str, body: Any) -> Answer | None:
            key = path.removeprefix("/api/jobs/")
            if method == "GET":
                return (200, stored[key]) if key in stored else (404, f"Job {key} does not exist")
            key = body["submission_id"]
            if key in stored:
                return 500, TRACEBACK
            if keep or not lost[0]:
                stored[key] = {**body, "status": "PENDING"}
            if lost[0]:
                lost[0] -= 1
                return None
            return 200, {"job_id": key, "submission_id": key}

        dashboard.answer = answer
        return stored

    def test_body(self, dashboard: Dashboard, client: RayClient) -> None:
        stored = self.jobs(dashboard, lose=0)

        answer = client.submit_job(
            "echo", submission_id="mine", metadata={"a": "b"}, entrypoint_num_cpus=0.5
        )

        assert answer == {"job_id": "mine", "submission_id": "mine"}
        assert stored["mine"]["metadata"].pop("synapse_submit")
        assert stored["mine"] == {
            "entrypoint": "echo",
            "submission_id": "mine",
            "runtime_env": {},
            "metadata": {"a": "b"},
            "entrypoint_num_cpus": 0.5,
            "status": "PENDING",
        }

    @pytest.mark.parametrize("keep", [True, False])
    def test_lost_answer(self, dashboard: Dashboard, client: RayClient, keep: bool) -> None:
        stored = self.jobs(dashboard, lose=1, keep=keep)

        answer = client.submit_job("echo")

        assert list(stored) == [answer["submission_id"]]
        posts = [asked for asked in dashboard.asked if asked[0] == "POST"]
        assert len(posts) == (1 if keep else 2)

    def test_lost_answer_that_was_a_refusal(self, dashboard: Dashboard, client: RayClient) -> None:
        stored = self.jobs(dashboard, lose=0)
        stored["mine"] = {"metadata": None, "status": "RUNNING"}
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
