"""Jobs of plugins on a real head: what their reporter is told, however they end."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import signal
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from head import HEAD_TOKEN, RayHead, RayNode

import synapse
from synapse.agent.tickets import Tickets
from synapse.errors import ConnectionFailed
from synapse.jobs.ray.runner import RayRunner
from synapse.jobs.spec import JobSpec, Limits, Outcome, OutputLine, ReleaseFile
from synapse.testing.tenants import EmulatorTenant

CODE = """
import os
import sys
import time

from synapse.plugins import context


def good():
    here = context()
    print("params", dict(here.params))
    here.log("a warning", level="warning")
    here.progress(1, 2)
    here.metrics(loss=0.5)
    print("files", sorted(name for name in os.listdir(".") if "." in name))
    return {"sum": here.params["a"] + 1}


def many():
    for number in range(100_000):
        print(number)


def raises():
    raise RuntimeError("boom")


def exits():
    sys.exit(7)


def sleeps():
    print("up")
    time.sleep(300)


def uses():
    import onraylib

    print(onraylib.WORD)


def configured():
    import ray
    from ray.util.state import list_actors

    ray.init(log_to_driver=False)
    mine = f"_ray_internal_job_actor_{context().job_id}"
    [actor] = list_actors(filters=[("name", "=", mine)], detail=True)
    print(os.environ["LEVEL"], actor.required_resources)


def prints():
    while True:
        print("x" * 1000)
"""
ACTIONS = ("good", "many", "raises", "exits", "sleeps", "prints", "uses", "configured")


class Told:
    """A reporter that keeps what it is told."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.lines: list[OutputLine] = []
        self.outcome: Outcome | None = None
        self.over = threading.Event()

    def started(self) -> None:
        self.calls.append("started")

    def printed(self, lines: Sequence[OutputLine]) -> None:
        self.calls.append("printed")
        self.lines += lines

    def ended(self, outcome: Outcome) -> None:
        self.calls.append("ended")
        self.outcome = outcome
        self.over.set()

    def wait(self, seconds: float = 110.0) -> Outcome:
        assert self.over.wait(seconds), f"It hasn't ended: {self.calls}, {self.text()[-5:]}"
        assert self.outcome is not None
        assert self.calls.count("ended") == 1
        assert self.calls[-1] == "ended"
        return self.outcome

    def text(self) -> list[str]:
        return [line.message for line in self.lines if line.level != "debug"]

    def until_printed(self, word: str, seconds: float = 100.0) -> None:
        end = time.monotonic() + seconds
        while word not in self.text():
            assert time.monotonic() < end, self.lines
            assert not self.over.is_set(), self.outcome
            time.sleep(0.05)


@pytest.fixture
def orders() -> Iterator[Tickets]:
    """What an agent serves of its orders."""
    held: list[Tickets] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            order = held[0].take(self.path.strip("/").split("/")[-1])
            body = json.dumps(order or {"detail": "Not found."}).encode()
            self.send_response(200 if order else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    held.append(Tickets(f"http://127.0.0.1:{server.server_port}"))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield held[0]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def runner(head: RayHead, orders: Tickets) -> Iterator[RayRunner]:
    made = RayRunner(head.url, orders=orders, patience=5)
    yield made
    made.close()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A release."""
    actions = {name: {"entrypoint": f"work:{name}"} for name in ACTIONS}
    config = {"code": "onray", "name": "On Ray", "version": "1.0.0", "category": "export"}
    path = tmp_path / "release.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("config.json", json.dumps({**config, "actions": actions}))
        made.writestr("work.py", CODE)
    return path


@pytest.fixture
def order(
    archive: Path, emulator: EmulatorTenant, session: synapse.Session
) -> Callable[..., JobSpec]:
    """What makes an order of a job that the backend has."""
    plugin = session.plugins.create(code="onray", name="On Ray", category="export")

    def make(action: str, **options: Any) -> JobSpec:
        job = plugin.run(action=action, params={"a": 1})
        return JobSpec(
            job_id=str(job.id),
            release=ReleaseFile(
                code="onray",
                version="1.0.0",
                checksum=hashlib.sha256(archive.read_bytes()).hexdigest(),
                archive=archive,
            ),
            action=action,
            params={"a": 1},
            base_url=emulator.url,
            credentials={"api_token": emulator.api_token},
            **options,
        )

    return make


Make = Callable[..., JobSpec]


def run(runner: RayRunner, order: JobSpec) -> tuple[Outcome, Told]:
    told = Told()
    runner.submit(order, told)
    return told.wait(), told


def test_success(
    runner: RayRunner, order: Make, session: synapse.Session, emulator: EmulatorTenant
) -> None:
    made = order("good")

    outcome, told = run(runner, made)

    assert outcome == Outcome("completed")
    assert told.text()[0] == "params {'a': 1}"
    assert told.text()[-1] == "files ['config.json', 'work.py']"
    assert [line.level for line in told.lines if line.message == "a warning"] == ["warning"]
    job = session.jobs.get(made.job_id, refresh=True)
    assert job.result == {"sum": 2}
    seen = json.dumps(runner.client.get_job(made.job_id)) + repr(told.lines)
    seen += runner.client.get_job_logs(made.job_id)["logs"]
    assert emulator.api_token not in seen


def wheel(name: str, code: str) -> tuple[str, bytes]:
    """Give the file name and the bytes of a package with one module."""
    about = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": code,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{about}/RECORD"] = "".join(f"{one},,\n" for one in [*files, f"{about}/RECORD"])
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as made:
        for path, text in files.items():
            made.writestr(path, text)
    return f"{name}-1.0-py3-none-any.whl", held.getvalue()


def change(archive: Path, files: Mapping[str, bytes], **config: Any) -> None:
    """Change a release's configuration, and add files."""
    with zipfile.ZipFile(archive) as before:
        kept = {name: before.read(name) for name in before.namelist()}
    kept["config.json"] = json.dumps({**json.loads(kept["config.json"]), **config}).encode()
    with zipfile.ZipFile(archive, "w") as made:
        for name, data in {**kept, **files}.items():
            made.writestr(name, data)


def with_requirements(archive: Path, listed: str, *files: tuple[str, bytes]) -> None:
    """Have a release ask for packages."""
    change(archive, {**dict(files), "requirements.txt": listed.encode()}, install=True)


def test_the_configured_environment_and_resources(
    runner: RayRunner, order: Make, archive: Path
) -> None:
    change(
        archive,
        {},
        env={"LEVEL": 3},
        resources={"cpu": 0.25, "memory": 1e6},
        requires={"cuda": ">=12"},
    )

    outcome, told = run(runner, order("configured"))

    assert outcome == Outcome("completed"), told.lines
    assert told.text()[0] == "config.yaml requires CUDA >=12. This runner doesn't check CUDA."
    [line] = [text for text in told.text() if text.startswith("3 ")]
    assert "'CPU': 0.25" in line
    assert "'memory': 1000000" in line


def test_requirement_in_the_release(runner: RayRunner, order: Make, archive: Path) -> None:
    word = os.urandom(4).hex()
    name, data = wheel("onraylib", f"WORD = {word!r}")
    with_requirements(archive, f"--no-index\n./wheels/{name}\n", (f"wheels/{name}", data))

    outcome, told = run(runner, order("uses"))

    assert outcome == Outcome("completed"), told.lines
    assert told.text() == [word]


PLATFORM_PACKAGE = """
import importlib, json, os
module, name = os.environ["SYNAPSE_ACTION_ENTRYPOINT"].rsplit(".", 1)
print("package", json.loads(os.environ["SYNAPSE_ACTION_PARAMS"]), os.environ["SYNAPSE_JOB_ID"])
getattr(importlib.import_module(module), name)()
"""


def release_for_the_platforms_package(archive: Path) -> None:
    """Turn a release into one of the platform's package, with a stand-in for the package."""
    about = "synapse_sdk-2026.99.dist-info"
    files = {
        "synapse_sdk/__init__.py": "",
        "synapse_sdk/plugins/__init__.py": "",
        "synapse_sdk/plugins/entrypoint.py": PLATFORM_PACKAGE,
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: synapse-sdk\nVersion: 2026.99\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/RECORD": "",
    }
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as made:
        for path, text in files.items():
            made.writestr(path, text)
    name = "wheels/synapse_sdk-2026.99-py3-none-any.whl"
    change(
        archive,
        {name: held.getvalue(), "requirements.txt": b"--no-index\n-f wheels\nsynapse-sdk\n"},
        actions={"good": {"entrypoint": "work.exits"}},
    )


def test_action_of_the_platforms_package(
    runner: RayRunner, order: Make, archive: Path, emulator: EmulatorTenant
) -> None:
    release_for_the_platforms_package(archive)
    made = order("good")

    outcome, told = run(runner, made)

    if sys.version_info >= (3, 12):
        assert outcome == Outcome("failed", "It ended with exit code 7."), told.lines
        assert told.text() == [f"package {{'a': 1}} {made.job_id}"]
    else:
        reason = "The release requires Python >=3.12, but the runner has Python 3."
        assert str(outcome.reason).startswith(reason), told.lines
    seen = json.dumps(runner.client.get_job(made.job_id)) + repr(told.lines)
    assert emulator.api_token not in seen


def test_requirement_that_is_nowhere(runner: RayRunner, order: Make, archive: Path) -> None:
    with_requirements(archive, "--no-index\nno-such-package-at-all\n")

    outcome, _ = run(runner, order("uses"))

    assert outcome.status == "failed"
    assert outcome.reason == (
        "The requirements could not be installed: "
        "No matching distribution found for no-such-package-at-all."
    )


def test_order_is_good_once(
    runner: RayRunner, order: Make, orders: Tickets, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued: list[str] = []
    issue = orders.issue
    monkeypatch.setattr(orders, "issue", lambda one: issued.append(issue(one)) or issued[-1])

    run(runner, order("exits"))

    assert orders.take(issued[0]) is None


def test_hundred_thousand_lines(runner: RayRunner, order: Make) -> None:
    outcome, told = run(runner, order("many"))

    assert outcome == Outcome("completed")
    assert told.text() == [str(number) for number in range(100_000)]


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("raises", "The code raised RuntimeError: boom."),
        ("exits", "It ended with exit code 7."),
    ],
)
def test_failure(runner: RayRunner, order: Make, action: str, reason: str) -> None:
    outcome, told = run(runner, order(action))

    assert outcome == Outcome("failed", reason)
    assert told.calls[0] == "started"


def test_stop(runner: RayRunner, order: Make) -> None:
    told, made = Told(), order("sleeps")
    runner.submit(made, told)
    told.until_printed("up")

    assert runner.stop(made.job_id)

    assert told.wait().status == "stopped"
    assert not runner.stop(made.job_id)
    assert runner.client.get_job(made.job_id)["status"] == "STOPPED"


def test_time_limit(runner: RayRunner, order: Make) -> None:
    outcome, _ = run(runner, order("sleeps", limits=Limits(timeout=2)))

    assert outcome == Outcome("failed", "It ran for longer than 2 s.")


def test_output_limit(runner: RayRunner, order: Make) -> None:
    outcome, told = run(runner, order("prints", limits=Limits(output=1)))

    assert outcome == Outcome("failed", "It printed more than 1 MiB.")
    assert sum(len(line) for line in told.text()) <= 2**20


def test_killed_driver(runner: RayRunner, order: Make, head: RayHead) -> None:
    told, made = Told(), order("sleeps")
    runner.submit(made, told)
    told.until_printed("up")

    for process in head.processes(with_word="synapse.plugins.job_main"):
        os.kill(process, signal.SIGKILL)

    assert told.wait() == Outcome("failed", "It was killed by signal 9 (SIGKILL).")


def test_killed_supervisor(runner: RayRunner, order: Make, head: RayHead) -> None:
    """What Ray runs a job under dies, as it does with its node."""
    told, made = Told(), order("sleeps")
    runner.submit(made, told)
    told.until_printed("up")
    (actor,) = runner.client.list_actors(
        {"name": f"_ray_internal_job_actor_{made.job_id}"}, detail=True
    )

    os.kill(actor["pid"], signal.SIGKILL)

    outcome = told.wait()
    assert outcome.status == "failed"
    assert str(outcome.reason).startswith("Ray ended it: ")


def test_what_ray_cannot_prepare(head: RayHead, orders: Tickets, order: Make) -> None:
    runner = RayRunner(
        head.url, orders=orders, runtime_env={"py_modules": ["gcs://_ray_pkg_0.zip"]}
    )
    told, made = Told(), order("sleeps")
    runner.submit(made, told)

    outcome = told.wait()
    runner.close()

    assert outcome.status == "failed"
    assert str(outcome.reason).startswith("Ray ended it: ")


@pytest.fixture
def node(head_to_lose: RayHead) -> Iterator[RayNode]:
    made = RayNode(head_to_lose, {"away": 1})
    yield made
    made.kill()


def test_lost_node(head_to_lose: RayHead, node: RayNode, orders: Tickets, order: Make) -> None:
    runner = RayRunner(
        head_to_lose.url, orders=orders, token=HEAD_TOKEN, resources={"away": 0.5}, patience=20
    )
    told, made = Told(), order("sleeps")
    other = runner.client.submit_job("sleep 300", entrypoint_resources={"away": 0.5})["job_id"]
    runner.submit(made, told)
    told.until_printed("up")
    key = runner.client.get_job(made.job_id)["driver_node_id"]
    assert not runner.client.get_node(key)["is_head_node"]

    node.kill()

    assert re.fullmatch(
        rf"The Ray node that it ran on was lost \(node {key[:12]}\): .*heartbeats\.",
        str(told.wait().reason),
    )
    assert told.outcome is not None
    assert told.outcome.status == "failed"
    assert told.text() == ["up"]
    assert runner.client.get_node(key)["state"] == "DEAD"
    ended = runner.client.wait_job(other, timeout=60)
    assert ended["status"] == "FAILED"
    assert "its node has died" in ended["message"]
    runner.close()


def test_lost_head(head_to_lose: RayHead, orders: Tickets, order: Make) -> None:
    lost = head_to_lose
    runner = RayRunner(lost.url, orders=orders, token=HEAD_TOKEN, patience=3)
    told, made = Told(), order("sleeps")
    runner.submit(made, told)
    told.until_printed("up")
    lines = runner.client.tail_job_logs(made.job_id, patience=3)
    next(line for line in lines if line == "up")

    lost.kill()

    with pytest.raises(ConnectionFailed):
        list(lines)
    outcome = told.wait()
    assert outcome.status == "failed"
    assert str(outcome.reason).startswith(f"The Ray head at {lost.url} can't be reached: ")
    runner.close()


def test_close(head: RayHead, orders: Tickets, order: Make) -> None:
    runner = RayRunner(head.url, orders=orders)
    told = Told()
    runner.submit(order("sleeps"), told)
    told.until_printed("up")

    runner.close()

    assert told.wait(1) == Outcome("failed", "The agent was shut down while the job ran.")
