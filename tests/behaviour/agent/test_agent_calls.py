"""`AgentClient` takes the calls that scripts of the platform's own client make, a row for each."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from agent_world import World, eventually

from synapse.clients.agent import AgentClient
from synapse.errors import ClientError
from synapse.transport.stream_limits import StreamLimits

RELEASE = "talker@1.0.0"
LINES = ["line 0", "line 1"]

# The parameters of each method: names, positions and defaults. Ours may have more keywords.
SIGNATURES = {
    "__init__": (
        "base_url, agent_token, *, user_token=None, tenant=None, timeout=None, "
        "long_poll_handler=None"
    ),
    "health_check": "",
    "create_plugin_release": "plugin, version",
    "get_plugin_release": "lookup",
    "delete_plugin_release": "lookup",
    "list_plugin_releases": "params=None, *, list_all=False",
    "run_plugin_release": (
        "lookup, action=None, params=None, *, data=None, requirements=None, job_id=None, "
        "language=None, timeout=None"
    ),
    "run_debug_plugin_release": (
        "action, params=None, *, plugin_path=None, config=None, modules=None, requirements=None, "
        "job_id=None, language=None, timeout=None"
    ),
    "list_jobs": "",
    "get_job": "job_id",
    "get_job_logs": "job_id",
    "list_job_logs": "job_id",
    "stop_job": "job_id",
    "tail_job_logs": "job_id, timeout=30.0, *, protocol='auto'",
    "websocket_tail_job_logs": "job_id, timeout=30.0",
    "stream_tail_job_logs": "job_id, timeout=30.0",
    "list_nodes": "",
    "get_node": "node_id",
    "list_tasks": "",
    "get_task": "task_id",
    "list_serve_applications": "",
    "get_serve_application": "name",
    "delete_serve_application": "name",
    "get_gpu_status": "",
    "get_cluster_resources": "use_cache=True",
    "check_feasibility": (
        "kind, num_cpus, num_gpus=0.0, memory_bytes=None, replicas=1, metadata=None"
    ),
    "get_gatekeeping_policy": "",
    "update_gatekeeping_policy": "patch",
    "get_runtime_policy": "",
    "update_runtime_policy": "patch",
}


@attrs.frozen
class Call:
    """A call, and the check of its result.

    Attributes:
        name: Name of the method.
        args: Positional arguments; `{job}` is a job that has printed two lines.
        keywords: Keyword arguments.
        check: Whether the result is right; generators arrive as lists.
    """

    name: str
    args: tuple[Any, ...]
    keywords: dict[str, Any]
    check: Callable[[Any], bool]


def call(name: str, *args: Any, check: Callable[[Any], bool], **keywords: Any) -> Call:
    return Call(name, args, keywords, check)


CALLS = [
    call("health_check", check=lambda row: row["status"] == "ok"),
    call("create_plugin_release", "talker", "1.0.0", check=lambda row: row["key"] == RELEASE),
    call("get_plugin_release", RELEASE, check=lambda row: row["version"] == "1.0.0"),
    call("list_plugin_releases", check=lambda page: page["count"] == 1),
    call("list_plugin_releases", {"page_size": 1}, check=lambda page: len(page["results"]) == 1),
    call("run_plugin_release", RELEASE, "say", {"lines": 1}, check=lambda row: bool(row["job_id"])),
    call(
        "run_plugin_release",
        RELEASE,
        data={"action": "say", "params": {"lines": 1}},
        timeout=(3, 30),
        check=lambda row: row["params"] == {"lines": 1},
    ),
    call(
        "run_debug_plugin_release",
        "say",
        modules={"greeter": "def say():\n    print('Hello!')\n"},
        config={"actions": {"say": {"entrypoint": "greeter:say"}}},
        check=lambda row: bool(row["job_id"]),
    ),
    call("list_jobs", check=lambda rows: rows[0]["status"] == "SUCCEEDED"),
    call("get_job", "{job}", check=lambda row: row["status"] == "SUCCEEDED"),
    call("get_job_logs", "{job}", check=lambda text: text == "line 0\nline 1\n"),
    call("list_job_logs", "{job}", check=lambda text: text == "line 0\nline 1\n"),
    call("stop_job", "{job}", check=lambda row: row["stopped"] is False),
    call("tail_job_logs", "{job}", check=lambda lines: lines == LINES),
    call("tail_job_logs", "{job}", 5, protocol="http", check=lambda lines: lines == LINES),
    call("tail_job_logs", "{job}", protocol="websocket", check=lambda lines: lines == LINES),
    call("tail_job_logs", "{job}", "poll", check=lambda lines: lines == LINES),
    call("websocket_tail_job_logs", "{job}", 5.0, check=lambda lines: lines == LINES),
    call("stream_tail_job_logs", "{job}", 5.0, check=lambda lines: lines == LINES),
    call("list_nodes", check=lambda rows: rows[0]["state"] == "ALIVE"),
    call("list_tasks", check=lambda rows: isinstance(rows, list)),
    call("list_serve_applications", check=lambda rows: rows == []),
    call("get_gpu_status", check=lambda row: row["total_gpus"] == len(row["gpus"])),
    call("get_cluster_resources", check=lambda row: row.node_counts.alive == 1),
    call("get_cluster_resources", False, check=lambda row: row["cpu"]["total"] >= 1),
    call("check_feasibility", "job", 1e6, 0.0, 1, 2, {}, check=lambda row: not row["feasible"]),
    call("get_gatekeeping_policy", check=lambda row: row["gatekeeping_enabled"] is True),
    call(
        "update_gatekeeping_policy",
        {"max_concurrent_ray_jobs": 2},
        check=lambda row: row["max_concurrent_ray_jobs"] == 2,
    ),
    call("get_runtime_policy", check=lambda row: row.gatekeeping_enabled is True),
    call(
        "update_runtime_policy",
        {"max_concurrent_serve_replicas": 9},
        check=lambda row: row.max_concurrent_serve_replicas == 9,
    ),
]


@pytest.fixture(scope="module")
def job_id(world: World) -> str:
    """The first job of the agent, which has printed two lines and ended."""
    world.client.create_plugin_release("talker", "1.0.0")
    key = world.run("say", lines=2)
    eventually(lambda: world.client.get_job(key), lambda job: job["completed"])
    return key


@pytest.mark.parametrize("row", CALLS, ids=lambda row: row.name)
def test_call(world: World, job_id: str, row: Call) -> None:
    args = [job_id if arg == "{job}" else arg for arg in row.args]

    result = getattr(world.client, row.name)(*args, **row.keywords)

    assert row.check(list(result) if inspect.isgenerator(result) else result), result


def test_all_releases_serve_both_kinds_of_scripts(world: World, job_id: str) -> None:
    del job_id
    rows, count = world.client.list_plugin_releases(list_all=True)

    assert count == 1
    assert [row["key"] for row in rows] == [RELEASE]
    assert [row["key"] for row in world.client.list_plugin_releases(list_all=True)] == [RELEASE]


@pytest.mark.parametrize("name", SIGNATURES)
def test_parameters(name: str) -> None:
    ours = list(inspect.signature(getattr(AgentClient, name)).parameters.values())[1:]
    scope: dict[str, Any] = {}
    exec(f"def theirs({SIGNATURES[name]}): ...", scope)
    theirs = list(inspect.signature(scope["theirs"]).parameters.values())

    by_name = {parameter.name: parameter for parameter in ours}
    for position, parameter in enumerate(theirs):
        same = by_name[parameter.name]
        is_positional = parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        if is_positional:
            assert ours[position].name == parameter.name
        assert parameter.default in (same.default, inspect.Parameter.empty)
    required = {each.name for each in ours if each.default is inspect.Parameter.empty}
    assert required <= {each.name for each in theirs}


def test_limits_of_streams_can_be_set(world: World, job_id: str) -> None:
    with AgentClient(world.agent.url, world.agent.token) as client:
        client.stream_limits = StreamLimits(max_lines=1)

        with pytest.raises(ClientError, match="more than 1 lines"):
            list(client.tail_job_logs(job_id))
