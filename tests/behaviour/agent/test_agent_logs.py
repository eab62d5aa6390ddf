"""Follow a log at an agent: each line once, in order, by each protocol, over cuts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import requests
import websocket
from agent_world import World, eventually

from synapse import errors
from synapse.agent import log_streaming
from synapse.agent.store import Store
from synapse.clients.agent import AgentClient, log_tail
from synapse.clients.agent.log_tail import TailProtocol
from synapse.jobs.spec import Outcome
from synapse.transport.stream_limits import StreamLimits

pytestmark = pytest.mark.slow

PROTOCOLS = get_args(TailProtocol)
FEW = [f"line {number}" for number in range(10)]


def kinds_of(client: AgentClient, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note by which paths a client asks."""
    asked: list[str] = []
    transport = client._transport
    prepare = transport._prepare

    def noted(method: str, path: str, *args: Any, **options: Any) -> Any:
        asked.append(path.strip("/").rpartition("/")[2])
        return prepare(method, path, *args, **options)

    monkeypatch.setattr(transport, "_prepare", noted)
    return asked


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_while_it_runs(world: World, protocol: TailProtocol) -> None:
    gate = world.folder / f"gate-{protocol}"
    job_id = world.run("say", lines=10, gate=str(gate))
    lines = world.client.tail_job_logs(job_id, protocol=protocol)

    first = next(lines)
    assert not world.client.get_job(job_id)["completed"]
    gate.touch()

    assert [first, *lines] == FEW
    assert world.client.get_job(job_id)["status"] == "SUCCEEDED"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_when_it_has_ended(world: World, protocol: TailProtocol) -> None:
    job_id = world.run("say", lines=10)
    eventually(lambda: world.client.get_job(job_id), lambda job: job["completed"])

    assert list(world.client.tail_job_logs(job_id, protocol=protocol)) == FEW


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_empty_lines_are_lines(world: World, protocol: TailProtocol) -> None:
    job_id = world.run("say", lines=3, pause=0.5, text="\n\n")

    lines = list(world.client.tail_job_logs(job_id, protocol=protocol))

    assert lines == [text for number in range(3) for text in (f"line {number}", "", "")]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_nothing_printed(world: World, protocol: TailProtocol) -> None:
    job_id = world.run("say", lines=0)

    lines = list(world.client.tail_job_logs(job_id, protocol=protocol))

    # The code asks for the number of its last line, when there is none.
    assert lines == world.client.get_job_logs(job_id).splitlines()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_no_such_job(world: World, protocol: TailProtocol) -> None:
    with pytest.raises(errors.NotFound, match="no job nope"):
        list(world.client.tail_job_logs("nope", protocol=protocol))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_silence(world: World, protocol: TailProtocol) -> None:
    """A job that says nothing for longer than the timeout goes on being followed."""
    job_id = world.run("say", lines=3, pause=1.0)

    assert list(world.client.tail_job_logs(job_id, timeout=(5, 0.3), protocol=protocol)) == FEW[:3]


@pytest.mark.parametrize("protocol", ["websocket", "http", "stream"])
def test_cut_again_and_again(
    world: World, protocol: TailProtocol, faults: Any, proxy_to: Callable[..., Any]
) -> None:
    job_id = world.run("say", lines=5000, wide=40)
    eventually(lambda: world.client.get_job(job_id), lambda job: job["completed"])
    proxy = proxy_to(world.agent.url, lambda: faults.Fault(down=60_000, how="reset"))

    with AgentClient(proxy.url, world.agent.token) as client:
        lines = list(client.tail_job_logs(job_id, protocol=protocol))

    assert lines == [f"line {number}" + "x" * 40 for number in range(5000)]
    assert proxy.connections > 4


def test_polling_over_cuts(world: World, faults: Any, proxy_to: Callable[..., Any]) -> None:
    job_id = world.run("say", lines=30, pause=0.05)
    proxy = proxy_to(world.agent.url)
    many = [faults.NONE, faults.Fault(on_accept="reset"), faults.Fault(down=20, how="reset")]
    proxy.next(*many, *many, *many)

    with AgentClient(proxy.url, world.agent.token) as client:
        lines = list(client.tail_job_logs(job_id, "poll"))

    assert lines == [f"line {number}" for number in range(30)]


def test_over_an_agent_that_is_stopped(own_world: World) -> None:
    """The job ends with the agent; whoever follows it hears so, after the agent is back."""
    job_id = own_world.run("wait")
    came: list[str] = []
    following = threading.Thread(
        target=lambda: came.extend(own_world.client.tail_job_logs(job_id, "stream"))
    )
    following.start()
    eventually(lambda: own_world.client.get_job(job_id), lambda job: job["lines"] == 1)

    own_world.agent.stop()
    own_world.agent.start()

    following.join(20)
    assert came[0] == "waiting"
    assert came == own_world.client.get_job_logs(job_id).splitlines()
    assert own_world.client.get_job(job_id)["status"] == "FAILED"


def test_auto_is_a_websocket(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = world.run("say", lines=10)
    asked = kinds_of(world.client, monkeypatch)

    assert list(world.client.tail_job_logs(job_id)) == FEW
    assert asked == ["logs", job_id]


def test_auto_without_the_library(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = world.run("say", lines=10)
    monkeypatch.setattr(log_tail, "can_be_used", lambda: False)
    asked = kinds_of(world.client, monkeypatch)

    assert list(world.client.tail_job_logs(job_id)) == FEW
    assert asked == ["stream", job_id]
    with pytest.raises(errors.MissingExtra, match="websocket"):
        world.client.tail_job_logs(job_id, "websocket")


def test_auto_where_no_websocket_gets_through(
    world: World, faults: Any, proxy_to: Callable[..., Any]
) -> None:
    job_id = world.run("say", lines=10)
    proxy = proxy_to(world.agent.url)
    proxy.next(faults.Fault(on_accept="reset"))

    with AgentClient(proxy.url, world.agent.token) as client:
        assert list(client.tail_job_logs(job_id)) == FEW


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_limits(world: World, protocol: TailProtocol) -> None:
    job_id = world.run("say", lines=10)
    lines = world.client.tail_job_logs(job_id, protocol=protocol, limits=StreamLimits(max_lines=4))

    assert [next(lines) for _ in range(4)] == FEW[:4]
    with pytest.raises(errors.StreamLimitExceeded, match="more than 4 lines") as caught:
        next(lines)
    assert caught.value.status_code == 429


def test_messages_are_counted(world: World) -> None:
    job_id = world.run("say", lines=300, wide=200)
    eventually(lambda: world.client.get_job(job_id), lambda job: job["completed"])

    with pytest.raises(errors.StreamLimitExceeded, match="more than 2 messages"):
        list(
            world.client.tail_job_logs(
                job_id, protocol="websocket", limits=StreamLimits(max_messages=2)
            )
        )
    # None is larger than what is taken by default.
    assert len(list(world.client.tail_job_logs(job_id, "websocket"))) == 300


def test_from_a_line_on(world: World) -> None:
    job_id = world.run("say", lines=10)
    eventually(lambda: world.client.get_job(job_id), lambda job: job["completed"])
    path = f"jobs/{job_id}/logs/"

    part = world.client._get(path, {"format": "json", "from": 4, "limit": 2})

    assert part == {"logs": "line 4\nline 5\n", "from": 4, "count": 10, "is_final": True}
    with pytest.raises(errors.ValidationError, match="from"):
        world.client._get(path, {"from": "x"})


def test_silence_is_filled_with_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Followers whose reads time out hear that the connection lives."""
    monkeypatch.setattr(log_streaming, "_LONGEST_SILENCE", 0.05)
    store = Store(tmp_path / "agent")
    store.add("j", code="p", version="1", action="a", params={}, debug=False)
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        for line in message.get("body", b"").decode().split("\n\n")[:-1]:
            sent.append(json.loads(line.removeprefix("data: ")))
            if sent[-1] == {"type": "ping"}:
                store.end("j", Outcome("failed", "It broke."))

    response = log_streaming.stream_events(store, "j", 0, threading.Event())
    asyncio.run(response({"type": "http"}, receive, send))
    store.close()

    assert sent == [
        {"type": "ping"},
        {"type": "log", "message": "It broke.", "line": 0},
        {"type": "complete"},
    ]


def test_agent_that_is_gone(own_world: World) -> None:
    job_id = own_world.run("say")
    own_world.agent.stop()

    for protocol in PROTOCOLS:
        with pytest.raises(errors.ConnectionFailed) as caught:
            list(own_world.client.tail_job_logs(job_id, protocol=protocol, patience=0.3))
        assert caught.value.status_code == 503


def test_unknown_protocol(world: World) -> None:
    with pytest.raises(errors.UsageError, match="'websocket', 'http', 'stream', 'poll'"):
        world.client.tail_job_logs("a-job", protocol="carrier pigeon")  # type: ignore[arg-type] # wrong


def test_followers_beyond_the_limit_wait(own_world: World) -> None:
    world = own_world
    job_id = world.run("say", lines=1)
    world.job(job_id, until="succeeded")
    waiting = world.run("wait")
    world.job(waiting, until="running")
    host, port = world.agent.url.removeprefix("http://").split(":")
    paths = [f"jobs/{waiting}/logs/stream/", f"ray/jobs/{waiting}/logs/stream/"]
    headers = {"Authorization": world.agent.token}
    with contextlib.ExitStack() as stack:
        http = stack.enter_context(requests.Session())
        for number in range(64):
            url = f"{world.agent.url}/{paths[number % 2]}"
            stack.enter_context(http.get(url, headers=headers, stream=True, timeout=30))
        for path in paths:
            refused = http.get(f"{world.agent.url}/{path}", headers=headers, timeout=30)
            assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
        with pytest.raises(websocket.WebSocketBadStatusException, match="429"):
            websocket.create_connection(
                f"ws://{host}:{port}/jobs/{waiting}/logs/", header=headers, timeout=30
            )
        assert world.client.health_check()["status"] == "ok"
    # The places are free again, and the SDK waits for one.
    assert list(world.client.tail_job_logs(job_id, protocol="stream")) == ["line 0"]
