"""`RayClient` against a real head: every method."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import requests
from head import HEAD_TOKEN, RayHead, free_port

from synapse import errors
from synapse.clients.agent.ray import RayClient
from synapse.transport.stream_limits import StreamLimits

Submit = Callable[..., str]

BUSY = """
import time

import ray

ray.init()


@ray.remote(num_cpus=0)
def work(number):
    return number


@ray.remote(num_cpus=0)
class Holder:
    def hold(self):
        return 1


ray.get([work.remote(number) for number in range(5)])
holder = Holder.remote()
ray.get(holder.hold.remote())
print("ready")
time.sleep(300)
"""
MANY = StreamLimits(max_lines=200_000, max_messages=200_000)
OWN = ("Running entrypoint for job", "INFO job_manager.py")


def printed(lines: Any) -> list[str]:
    """Leave out what Ray says itself."""
    return [line for line in lines if not any(mark in line for mark in OWN)]


def until(happens: Callable[[], Any], seconds: float = 100.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := happens():
            return found
        time.sleep(0.1)
    raise AssertionError("It didn't happen.")


class TestJobs:
    def test_success(self, ray_client: RayClient, submitted: Submit, tmp_path: Path) -> None:
        folder = tmp_path / "code"
        (folder / "__pycache__").mkdir(parents=True)
        (folder / "__pycache__" / "junk.pyc").write_bytes(b"")
        (folder / "mine.py").write_text("WORD = 'packed'")
        code = "import mine, os; print(mine.WORD, os.environ['WHO'], sorted(os.listdir('.')))"

        job_id = submitted(
            code,
            working_dir=folder,
            runtime_env={"env_vars": {"WHO": "somebody-secret"}},
            metadata={"kept": "with it"},
        )
        job = ray_client.wait_job(job_id, timeout=100)

        assert job["status"] == "SUCCEEDED"
        assert job["metadata"]["kept"] == "with it"
        (line,) = printed(ray_client.get_job_logs(job_id)["logs"].splitlines())
        assert line.startswith("packed somebody-secret")
        assert "junk" not in line
        assert job["runtime_env"]["env_vars"]["WHO"] == "somebody-secret"
        assert "somebody-secret" not in f"{job} {ray_client.list_jobs()}"

    def test_failure(self, ray_client: RayClient, submitted: Submit) -> None:
        job = ray_client.wait_job(submitted("raise SystemExit(3)"), timeout=100)

        assert (job["status"], job["driver_exit_code"]) == ("FAILED", 3)

    def test_stop(self, ray_client: RayClient, submitted: Submit) -> None:
        job_id = submitted("print('up'); import time; time.sleep(300)")
        until(lambda: "up\n" in ray_client.get_job_logs(job_id)["logs"])

        answer = ray_client.stop_job(job_id)
        job = ray_client.wait_job(job_id, timeout=100)

        assert answer["stopped"] is True
        assert job["status"] == "STOPPED"
        assert ray_client.stop_job(job_id) == {
            "stopped": False,
            "requested": False,
            "status": "STOPPED",
        }

    def test_stop_of_one_that_waits_is_only_requested(
        self, ray_client: RayClient, submitted: Submit
    ) -> None:
        job_id = submitted("print('never')", entrypoint_num_cpus=64)

        answer = ray_client.stop_job(job_id)

        assert answer == {"stopped": True, "requested": True, "status": "PENDING"}
        with pytest.raises(errors.RequestTimeout, match="still PENDING after"):
            ray_client.wait_job(job_id, timeout=1)

    def test_delete(self, ray_client: RayClient, submitted: Submit) -> None:
        job_id = submitted("import time; time.sleep(300)")
        with pytest.raises(errors.Conflict, match="non-terminal state") as caught:
            ray_client.delete_job(job_id)
        assert caught.value.status_code == 409
        ray_client.stop_job(job_id)
        until(lambda: ray_client.get_job(job_id)["status"] == "STOPPED")

        assert ray_client.delete_job(job_id) == {"deleted": True}

        def is_gone() -> bool:
            try:
                ray_client.get_job(job_id)
            except errors.NotFound as error:
                return f"{job_id} does not exist" in str(error)
            # Ray's monitor may write the state of a stopped job once more.
            ray_client.delete_job(job_id)
            return False

        until(is_gone)

    def test_own_id_is_good_once(self, ray_client: RayClient, submitted: Submit) -> None:
        job_id = submitted("print(1)", submission_id=f"mine-{os.getpid()}")

        with pytest.raises(errors.Conflict, match="already exists") as caught:
            submitted("print(2)", submission_id=job_id)

        assert caught.value.status_code == 409
        assert "Traceback" not in str(caught.value)
        assert ray_client.wait_job(job_id, 100)["status"] == "SUCCEEDED"

    def test_what_ray_refuses(self, ray_client: RayClient) -> None:
        with pytest.raises(errors.BadRequest) as caught:
            ray_client.submit_job("echo", metadata={"of": 5})  # type: ignore[dict-item]

        assert "Traceback" not in str(caught.value)
        assert "metadata" in str(caught.value)

    @pytest.mark.parametrize(
        "name", ["get_job", "get_job_logs", "stop_job", "delete_job", "wait_job"]
    )
    def test_unknown(self, ray_client: RayClient, name: str) -> None:
        with pytest.raises(errors.NotFound, match="Job nope does not exist"):
            getattr(ray_client, name)("nope")

    def test_list(self, ray_client: RayClient, submitted: Submit) -> None:
        first, second = submitted("raise SystemExit(4)"), submitted("raise SystemExit(4)")
        for job_id in (first, second):
            ray_client.wait_job(job_id, timeout=100)

        failed = ray_client.list_jobs({"status": ["FAILED"], "driver_exit_code": 4})

        assert [job["submission_id"] for job in failed] == [second, first]
        with pytest.raises(errors.UsageError, match="no field 'state'"):
            ray_client.list_jobs({"state": "FAILED"})

    def test_killed_driver(self, head: RayHead, ray_client: RayClient, submitted: Submit) -> None:
        job_id = submitted("print('up'); import time; time.sleep(301)")
        until(lambda: "up\n" in ray_client.get_job_logs(job_id)["logs"])

        for process in head.processes(with_word="time.sleep(301)"):
            os.kill(process, signal.SIGKILL)
        job = ray_client.wait_job(job_id, timeout=100)

        assert job["status"] == "FAILED"

    def test_package_is_kept(self, ray_client: RayClient, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text(f"{os.urandom(8).hex()}")

        first = ray_client.upload_package(tmp_path)
        before = ray_client.request_count
        os.utime(tmp_path / "a.txt", (1, 1))

        assert ray_client.upload_package(tmp_path) == first
        assert ray_client.request_count == before + 1


@pytest.fixture(scope="module")
def long_job(head: RayHead) -> str:
    with RayClient(head.url) as client:
        job_id = client.submit_job('python -c "[print(i) for i in range(100000)]"')["job_id"]
        return str(job_id)


class TestLogs:
    @pytest.mark.parametrize("protocol", ["websocket", "http", "auto"])
    def test_hundred_thousand_lines(
        self, ray_client: RayClient, long_job: str, protocol: Any
    ) -> None:
        lines = printed(ray_client.tail_job_logs(long_job, protocol, limits=MANY))

        assert lines == [str(number) for number in range(100_000)]
        assert ray_client.get_job(long_job)["status"] == "SUCCEEDED"

    @pytest.mark.parametrize("protocol", ["websocket", "http"])
    def test_lines_come_while_it_runs(
        self, ray_client: RayClient, submitted: Submit, protocol: Any, tmp_path: Path
    ) -> None:
        gate = tmp_path / "gate"
        code = (
            "import pathlib, sys, time\n"
            "print('one'); sys.stdout.write('tw'); sys.stdout.flush()\n"
            f"while not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.05)\n"
            "print('o'); print(); sys.stdout.write('without an end')\n"
        )
        job_id = submitted(code)
        lines = ray_client.tail_job_logs(job_id, protocol)
        first = next(line for line in lines if line == "one")
        until(lambda: "\ntw" in ray_client.get_job_logs(job_id)["logs"])
        gate.touch()

        assert [first, *printed(lines)] == ["one", "two", "", "without an end"]

    @pytest.mark.parametrize("protocol", ["websocket", "http"])
    def test_limits(self, ray_client: RayClient, long_job: str, protocol: Any) -> None:
        lines = ray_client.tail_job_logs(long_job, protocol, limits=StreamLimits(max_lines=50))

        given = [next(lines) for _ in range(50)]

        with pytest.raises(errors.StreamLimitExceeded, match="50 lines"):
            next(lines)
        assert len(given) == 50

    @pytest.mark.parametrize("protocol", ["websocket", "http", "auto"])
    def test_unknown(self, ray_client: RayClient, protocol: Any) -> None:
        with pytest.raises(errors.NotFound, match="Job nope does not exist"):
            next(ray_client.tail_job_logs("nope", protocol))

    def test_failed_and_stopped_jobs_end(self, ray_client: RayClient, submitted: Submit) -> None:
        failed = submitted("print('last words'); raise SystemExit(1)")
        assert printed(ray_client.tail_job_logs(failed)) == ["last words"]
        stopped = submitted("print('up'); import time; time.sleep(300)")
        lines = ray_client.tail_job_logs(stopped)
        next(line for line in lines if line == "up")
        ray_client.stop_job(stopped)

        assert printed(lines) == []

    def test_without_websocket_client(
        self, ray_client: RayClient, submitted: Submit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "websocket", None)
        job_id = submitted("print('polled')")

        assert printed(ray_client.tail_job_logs(job_id)) == ["polled"]
        with pytest.raises(errors.MissingExtra, match="websocket"):
            next(ray_client.tail_job_logs(job_id, "websocket"))


@pytest.fixture(scope="module")
def busy(head: RayHead, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A job with tasks and an actor."""
    folder = tmp_path_factory.mktemp("busy")
    (folder / "busy.py").write_text(BUSY)
    with RayClient(head.url) as client:
        job_id = client.submit_job("python -u busy.py", working_dir=folder)["job_id"]
        lines = list(takewhile(lambda line: line != "ready", client.tail_job_logs(job_id)))
        assert client.get_job(job_id)["status"] == "RUNNING", lines
        key = client.get_job(job_id)["job_id"]
        # The state comes a little later.
        done = {"job_id": key, "name": "work", "state": "FINISHED"}
        until(lambda: len(client.list_tasks(done)) == 5)
        until(lambda: client.list_actors({"job_id": key, "state": "ALIVE"}))
        yield key
        client.stop_job(job_id)


class TestState:
    def test_nodes(self, ray_client: RayClient) -> None:
        nodes = ray_client.list_nodes({"state": "ALIVE"})

        assert (len(nodes), nodes.total, nodes.is_truncated) == (1, 1, False)
        found = ray_client.get_node(nodes[0]["node_id"])
        assert found["resources_total"]["CPU"] == 2
        with pytest.raises(errors.NotFound, match="no node abc"):
            ray_client.get_node("abc")

    def test_tasks(self, ray_client: RayClient, busy: str) -> None:
        tasks = ray_client.list_tasks({"job_id": busy, "name": "work"})

        assert len(tasks) == 5
        assert ray_client.get_task(tasks[0]["task_id"])["state"] == "FINISHED"
        assert ray_client.list_tasks(filters=[("name", "=", "work"), ("job_id", "!=", busy)]) == []
        with pytest.raises(errors.NotFound):
            ray_client.get_task("f" * 48)

    def test_actors(self, ray_client: RayClient, busy: str) -> None:
        (actor,) = ray_client.list_actors({"job_id": busy, "class_name": "Holder"})

        assert actor["state"] == "ALIVE"
        assert ray_client.get_actor(actor["actor_id"])["actor_id"] == actor["actor_id"]

    def test_cut_list_says_so(self, ray_client: RayClient, busy: str) -> None:
        tasks = ray_client.list_tasks({"job_id": busy}, limit=2)

        assert len(tasks) == 2
        assert tasks.is_truncated

    def test_what_ray_does_not_know(self, ray_client: RayClient) -> None:
        with pytest.raises(errors.BadRequest, match="nosuch is not supported"):
            ray_client.list_nodes({"nosuch": 1})

    def test_version(self, ray_client: RayClient) -> None:
        assert ray_client.get_version()["ray_version"].startswith("2.")


APP = """
from ray import serve

@serve.deployment(ray_actor_options={"num_cpus": 0.1})
class Hello:
    def __init__(self, word):
        self.word = word

    def __call__(self, request):
        return self.word

def build(args):
    return Hello.bind(args["word"])
"""


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


class TestServe:
    @pytest.fixture
    def deploy(
        self, ray_client: RayClient, tmp_path: Path, port: int
    ) -> Iterator[Callable[[str], dict[str, Any]]]:
        (tmp_path / "app.py").write_text(APP)

        def deployed(name: str, word: str | None = None) -> dict[str, Any]:
            return ray_client.deploy_serve_application(
                name,
                "app:build",
                route_prefix=f"/{name}",
                args={"word": word or name},
                working_dir=tmp_path,
                http_options={"host": "127.0.0.1", "port": port},
                runtime_env={"env_vars": {"KEY": f"{name}-very-secret"}},
            )

        yield deployed
        for one in ray_client.list_serve_applications():
            if one["status"] != "DELETING":
                ray_client.delete_serve_application(one["name"])

    def test_second_application_is_left_alone(
        self, ray_client: RayClient, deploy: Callable[..., Any], port: int
    ) -> None:
        with pytest.raises(errors.NotFound):
            ray_client.get_serve_application("one")
        deploy("one")
        before = ray_client.wait_serve_application("one", timeout=100)
        deploy("two")
        ray_client.wait_serve_application("two", timeout=100)
        assert requests.get(f"http://127.0.0.1:{port}/two", timeout=10).text == "two"

        ray_client.delete_serve_application("two")
        until(lambda: len(ray_client.list_serve_applications()) == 1)

        after = ray_client.get_serve_application("one")
        assert requests.get(f"http://127.0.0.1:{port}/one", timeout=10).text == "one"
        assert after["deployed_app_config"] == before["deployed_app_config"]
        (replica,) = after["deployments"]["Hello"]["replicas"]
        assert replica["replica_id"] == before["deployments"]["Hello"]["replicas"][0]["replica_id"]
        assert after["deployed_app_config"]["runtime_env"]["env_vars"]["KEY"] == "one-very-secret"
        assert "very-secret" not in repr(after)
        with pytest.raises(errors.NotFound):
            ray_client.delete_serve_application("two")

    def test_at_once(self, head: RayHead, ray_client: RayClient, deploy: Any) -> None:
        names = [f"app-{number}" for number in range(3)]
        threads = [threading.Thread(target=deploy, args=(name,)) for name in names]

        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert {one["name"] for one in ray_client.list_serve_applications()} >= set(names)

    def test_broken_application(self, ray_client: RayClient, deploy: Any) -> None:
        ray_client.deploy_serve_application("broken", "no_such_module:app", route_prefix="/b")

        with pytest.raises(errors.ServerError, match="No module named 'no_such_module'"):
            ray_client.wait_serve_application("broken", timeout=100)

    def test_what_ray_refuses(self, ray_client: RayClient, deploy: Any) -> None:
        with pytest.raises(errors.BadRequest, match="import path") as caught:
            ray_client.deploy_serve_application("bad", "bad")

        assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize(
    ("token", "raised", "hint"),
    [
        (None, errors.AuthenticationError, "RAY_AUTH_MODE=token"),
        ("ff" * 32, errors.PermissionDenied, "the argument token"),
        (HEAD_TOKEN, None, ""),
    ],
)
def test_token(head_to_lose: RayHead, token: str | None, raised: Any, hint: str) -> None:
    with RayClient(head_to_lose.url, token) as client:
        if raised is None:
            assert client.get_version()["ray_version"]
            job_id = client.submit_job("echo let in")["job_id"]
            assert printed(client.tail_job_logs(job_id, "websocket")) == ["let in"]
            return
        with pytest.raises(raised, match="uthentication token") as caught:
            client.list_jobs()
        assert hint in str(caught.value)
