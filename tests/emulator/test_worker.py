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

from synapse.emulator import Emulator

from .client import connect
from .running import SLEEP, printed, started

pytestmark = pytest.mark.skipif(not has_proc(), reason="finds the workers in /proc")


def run(code, folder):
    """Start a program whose temporary files go into a folder."""
    places = [str(Path(__file__).parents[1]), *filter(None, sys.path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places), "TMPDIR": folder}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, **pipes)


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
    with tempfile.TemporaryDirectory() as folder:  # its path is shorter than that of `tmp_path`
        with run(code, folder) as parent:
            pids = [int(text) for text in parent.stdout.readline().split()]
            sockets = list(Path(folder).glob("synapse-state-*/state"))
            os.kill(pids[0], signal.SIGKILL)
            wait_until(lambda: not any(map(is_running, pids)))
            parent.kill()
        assert (len(pids), len(sockets)) == (3, 1)
        assert not list(Path(folder).glob("synapse-state-*"))


def test_workers_remove_the_socket_before_they_have_another_parent():
    # A killed process closes its pipes first. These workers see the old parent for ever.
    code = textwrap.dedent("""
        import sys
        from synapse._internal import own_modules
        from synapse.emulator import worker_pool
        from synapse.emulator.__main__ import main
        before = "import os; parent = os.getppid(); os.getppid = lambda: parent"
        run = f"{before}\\n{own_modules._RUN}"
        worker_pool.build_module_command = lambda module: own_modules.build_command(run, module)
        sys.exit(main())
    """)
    options = json.dumps(Emulator(workers=2)._child_options())
    with tempfile.TemporaryDirectory() as folder:
        with run(code, folder) as main:
            main.stdin.write(f"{options}\n".encode())
            main.stdin.flush()
            assert main.stdout.readline()
            workers = find_workers(main)
            main.kill()
            wait_until(lambda: not any(map(is_running, workers)))
        assert len(workers) == 2
        assert not list(Path(folder).glob("synapse-state-*"))


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
