"""The agent's endpoints by plain ASGI: access, bodies, rows, pages, tickets, faults."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import attrs
import pytest

from synapse.agent.delivery import Delivery
from synapse.agent.endpoints import make_app
from synapse.agent.job_service import JobService
from synapse.agent.store import Store
from synapse.agent.tickets import Tickets
from synapse.jobs.protocols import MachinesUnavailable
from synapse.jobs.spec import Limits
from synapse.session import Session

from .conftest import add_job, find_job, make_lines
from .test_job_service import IdleRunner

TOKEN = "tok-5up3r-s3cret"


class Fault(Exception):
    """A fault of the agent."""


class Cluster(IdleRunner):
    """Machines that have a problem, or can't be reached."""

    def problem(self) -> str | None:
        return "Disk full."

    def nodes(self) -> list[dict[str, Any]]:
        raise MachinesUnavailable("The cluster does not answer.")


@attrs.frozen
class Reply:
    """A response."""

    status: int
    headers: dict[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


@pytest.fixture
def service(store: Store, session: Session) -> JobService:
    """The work of an agent whose machines have a problem."""
    cluster: Any = Cluster()
    return JobService(
        store=store,
        session=session,
        runner=cluster,
        cluster=cluster,
        reports=Delivery(store, session, stop=cluster.stop),
        orders=Tickets("http://127.0.0.1:1"),
        limits=Limits(timeout=60),
    )


def send(
    service: JobService,
    method: str,
    target: str,
    body: bytes = b"",
    token: str | None = TOKEN,
    **headers: str,
) -> Reply:
    """Send a request to the agent's application; return the response."""
    path, _, query = target.partition("?")
    if token is not None:
        headers["Authorization"] = token
    messages: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def collect(message: Any) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "server": ("127.0.0.1", 8100),
        "path": path,
        "query_string": query.encode(),
        "headers": [
            (name.lower().replace("_", "-").encode(), value.encode("latin-1"))
            for name, value in {"Host": "agent:8100", **headers}.items()
        ],
    }

    async def answer() -> None:
        await make_app(service, TOKEN)(scope, receive, collect)

    # Starlette raises a handler's fault again once the response is sent.
    with contextlib.suppress(Fault):
        asyncio.run(answer())
    start, *rest = messages
    return Reply(
        start["status"],
        {name.decode(): value.decode() for name, value in start["headers"]},
        b"".join(message.get("body", b"") for message in rest),
    )


@pytest.mark.parametrize(
    ("token", "detail"),
    [
        (None, "Authentication credentials were not provided."),
        ("wrong", "Invalid token."),
        (f"Token {TOKEN}", "Invalid token."),
        ("\xe9", "Invalid token."),
    ],
)
def test_other_tokens_are_refused(service: JobService, token: str | None, detail: str) -> None:
    reply = send(service, "GET", "/jobs/", token=token)

    assert (reply.status, reply.json()) == (401, {"detail": detail})
    assert reply.headers["www-authenticate"] == "Token"


def test_health_names_the_problem_without_a_token(service: JobService) -> None:
    health = send(service, "GET", "/health/", token=None).json()

    assert (health["status"], health["detail"]) == ("degraded", "Disk full.")
    assert (health["runner"], health["connected"]) == ("idle", False)


def test_ticket_is_good_once_without_a_token(service: JobService) -> None:
    ticket = service.orders.issue({"job_id": "j"})

    first, second = (send(service, "GET", f"/_orders/{ticket}/", token=None) for _ in range(2))

    assert (first.status, first.json()) == (200, {"job_id": "j"})
    assert (second.status, second.json()) == (
        404,
        {"detail": "This ticket is unknown, or was used already."},
    )


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/nope/", 404, "Not found."),
        ("DELETE", "/jobs/", 405, 'Method "DELETE" not allowed.'),
        ("GET", "/jobs/nope/", 404, "The agent has no job nope."),
        ("GET", "/nodes/", 503, "The cluster does not answer."),
    ],
)
def test_refusal_is_json(
    service: JobService, method: str, path: str, status: int, detail: str
) -> None:
    reply = send(service, method, path)

    assert (reply.status, reply.json()) == (status, {"detail": detail})


def test_body_has_a_largest_size(service: JobService) -> None:
    body = b'"' + b"x" * (10 << 20)

    assert send(service, "POST", "/plugin_releases/", body).status == 413


def test_deep_body_is_refused(service: JobService) -> None:
    reply = send(service, "POST", "/plugin_releases/", b"[" * 200_000)

    assert reply.status == 400
    assert "JSON parse error" in reply.json()["detail"]


@pytest.mark.parametrize("name", ["SYNAPSE_User", "SYNAPSE_Tenant"])
@pytest.mark.parametrize("value", ["two words more", "Token two words"])
def test_malformed_header_of_a_caller(service: JobService, name: str, value: str) -> None:
    reply = send(service, "POST", "/plugin_releases/p@1.0.0/run/", b"{}", **{name: value})

    assert reply.status == 400
    assert name.replace("_", "-") in reply.json()["detail"]


def test_stop_says_whether_the_job_was_running(service: JobService, store: Store) -> None:
    add_job(store, "j")

    assert send(service, "POST", "/jobs/j/stop/").json()["stopped"] is True
    service.fail_left_jobs()
    assert find_job(store, "j").is_final
    assert send(service, "POST", "/jobs/j/stop/").json()["stopped"] is False


def test_job_is_a_row(service: JobService, store: Store) -> None:
    add_job(store, "j")
    store.append("j", make_lines("a", "b"))

    row = send(service, "GET", "/jobs/j/").json()

    assert (row["id"], row["plugin_release"], row["action"]) == ("j", "p@1", "a")
    assert (row["params"], row["lines"]) == ({"x": 1}, 2)


def test_fault_is_logged_and_not_shown(
    service: JobService, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(job_id: str) -> None:
        raise Fault(f"a secret of {job_id}")

    monkeypatch.setattr(service, "job", fail)

    reply = send(service, "GET", "/jobs/j/")

    assert (reply.status, reply.json()) == (500, {"detail": "The agent failed; its log says why."})
    assert "GET /jobs/j/ failed" in caplog.messages
