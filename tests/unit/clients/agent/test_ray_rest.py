"""Refusals, tokens and secrets in requests to a Ray dashboard."""

from __future__ import annotations

import json
from typing import Any

import pytest

from synapse import errors
from synapse.clients.agent.ray import RayClient
from synapse.clients.agent.ray_rest import Concealed, last_line, poll_until

from .dashboard import TRACEBACK, Dashboard


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

        with pytest.raises(errors.NotFound, match="the server isn't a Ray dashboard"):
            client.get_version()

    @pytest.mark.parametrize("name", ["list_jobs", "list_nodes", "list_serve_applications"])
    @pytest.mark.parametrize("document", [{}, [], [1], {"data": 1}, {"applications": {"a": 1}}, 7])
    def test_answer_of_something_else(
        self, dashboard: Dashboard, client: RayClient, name: str, document: Any
    ) -> None:
        if (name, document) == ("list_jobs", []):
            return
        dashboard.answer = lambda *_: (200, document)

        with pytest.raises(errors.InvalidResponse, match="isn't from a Ray dashboard"):
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
        ("token", "hint"), [(None, "Pass RayClient(url, token=...)"), ("wr0ng-one", "argument")]
    )
    def test_refused(self, dashboard: Dashboard, token: str | None, hint: str) -> None:
        dashboard.answer = lambda *_: (401, "Unauthorized: Missing authentication token")

        with (
            RayClient(dashboard.url, token) as client,
            pytest.raises(errors.AuthenticationError, match="Missing authentication") as caught,
        ):
            client.list_jobs()

        assert hint in str(caught.value)


def test_variables_are_concealed() -> None:
    variables = Concealed(TOKEN="s3cret")

    assert f"{variables} {variables!r}" == "{'TOKEN': '***'} {'TOKEN': '***'}"
    assert json.loads(json.dumps(variables)) == {"TOKEN": "s3cret"}


def test_poll_ends_with_the_condition(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("time.sleep", pauses.append)
    rows = iter([{"status": "PENDING"}, {"status": "RUNNING"}, {"status": "SUCCEEDED"}])

    row = poll_until(
        lambda: next(rows),
        lambda row: row["status"] == "SUCCEEDED",
        timeout=None,
        longest_pause=0.3,
        resource="job mine",
    )

    assert row == {"status": "SUCCEEDED"}
    assert len(pauses) == 2
    assert all(0 < pause <= 0.3 for pause in pauses)


def test_poll_runs_out_of_time() -> None:
    with pytest.raises(errors.RequestTimeout, match=r"job mine: still RUNNING after 0 s.*Wait"):
        poll_until(
            lambda: {"status": "RUNNING"},
            lambda row: False,
            timeout=0,
            longest_pause=1.0,
            resource="job mine",
            hint="Wait longer.",
        )
