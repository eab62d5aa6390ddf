"""A worker cuts waiting requests off at the end, and ends with the main process."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
import requests
from worker_processes import find_workers, has_proc, is_running, wait_until

from synapse.emulator import Emulator, worker

from .client import connect
from .running import SLEEP, printed, started

pytestmark = pytest.mark.skipif(not has_proc(), reason="finds the workers in /proc")


@pytest.mark.slow
def test_a_follower_is_cut_off_and_nothing_is_left_at_the_end():
    with Emulator(workers=2) as emulator:
        client, workers = connect(emulator, emulator.api_token), find_workers(emulator)
        job = started(client, SLEEP)
        printed(client, job, "up")
        follower = client.request("GET", f"jobs/{job}/tail_console_logs/", stream=True)
        lines = follower.iter_lines(chunk_size=1)
        assert next(lines) == b"up"
        emulator.stop()
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            list(lines)
        client.http.close()
    assert not any(map(is_running, workers))


def test_workers_end_with_a_killed_main_process_and_remove_its_socket():
    code = textwrap.dedent("""
        import sys, time
        from synapse.emulator import Emulator
        from worker_processes import find_workers
        with Emulator(workers=2) as emulator:
            print(emulator.pid, *find_workers(emulator), flush=True)
            time.sleep(60)
    """)
    places = [str(Path(__file__).parents[1]), *sys.path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))}
    command = [sys.executable, "-c", code]
    with tempfile.TemporaryDirectory() as folder:  # its path is shorter than that of `tmp_path`
        environment["TMPDIR"] = folder
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as parent:
            pids = [int(text) for text in parent.stdout.readline().split()]
            sockets = list(Path(folder).glob("synapse-state-*/state"))
            os.kill(pids[0], signal.SIGKILL)
            wait_until(lambda: not any(map(is_running, pids)))
            parent.kill()
        assert (len(pids), len(sockets)) == (3, 1)
        assert not list(Path(folder).glob("synapse-state-*"))


@pytest.mark.parametrize("announced", [True, False])
def test_a_worker_removes_the_socket_if_its_input_ends_unannounced(
    announced, tmp_path, monkeypatch
):
    # A killed process closes its pipes before its children get another parent.
    (tmp_path / "folder").mkdir()
    options = {"main": os.getppid(), "state": {"path": str(tmp_path / "folder" / "state")}}
    monkeypatch.setattr(worker, "_read_line", lambda: json.dumps(options).encode())
    monkeypatch.setattr(worker, "_answer_requests", lambda options: announced)
    assert worker.main() == 0
    assert (tmp_path / "folder").exists() == announced


def test_workers_start_and_end_quietly_where_temporary_files_have_long_names(tmp_path, monkeypatch):
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    with Emulator(workers=2) as emulator:
        client = connect(emulator, emulator.api_token)
        assert client.get("users/me/").ok
        client.http.close()
        pid = emulator.pid
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not is_running(pid))
        assert emulator.log == ""
