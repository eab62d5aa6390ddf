"""A tenant of the emulator with an agent beside it, and a plugin for them."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import attrs

import synapse
from synapse.clients.agent import AgentClient
from synapse.emulator import Emulator
from synapse.errors import NotFound
from synapse.testing.agents import RunningAgent
from synapse.testing.tenants import EmulatorTenant

CONFIG = """
code: talker
name: Talker
version: {version}
category: neural_net
actions:
  say:
    entrypoint: "talker:say"
    parameters:
      type: object
      properties:
        lines: {{type: integer}}
        pause: {{type: number}}
        wide: {{type: integer}}
        text: {{type: string}}
        gate: {{type: string}}
      additionalProperties: false
  wait: {{entrypoint: "talker:wait"}}
  fail: {{entrypoint: "talker:fail"}}
  report: {{entrypoint: "talker:report"}}
"""
CODE = """
import pathlib
import subprocess
import sys
import time

def say(context):
    pause = context.params.get("pause", 0)
    for number in range(context.params.get("lines", 3)):
        text = context.params.get("text", "")
        print(f"line {number}" + "x" * context.params.get("wide", 0) + text)
        if pause:
            time.sleep(pause)
        while not pathlib.Path(context.params.get("gate", ".")).exists():
            time.sleep(0.02)

def wait():
    print("waiting")
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        time.sleep(600)
    finally:
        print("cleaned up")

def fail():
    print("about to fail")
    raise RuntimeError("boom")

def report(context):
    context.progress(1, 2)
    context.metrics(accuracy=0.5)
    context.log("careful", level="warning")
    return {"user": context.session.me.username, "version": context.version}
"""


def make_release(folder: Path, version: str = "1.0.0", config: str = CONFIG) -> Path:
    """Return the zip of a release of the plugin `talker`."""
    path = folder / f"talker-{version}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.yaml", config.format(version=version))
        archive.writestr("talker.py", CODE)
    return path


@attrs.frozen
class World:
    """A tenant, its agent, and who uses both."""

    tenant: EmulatorTenant
    session: synapse.Session
    plugin: synapse.Plugin
    agent: RunningAgent
    client: AgentClient
    folder: Path

    def run(self, action: str, **params: Any) -> str:
        """Have the agent run an action; return the job's id."""
        body = {"action": action, "params": params}
        return str(self.client.run_plugin_release("talker@1.0.0", body)["job_id"])

    def seen(self, job_id: str) -> dict[str, Any]:
        """Return the agent's job, or nothing as long as it hasn't got it."""
        try:
            found: dict[str, Any] = self.client.get_job(job_id)
        except NotFound:
            return {}
        return found

    def job(self, job_id: str, *, until: str, timeout: float = 60) -> synapse.Job:
        """Return the backend's job, when it is in a state there."""
        found: synapse.Job = eventually(
            lambda: self.session.jobs.get(job_id, refresh=True),
            lambda job: str(job.status) == until,
            timeout,
        )
        return found


def eventually(ask: Callable[[], Any], is_so: Callable[[Any], bool], timeout: float = 60) -> Any:
    """Return what is asked for, as soon as it is so."""
    until = time.monotonic() + timeout
    while not is_so(found := ask()):
        assert time.monotonic() < until, f"It is still {found!r}."
        time.sleep(0.05)
    return found


def make_world(emulator: Emulator, folder: Path, **options: Any) -> Generator[World, None, None]:
    tenant = EmulatorTenant(emulator)
    backend = options.pop("backend", tenant.url)
    session = tenant.session(cache_ttl=0)
    plugin = session.plugins.create(code="talker", name="Talker", category="neural_net")
    plugin.release("1.0.0", make_release(folder))
    with (
        RunningAgent(backend, tenant.agent_token, data=folder / "agent", **options) as agent,
        AgentClient(agent.url, agent.token) as client,
    ):
        yield World(tenant, session, plugin, agent, client, folder)
    tenant.close()
