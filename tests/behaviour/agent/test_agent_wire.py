"""The agent answers the requests of the platform's own client, a row for each.

That client sends the bare token, asks with and without a slash at the end, and accepts any type.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import attrs
import pytest
import requests
from agent_world import World, eventually

from synapse.transport.websocket import messages

RELEASE = "talker@1.0.0"


@attrs.frozen
class Row:
    """A request, and the check of the response's body.

    Attributes:
        line: Method and path; `{job}` is a job that has printed two lines.
        check: Whether the decoded body is right: JSON, text, or `None` for an empty one.
        body: The JSON to send.
        status: The expected status.
        headers: Headers beside the token.
    """

    line: str
    check: Callable[[Any], bool]
    body: Any = None
    status: int = 200
    headers: dict[str, str] = attrs.field(factory=dict)


def _is_list_with(name: str) -> Callable[[Any], bool]:
    return lambda body: isinstance(body, list) and all(name in row for row in body)


def _says(text: str) -> Callable[[Any], bool]:
    return lambda body: text in body["detail"]


def _events(text: str) -> list[Any]:
    """Return the events of a stream that has nothing but `data:` lines."""
    return [
        json.loads(part.removeprefix("data: ")) for part in text.removesuffix("\n\n").split("\n\n")
    ]


EVENTS = [
    {"type": "log", "message": "line 0", "line": 0},
    {"type": "log", "message": "line 1", "line": 1},
    {"type": "complete"},
]
ROWS = [
    # Lists are plain lists, logs are text.
    Row("GET jobs/", lambda body: body[0]["status"] == "SUCCEEDED"),
    Row("GET jobs/?status=STOPPED", lambda body: body == []),
    Row("GET nodes/", lambda body: body[0]["state"] == "ALIVE"),
    Row("GET tasks/", _is_list_with("task_id")),
    Row("GET serve_applications/", lambda body: body == []),
    Row("GET plugin_releases/", lambda body: body["results"][0]["key"] == RELEASE),
    Row("GET jobs/?page_size=1", lambda body: len(body["results"]) == 1),
    Row("GET jobs/{job}/logs/", lambda body: body == "line 0\nline 1\n"),
    Row("GET jobs/{job}/logs/?format=text", lambda body: body == "line 0\nline 1\n"),
    Row("GET jobs/{job}/logs/?format=json", lambda body: body["count"] == 2),
    Row(
        "GET jobs/{job}/logs/",
        lambda body: body["logs"] == "line 0\nline 1\n",
        headers={"Accept": "application/json"},
    ),
    Row("GET jobs/{job}/logs/?format=xml", lambda body: "format" in body, status=400),
    # A log comes as server-sent events, each with a line, and the end as an event.
    Row("GET jobs/{job}/logs/stream/", lambda body: _events(body) == EVENTS),
    Row("GET jobs/{job}/logs/stream", lambda body: _events(body) == EVENTS),
    Row("GET jobs/{job}/logs/stream/?from=1", lambda body: _events(body) == EVENTS[1:]),
    Row("GET jobs/{job}/logs/stream/?from=x", lambda body: "from" in body, status=400),
    Row("GET jobs/nope/logs/stream/", _says("no job nope"), status=404),
    # A path works without its slash, for each method.
    Row("GET jobs", lambda body: body[0]["status"] == "SUCCEEDED"),
    Row("GET jobs/{job}", lambda body: body["lines"] == 2),
    Row("GET jobs/{job}/logs", lambda body: body == "line 0\nline 1\n"),
    Row(f"GET plugin_releases/{RELEASE}", lambda body: body["version"] == "1.0.0"),
    Row(
        "POST plugin_releases",
        lambda body: body["key"] == RELEASE,
        body={"plugin": "talker", "version": "1.0.0"},
    ),
    Row("POST jobs/{job}/stop", lambda body: body["stopped"] is False),
    Row("DELETE plugin_releases/999", _says("999"), status=404),
    Row("DELETE serve_applications/x", _says("x"), status=404),
    # Capacity of the machines, and the limits by which the agent judges it.
    Row("GET gpu_status/", lambda body: body["total_gpus"] == len(body["gpus"])),
    Row("GET resources/cluster/", lambda body: body["node_counts"]["alive"] == 1),
    Row("GET resources/cluster/?use_cache=false", lambda body: body["cpu"]["total"] >= 1),
    Row("GET resources/cluster/?use_cache=no", lambda body: "use_cache" in body, status=400),
    Row(
        "POST resources/feasibility/",
        lambda body: body["feasible"] is False and "CPUs" in body["reasons"][-1],
        body={
            "kind": "job",
            "num_cpus": 1e6,
            "num_gpus": 0.0,
            "memory_bytes": None,
            "replicas": 1,
            "metadata": {},
        },
    ),
    Row("POST resources/feasibility", lambda body: "kind" in body, body={}, status=400),
    Row("GET resources/policy/", lambda body: body["gatekeeping_enabled"] is True),
    Row(
        "PATCH resources/policy/",
        lambda body: body["max_concurrent_jobs"] == 5,
        body={"max_concurrent_jobs": 5},
    ),
    Row("PATCH resources/policy/", lambda body: "max_jobs" in body, {"max_jobs": 1}, status=400),
    Row("GET resources/policy", lambda body: body["gatekeeping_enabled"] is True),
    # Code that isn't released runs for debugging.
    Row(
        "POST plugin_releases/run_debug/",
        lambda body: bool(body["job_id"]) and body["debug"] is True,
        body={
            "action": "say",
            "params": {},
            "modules": {"greeter": "def say():\n    print('Hello!')\n"},
            "config": {"actions": {"say": {"entrypoint": "greeter:say"}}},
        },
        status=201,
    ),
    Row("POST plugin_releases/run_debug", lambda body: "modules" in body, body={}, status=400),
    # Containers, images and the host are the platform's own.
    Row("GET containers/", _says("not containers"), status=501),
    Row("POST containers/docker", _says("not containers"), body={}, status=501),
    Row("GET builds/7/", _says("no images"), status=501),
    Row("POST system/restart/", _says("doesn't manage its host"), body={}, status=501),
]


def send(world: World, row: Row, **names: str) -> requests.Response:
    method, path = row.line.format(**names).split(" ", 1)
    return requests.request(
        method,
        f"{world.agent.url}/{path}",
        json=row.body,
        headers={"Authorization": world.agent.token, "Accept": "*/*", **row.headers},
        allow_redirects=False,
        timeout=20,
    )


def decode(response: requests.Response) -> Any:
    if response.headers.get("Content-Type", "").startswith("application/json"):
        return response.json()
    return response.text or None


@pytest.fixture(scope="module")
def job_id(world: World) -> str:
    """The first job of the agent, which has printed two lines and ended."""
    key = world.run("say", lines=2)
    eventually(lambda: world.client.get_job(key), lambda job: job["completed"])
    return key


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.line)
def test_row(world: World, job_id: str, row: Row) -> None:
    response = send(world, row, job=job_id)

    assert response.status_code == row.status, response.text
    assert row.check(decode(response)), response.text


@pytest.mark.parametrize("path", ["jobs/{job}/logs/", "jobs/{job}/logs", "ray/jobs/{job}/logs/ws/"])
@pytest.mark.parametrize("start", [0, 1])
def test_websocket(world: World, job_id: str, path: str, start: int) -> None:
    headers: dict[str, str] = {}

    opened = messages(
        world.client._transport,
        path.format(job=job_id),
        params={"from": start},
        on_open=headers.update,
    )

    assert "\n".join(map(str, opened)) == "line 0\nline 1"[7 * start :]
    assert headers["content-range"] == f"lines {start}-/*"


@pytest.mark.parametrize("token", ["{token}", "Token {token}"])
def test_user_header_with_and_without_its_word(world: World, token: str) -> None:
    user = token.format(token=world.tenant.api_token)
    run = Row(
        f"POST plugin_releases/{RELEASE}/run", bool, body={"action": "say"}, headers={}, status=201
    )

    response = send(world, attrs.evolve(run, headers={"SYNAPSE-User": user}))

    assert response.status_code == 201
    key = response.json()["job_id"]
    assert response.json()["status"] in ("PENDING", "RUNNING", "SUCCEEDED")
    eventually(lambda: world.client.get_job(key), lambda job: job["completed"])
