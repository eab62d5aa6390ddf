"""The command `synapse agent`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from synapse.clients.agent import AgentClient
from synapse.errors import NotFound
from synapse.testing.tenants import EmulatorTenant

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-c", "from synapse.cli import main; main()", "agent"]


def run(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *options],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.fixture
def started(
    emulator: EmulatorTenant, tmp_path: Path
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", "--data", str(tmp_path / "data")],
        env={
            **os.environ,
            "SYNAPSE_BASE_URL": emulator.url,
            "SYNAPSE_AGENT_TOKEN": emulator.agent_token,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    ready = process.stdout.readline()
    found = re.fullmatch(r"Synapse agent ready at (\S+) \(Ctrl-C stops it\)\n", ready)
    assert found, process.communicate()
    yield process, found[1]
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_runs_until_it_is_told_to_stop(
    started: Any, number: signal.Signals, emulator: EmulatorTenant
) -> None:
    process, url = started
    with AgentClient(url, emulator.agent_token) as client:
        assert client.health_check()["status"] == "ok"

    process.send_signal(number)
    _, said = process.communicate(timeout=15)

    assert process.returncode == 0, said
    assert "Traceback" not in said


def test_who_follows_a_job_that_is_not_there_is_no_fault(
    started: Any, emulator: EmulatorTenant
) -> None:
    process, url = started
    with AgentClient(url, emulator.agent_token) as client, pytest.raises(NotFound):
        list(client.tail_job_logs("nope", "websocket"))

    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=15)

    assert said == ""


def test_a_second_one_in_the_same_folder(
    started: Any, emulator: EmulatorTenant, tmp_path: Path
) -> None:
    result = run(
        *("--port", "0", "--data", str(tmp_path / "data"), "--backend", emulator.url),
        SYNAPSE_AGENT_TOKEN=emulator.agent_token,
    )

    assert result.returncode == 1
    assert "Another agent uses" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_port_that_is_taken(started: Any, emulator: EmulatorTenant, tmp_path: Path) -> None:
    _, url = started
    result = run(
        *("--port", url.rpartition(":")[2], "--data", str(tmp_path / "other")),
        *("--backend", emulator.url),
        SYNAPSE_AGENT_TOKEN=emulator.agent_token,
    )

    assert result.returncode == 1
    assert "choose another port" in result.stderr


def test_a_token_that_the_backend_doesnt_know(emulator: EmulatorTenant, tmp_path: Path) -> None:
    result = run(
        *("--port", "0", "--data", str(tmp_path), "--backend", emulator.url),
        SYNAPSE_AGENT_TOKEN="not-known",
    )

    assert result.returncode == 1
    assert "knows no agent with this token" in result.stderr
    assert "not-known" not in result.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [([], "--backend"), (["--backend", "http://127.0.0.1:1"], "SYNAPSE_AGENT_TOKEN")],
)
def test_what_is_missing(options: list[str], says: str) -> None:
    result = run(*options)

    assert result.returncode == 1
    assert says in result.stderr


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--backend", "127.0.0.1:8000"], "The base URL '127.0.0.1:8000' from --backend"),
        (["--backend", "http://127.0.0.1:1", "--ray", "127.0.0.1:6379"], "from --ray (the address"),
    ],
)
def test_an_address_that_is_none(options: list[str], says: str) -> None:
    result = run(*options, SYNAPSE_AGENT_TOKEN="some-token")

    assert result.returncode == 1
    assert says in result.stderr
    assert "must begin with http://" in result.stderr
