"""Checks of an agent and of a Ray cluster."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from typing import Any

import pytest

from synapse.doctor import cluster
from synapse.doctor.cluster import check_agent, check_ray
from synapse.doctor.examination import Check, examine
from synapse.doctor.report import Finding
from synapse.transport import Transport

AGENT = "of-an-agent-5ecret"


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SYNAPSE_AGENT_URL", *cluster._RAY_URLS, "RAY_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def connect() -> Transport:
    raise AssertionError("These checks don't ask the server.")


def run(check: Any) -> Finding:
    (finding,) = examine(connect, [Check("x", check, "Look.")]).findings
    return finding


def test_no_agent_and_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(check_agent).status == "skipped"
    assert run(check_ray).status == "skipped"
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:6379")  # of ray.init(), not the dashboard's
    assert run(check_ray).status == "skipped"


def test_an_agent(monkeypatch: pytest.MonkeyPatch, server: Any) -> None:
    server.reply(body={"status": "ok", "version": "1"})
    monkeypatch.setenv("SYNAPSE_AGENT_URL", server.url)
    monkeypatch.setenv("SYNAPSE_AGENT_TOKEN", AGENT)

    finding = run(check_agent)

    assert (finding.status, finding.found) == ("ok", f"{server.url} answers: version 1, status ok.")
    assert server.last.headers["authorization"] == AGENT
    assert server.last.target == "/health/"


def test_an_agent_without_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNAPSE_AGENT_URL", "http://127.0.0.1:9")

    finding = run(check_agent)

    assert (finding.status, "SYNAPSE_AGENT_TOKEN" in finding.found) == ("failed", True)


def test_an_agent_that_refuses(monkeypatch: pytest.MonkeyPatch, server: Any) -> None:
    server.reply(401, {"detail": f"Not {AGENT}."})
    monkeypatch.setenv("SYNAPSE_AGENT_URL", server.url)
    monkeypatch.setenv("SYNAPSE_AGENT_TOKEN", AGENT)

    finding = run(check_agent)

    assert finding.status == "failed"
    assert AGENT not in finding.found + finding.cure


@pytest.mark.parametrize(
    ("remote", "local", "status", "text"),
    [
        ("2.50.0", "2.50.0", "ok", "The cluster and this machine have Ray 2.50.0."),
        ("2.50.0", "2.51.0", "warning", "The cluster has Ray 2.50.0, this machine 2.51.0."),
        ("2.50.0", None, "ok", "This machine has none, which is enough for jobs."),
        (None, "2.50.0", "failed", "doesn't name Ray's version."),
    ],
)
def test_versions_of_ray(
    monkeypatch: pytest.MonkeyPatch,
    server: Any,
    remote: str | None,
    local: str | None,
    status: str,
    text: str,
) -> None:
    def version(_: str) -> str:
        if local is None:
            raise PackageNotFoundError
        return local

    monkeypatch.setattr(cluster, "version", version)
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", server.url)
    monkeypatch.setenv("RAY_AUTH_TOKEN", "of-the-cluster")
    server.reply(body={"ray_version": remote} if remote else [])

    finding = run(check_ray)

    assert (finding.status, text in finding.found) == (status, True)
    assert server.last.headers["authorization"] == "Bearer of-the-cluster"
