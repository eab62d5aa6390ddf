"""Requests that a broker passes on: nothing is sent, and errors are those of a response."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from synapse.clients.agent import AgentClient
from synapse.clients.agent.long_poll import LongPollTransport
from synapse.errors import ConfigurationError, InvalidResponse, NotFound, SessionClosed, UsageError


@attrs.define
class Broker:
    """A broker that knows each response beforehand."""

    answers: list[Any]
    requests: list[dict[str, Any]] = attrs.field(factory=list)

    def set_request(self, request: dict[str, Any], /) -> str:
        self.requests.append(request)
        return f"request-{len(self.requests)}"

    def get_response(self, request_id: str, /) -> Any:
        assert request_id == f"request-{len(self.requests)}"
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def make_client(*answers: Any, **options: Any) -> tuple[AgentClient, Broker]:
    broker = Broker(list(answers))
    return AgentClient(None, "an-agents-s3cret-token", long_poll_handler=broker, **options), broker


@pytest.mark.parametrize(
    ("name", "args", "answer", "result", "request_"),
    [
        ("health_check", (), {"status": 200, "data": {"x": 1}}, {"x": 1}, ("get", "health/", None)),
        (
            "list_jobs",
            ({"status": "RUNNING"},),
            {"status": 200, "data": []},
            [],
            ("get", "jobs/?status=RUNNING", None),
        ),
        (
            "run_plugin_release",
            ("p@1", "a"),
            {"status": 201, "data": {"job_id": "j"}},
            {"job_id": "j"},
            ("post", "plugin_releases/p@1/run/", {"action": "a"}),
        ),
        (
            "delete_plugin_release",
            ("p@1",),
            {"status": 200, "data": None},
            None,
            ("delete", "plugin_releases/p@1/", None),
        ),
        (
            "get_job_logs",
            ("j",),
            {"status": 200, "data": "one\n"},
            "one\n",
            ("get", "jobs/j/logs/", None),
        ),
    ],
)
def test_request(name: str, args: Any, answer: Any, result: Any, request_: Any) -> None:
    client, broker = make_client(answer, user_token="u", tenant="code")

    assert getattr(client, name)(*args) == result

    (sent,) = broker.requests
    assert (sent["method"], sent["path"], sent.get("data")) == request_
    assert sent["headers"]["Authorization"] == "an-agents-s3cret-token"
    assert sent["headers"]["SYNAPSE-User"] == "Token u"
    assert sent["headers"]["SYNAPSE-Tenant"] == "Token code"


def test_refusal() -> None:
    client, _ = make_client(
        {"status": 404, "data": {"detail": "No job j of an-agents-s3cret-token."}}
    )

    with pytest.raises(NotFound, match="No job j") as caught:
        client.get_job("j")

    assert "an-agents-s3cret-token" not in str(caught.value)


@pytest.mark.parametrize("answer", [None, {}, {"status": "200"}, "text"])
def test_response_that_is_none(answer: Any) -> None:
    client, _ = make_client(answer)

    with pytest.raises(InvalidResponse, match="has no status"):
        client.health_check()


def test_log_is_polled() -> None:
    client, broker = make_client(
        {"status": 200, "data": {"logs": "one\n", "from": 0, "count": 1, "is_final": True}},
        {"status": 200, "data": {"status": "SUCCEEDED"}},
    )

    assert list(client.tail_job_logs("j")) == ["one"]
    assert broker.requests[0]["path"].startswith("jobs/j/logs/?")
    for protocol in ("websocket", "http", "stream"):
        with pytest.raises(UsageError, match="protocol='poll'"):
            client.tail_job_logs("j", protocol=protocol)  # type: ignore[arg-type] # one of them


def test_address_is_optional_with_a_broker_only() -> None:
    client, _ = make_client({"status": 200, "data": {}})

    assert isinstance(client._transport, LongPollTransport)
    with pytest.raises(ConfigurationError):
        AgentClient(None, "an-agents-s3cret-token")


def test_closed() -> None:
    client, broker = make_client({"status": 200, "data": {}})
    client.close()

    with pytest.raises(SessionClosed):
        client.health_check()
    assert broker.requests == []
