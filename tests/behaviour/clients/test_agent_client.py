"""The client of an agent: requests, refused arguments and errors."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from synapse import errors
from synapse.clients.agent import AgentClient
from synapse.clients.agent.ray import RayClientMixin
from synapse.clients.agent.resource_mixin import ResourceClientMixin
from synapse.transport import Transport
from synapse.transport.options import Options
from synapse.transport.retry import RetryPolicy
from synapse.transport.stream_limits import StreamLimits

LONGEST = "a" * 100
RELEASE = "detector@1.0.0-rc_1"

RAY_CALLS = [
    ("list_jobs", ({"status": "RUNNING"},), "GET jobs/", None),
    ("get_job", ("raysubmit_1",), "GET jobs/raysubmit_1/", None),
    ("get_job_logs", ("raysubmit_1",), "GET jobs/raysubmit_1/logs/", None),
    ("list_job_logs", ("raysubmit_1",), "GET jobs/raysubmit_1/logs/", None),
    ("stop_job", ("raysubmit_1",), "POST jobs/raysubmit_1/stop/", None),
    ("tail_job_logs", (LONGEST,), f"GET ray/jobs/{LONGEST}/logs/stream/", None),
    ("list_nodes", (), "GET nodes/", None),
    ("get_node", ("n-1",), "GET nodes/n-1/", None),
    ("list_tasks", (), "GET tasks/", None),
    ("get_task", (7,), "GET tasks/7/", None),
    ("list_serve_applications", (), "GET serve_applications/", None),
    ("get_serve_application", ("detect",), "GET serve_applications/detect/", None),
    ("delete_serve_application", ("detect",), "DELETE serve_applications/detect/", None),
]
AGENT_CALLS = [
    *RAY_CALLS,
    ("health_check", (), "GET health/", None),
    ("get_metrics", ("cpu",), "GET metrics/cpu/", None),
    ("list_plugin_releases", (), "GET plugin_releases/", None),
    ("get_plugin_release", (3,), "GET plugin_releases/3/", None),
    ("get_plugin_release", (RELEASE,), f"GET plugin_releases/{RELEASE}/", None),
    ("create_plugin_release", ({"id": 3},), "POST plugin_releases/", {"id": 3}),
    (
        "create_plugin_release",
        ("detector", "1.0.0"),
        "POST plugin_releases/",
        {"plugin": "detector", "version": "1.0.0"},
    ),
    ("delete_plugin_release", (RELEASE,), f"DELETE plugin_releases/{RELEASE}/", None),
    (
        "run_plugin_release",
        (RELEASE, {"action": "train"}),
        f"POST plugin_releases/{RELEASE}/run/",
        {"action": "train"},
    ),
    (
        "run_plugin_release",
        (RELEASE, "train", {"epochs": 1}),
        f"POST plugin_releases/{RELEASE}/run/",
        {"action": "train", "params": {"epochs": 1}},
    ),
    (
        "run_debug_plugin_release",
        ("train", {"epochs": 1}),
        "POST plugin_releases/run_debug/",
        {"action": "train", "params": {"epochs": 1}},
    ),
    ("get_gpu_status", (), "GET gpu_status/", None),
    ("get_cluster_resources", (), "GET resources/cluster/", None),
    (
        "check_feasibility",
        ("job", 1.0),
        "POST resources/feasibility/",
        {
            "kind": "job",
            "num_cpus": 1.0,
            "num_gpus": 0.0,
            "memory_bytes": None,
            "replicas": 1,
            "metadata": {},
        },
    ),
    ("get_gatekeeping_policy", (), "GET resources/policy/", None),
    ("update_gatekeeping_policy", ({"a": 1},), "PATCH resources/policy/", {"a": 1}),
    ("get_runtime_policy", (), "GET resources/policy/", None),
    ("update_runtime_policy", ({"a": 1},), "PATCH resources/policy/", {"a": 1}),
]
# They need an agent that streams: `tests/behaviour/agent` has one.
STREAMS = {"websocket_tail_job_logs", "stream_tail_job_logs"}
LISTS = {name for name, _, asks, _ in AGENT_CALLS if name.startswith("list_")} - {"list_job_logs"}
# Methods whose first argument becomes a part of the path.
WITH_IDS = [
    *("get_job", "get_job_logs", "list_job_logs", "stop_job", "tail_job_logs", *sorted(STREAMS)),
    *("get_node", "get_task", "get_serve_application", "delete_serve_application", "get_metrics"),
    *("get_plugin_release", "delete_plugin_release", "run_plugin_release"),
]


def call(client: Any, name: str, *args: Any) -> Any:
    if name == "tail_job_logs":
        # What happens after a failure is tested where there is a log to follow.
        return list(client.tail_job_logs(*args, protocol="stream", patience=0))
    return getattr(client, name)(*args)


def once(client: Any) -> Any:
    """Have a client ask once only, so that a failure is one request."""
    settings = client._transport.settings
    client._transport.close()
    client._transport = Transport(settings, Options(retry=RetryPolicy(attempts=1)))
    return client


@pytest.fixture
def agent(recorder: Any) -> Iterator[AgentClient]:
    """A client of the recording server as an agent."""
    with once(AgentClient(recorder.url, "a-token")) as client:
        yield client


class TestSent:
    @pytest.mark.parametrize(("name", "args", "asks", "body"), AGENT_CALLS)
    def test_agent(
        self, agent: AgentClient, recorder: Any, name: str, args: Any, asks: str, body: Any
    ) -> None:
        if name in LISTS:
            recorder.answer = type(recorder.answer)(200, {"results": [], "next": None})

        call(agent, name, *args)

        asked = recorder.asked[0]
        assert len(recorder.asked) == (2 if name == "tail_job_logs" else 1)
        assert f"{asked.method} {asked.path}" == asks
        assert asked.body == body
        assert asked.headers["authorization"] == "a-token"

    def test_every_method_is_here(self) -> None:
        methods = {
            name
            for cls in (AgentClient, RayClientMixin, ResourceClientMixin)
            for name, value in vars(cls).items()
            if name[0] != "_" and callable(value)
        }

        assert {name for name, *_ in AGENT_CALLS} | STREAMS == methods

    def test_params(self, agent: AgentClient, recorder: Any) -> None:
        recorder.answer = type(recorder.answer)(200, [])

        agent.list_jobs({"status": ["RUNNING", "PENDING"]})

        assert recorder.asked[0].query == [("status", "RUNNING"), ("status", "PENDING")]

    def test_answer(self, agent: AgentClient, recorder: Any) -> None:
        recorder.answer = type(recorder.answer)(200, {"status": "ok"})

        assert agent.health_check() == {"status": "ok"}

    def test_nothing_answered(self, agent: AgentClient, recorder: Any) -> None:
        recorder.answer = type(recorder.answer)(204, b"")

        assert agent.delete_serve_application("detect") is None


class TestConstruction:
    def test_all_headers(self, recorder: Any) -> None:
        client = AgentClient(
            recorder.url, agent_token="a-token", user_token="u-token", tenant="code", timeout=3
        )

        with client:
            client.health_check()

        headers = recorder.asked[0].headers
        assert headers["authorization"] == "a-token"
        assert headers["synapse-user"] == "Token u-token"
        assert headers["synapse-tenant"] == "Token code"
        assert "synapse-access-token" not in headers
        assert "synapse-agent" not in headers

    def test_token_of_the_environment(self, recorder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SYNAPSE_AGENT_TOKEN", "of-the-environment")
        monkeypatch.setenv("SYNAPSE_API_TOKEN", "for-the-backend-alone")
        monkeypatch.setenv("SYNAPSE_TENANT", "for-the-backend-alone")

        with AgentClient(recorder.url) as client:
            client.health_check()

        assert recorder.asked[0].headers["authorization"] == "of-the-environment"
        assert "for-the-backend-alone" not in str(recorder.asked[0].headers)

    def test_address_of_the_environment(
        self, recorder: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SYNAPSE_AGENT_URL", recorder.url)
        monkeypatch.setenv("SYNAPSE_AGENT_TOKEN", "of-the-environment")

        with AgentClient() as client:
            client.health_check()
        with AgentClient("http://127.0.0.1:1") as other:
            assert other.base_url == "http://127.0.0.1:1"

        assert recorder.asked[0].headers["authorization"] == "of-the-environment"

    def test_malformed_address_of_the_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SYNAPSE_AGENT_URL", "not an address")

        with pytest.raises(errors.ConfigurationError, match="SYNAPSE_AGENT_URL"):
            AgentClient(agent_token="t")

    def test_argument_beats_environment(
        self, recorder: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SYNAPSE_AGENT_TOKEN", "of-the-environment")

        with AgentClient(recorder.url, "given") as client:
            client.health_check()

        assert recorder.asked[0].headers["authorization"] == "given"

    def test_no_token(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SYNAPSE_API_TOKEN", "for-the-backend-alone")

        with pytest.raises(errors.ConfigurationError, match="SYNAPSE_AGENT_TOKEN"):
            AgentClient("http://127.0.0.1:1")

    @pytest.mark.parametrize(
        "arguments",
        [
            {"base_url": ""},
            {"base_url": None},
            {"base_url": "127.0.0.1:1"},
            {"base_url": "ftp://127.0.0.1/"},
            {"base_url": "http://user:password@127.0.0.1:1"},
            {"agent_token": ""},
            {"agent_token": "a\r\nb"},
            {"user_token": ""},
            {"user_token": "a b"},
            {"tenant": ""},
            {"tenant": "a\r\nX-Other: b"},
            {"tenant": "é"},
            {"timeout": -1},
            {"timeout": "5"},
        ],
    )
    def test_what_makes_no_agent(self, arguments: dict[str, Any]) -> None:
        good = {"base_url": "http://127.0.0.1:1", "agent_token": "t"}

        with pytest.raises(errors.ConfigurationError):
            AgentClient(**{**good, **arguments})

    def test_tokens_are_not_shown(self) -> None:
        client = AgentClient("http://127.0.0.1:1/", "s3cret", user_token="s3cret")

        assert repr(client) == "AgentClient('http://127.0.0.1:1')"
        assert "s3cret" not in f"{vars(client)} {client._transport.settings}"

    def test_close(self, recorder: Any) -> None:
        with AgentClient(recorder.url, "t") as client:
            pass

        with pytest.raises(errors.SessionClosed):
            client.health_check()
        assert recorder.asked == []


class TestArguments:
    """Both spellings work, and a contradiction is an error before anything is sent."""

    @pytest.mark.parametrize(
        ("name", "args", "keywords", "path", "body"),
        [
            ("get_plugin_release", (), {"lookup": 3}, "plugin_releases/3/", None),
            ("get_plugin_release", (), {"release": 3}, "plugin_releases/3/", None),
            (
                "delete_plugin_release",
                (),
                {"release": RELEASE},
                f"plugin_releases/{RELEASE}/",
                None,
            ),
            ("create_plugin_release", (), {"data": {"id": 3}}, "plugin_releases/", {"id": 3}),
            (
                "create_plugin_release",
                (),
                {"plugin": "p", "version": "1"},
                "plugin_releases/",
                {"plugin": "p", "version": "1"},
            ),
            (
                "run_plugin_release",
                (3,),
                {"data": {"action": "a", "params": {}}, "action": "a", "job_id": "j"},
                "plugin_releases/3/run/",
                {"action": "a", "params": {}, "job_id": "j"},
            ),
            (
                "run_plugin_release",
                (3, "a"),
                {"requirements": ["x"], "language": "ko", "timeout": (3, 9)},
                "plugin_releases/3/run/",
                {"action": "a", "requirements": ["x"], "language": "ko"},
            ),
            (
                "run_debug_plugin_release",
                ("a",),
                {"modules": {"m": "x = 1"}, "config": {"code": "c"}, "plugin_path": "/p"},
                "plugin_releases/run_debug/",
                {
                    "action": "a",
                    "modules": {"m": "x = 1"},
                    "config": {"code": "c"},
                    "plugin_path": "/p",
                },
            ),
        ],
    )
    def test_spellings(
        self,
        agent: AgentClient,
        recorder: Any,
        name: str,
        args: Any,
        keywords: Any,
        path: str,
        body: Any,
    ) -> None:
        getattr(agent, name)(*args, **keywords)

        assert (recorder.asked[0].path, recorder.asked[0].body) == (path, body)

    @pytest.mark.parametrize(
        ("name", "args", "keywords", "says"),
        [
            ("get_plugin_release", (3,), {"release": 4}, "lookup and release differ"),
            ("create_plugin_release", ("p",), {}, "The version is missing"),
            ("create_plugin_release", ({"version": "1"}, "2"), {}, "version and data"),
            ("run_plugin_release", (3, "a"), {"data": {"action": "b"}}, "action and data"),
            ("run_plugin_release", (3, {"x": 1}), {"data": {"x": 2}}, "data and action differ"),
        ],
    )
    def test_contradiction(
        self, agent: AgentClient, recorder: Any, name: str, args: Any, keywords: Any, says: str
    ) -> None:
        with pytest.raises(errors.UsageError, match=says):
            getattr(agent, name)(*args, **keywords)

        assert recorder.asked == []

    @pytest.mark.parametrize(("use_cache", "text"), [(True, "true"), (False, "false")])
    def test_cache(self, agent: AgentClient, recorder: Any, use_cache: bool, text: str) -> None:
        agent.get_cluster_resources(use_cache)

        assert recorder.asked[0].query == [("use_cache", text)]

    def test_limits_for_streams(self, recorder: Any) -> None:
        recorder.answer = type(recorder.answer)(200, b"one\ntwo\n")
        limits = StreamLimits(max_lines=1)

        with AgentClient(recorder.url, "t", stream_limits=limits) as client:
            lines = client.tail_job_logs("j", protocol="stream", patience=0)

            assert next(lines) == "one"
            with pytest.raises(errors.StreamLimitExceeded):
                next(lines)
            assert client.stream_limits is limits
        assert AgentClient(recorder.url, "t").stream_limits == StreamLimits()


class TestIds:
    @pytest.mark.parametrize("value", ["", "a/b", "..", None, True])
    @pytest.mark.parametrize("name", WITH_IDS)
    def test_refused_before_any_request(
        self, agent: AgentClient, recorder: Any, name: str, value: Any
    ) -> None:
        others = [{}] if name == "run_plugin_release" else []

        with pytest.raises(errors.BadRequest, match="can't be an id") as caught:
            getattr(agent, name)(value, *others)

        assert caught.value.status_code == 400
        assert recorder.asked == []


FAULTS = {
    400: errors.BadRequest,
    401: errors.AuthenticationError,
    403: errors.PermissionDenied,
    404: errors.NotFound,
    408: errors.RequestTimeout,
    409: errors.Conflict,
    429: errors.RateLimited,
    500: errors.ServerError,
    503: errors.ServerError,
}


class TestFailure:
    @pytest.mark.parametrize("status", FAULTS)
    @pytest.mark.parametrize(("name", "args", "asks", "body"), AGENT_CALLS)
    def test_refusal(
        self,
        agent: AgentClient,
        recorder: Any,
        name: str,
        args: Any,
        asks: str,
        body: Any,
        status: int,
    ) -> None:
        if (name, status) == ("tail_job_logs", 429):
            return  # it waits for its turn, as long as it takes
        recorder.answer = type(recorder.answer)(status, {"detail": "That won't do."})

        with pytest.raises(errors.ClientError, match="That won't do") as caught:
            call(agent, name, *args)

        error = caught.value
        assert type(error) is FAULTS[status]
        assert error.status_code == status
        assert asks.partition(" ")[2].strip("/").partition("/")[0].rstrip("s") in str(error)
        assert "a-token" not in f"{error} {vars(error)}"

    @pytest.mark.parametrize(("name", "args", "asks", "body"), AGENT_CALLS)
    def test_nobody_listens(self, name: str, args: Any, asks: str, body: Any) -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            client = once(AgentClient(f"http://127.0.0.1:{bound.getsockname()[1]}", "t"))

            with client, pytest.raises(errors.ConnectionFailed, match="was refused") as caught:
                call(client, name, *args)

        assert caught.value.status_code == 503

    @pytest.mark.parametrize("name", ["health_check", "list_jobs", "list_nodes"])
    def test_silence(self, name: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"http://127.0.0.1:{silent.getsockname()[1]}"
            client = once(AgentClient(address, "t", timeout={"read": 0.05}))

            with client, pytest.raises(errors.RequestTimeout, match=r"within 0\.05 s") as caught:
                getattr(client, name)()

        assert caught.value.status_code == 408

    def test_stream_that_breaks_off(self, agent: AgentClient, recorder: Any) -> None:
        recorder.answer = type(recorder.answer)(
            200, b"one\n", {"Content-Length": "100", "Connection": "close"}
        )
        lines = agent.tail_job_logs("j", "stream", patience=0)
        assert next(lines) == "one"

        with pytest.raises(errors.ClientError, match="job j: "):
            next(lines)
