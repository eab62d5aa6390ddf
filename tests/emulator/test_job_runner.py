"""Jobs whose backend is stopped, killed and started again; and the limits of jobs."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from synapse.emulator import Emulator
from synapse.jobs.spec import Limits

from .client import Api
from .running import SLEEP, archive, connected, ended, lines, printed, released, started
from .test_process import gone

pytestmark = pytest.mark.slow

PIDS = """
    import os, subprocess, time
    def run():
        away = subprocess.Popen(["sleep", "60"], start_new_session=True).pid
        print(os.getpid(), subprocess.Popen(["sleep", "60"]).pid, away)
        print("up")
        time.sleep(60)
"""


def test_a_job_fails_when_its_backend_is_stopped(tmp_path):
    emulator = Emulator(tmp_path / "data")
    with emulator, connected(emulator) as api:
        released(api, PIDS)
        jobs = [started(api) for _ in range(3)]
        for job in jobs[:2]:
            printed(api, job, "up")
        pids = [int(pid) for job in jobs[:2] for pid in lines(api, job)[0][0].split()]
    assert [gone(pid) for pid in pids] == [True] * 6
    with emulator, connected(emulator) as api:
        for job in jobs:
            assert api.get(f"jobs/{job}/").json()["status"] == "FAILED"
            reason = "The backend was stopped while the job ran."
            assert lines(api, job)[-1] == (reason, "error")


def test_a_job_fails_when_its_backend_is_killed(tmp_path):
    emulator = Emulator(tmp_path / "data")
    with emulator, connected(emulator) as api:
        released(api, PIDS)
        jobs = [started(api) for _ in range(3)]
        for job in jobs[:2]:
            printed(api, job, "up")
        pids = [[int(pid) for pid in lines(api, job)[0][0].split()] for job in jobs[:2]]
        os.kill(emulator.pid, signal.SIGKILL)
        # By themselves; but for what left their group, which nobody is there to know of.
        assert [gone(pid) for job in pids for pid in job[:2]] == [True] * 4
    with emulator, connected(emulator) as api:
        for job in jobs:
            row = api.get(f"jobs/{job}/").json()
            assert (row["status"], row["completed"] is None) == ("FAILED", False)
            reason = "The backend was restarted while the job ran."
            assert lines(api, job)[-1] == (reason, "error")
        assert [gone(job[2]) for job in pids] == [True] * 2
        assert ended(api, started(api, "def run(): ...", version="2.0.0"))["status"] == "SUCCEEDED"


def test_who_reports_on_jobs_from_elsewhere_goes_on_after_a_restart(tmp_path):
    emulator = Emulator(tmp_path / "data")
    with emulator, connected(emulator) as api:
        job = api.job()
        api.ok("PATCH", f"jobs/{job}/", {"status": "running"})
    with emulator, connected(emulator) as api:
        assert api.get(f"jobs/{job}/").json()["status"] == "RUNNING"


def test_a_release_runs_again_after_a_restart(tmp_path):
    emulator = Emulator(tmp_path / "data")
    for source in ("def run(): print(1)", None):
        with emulator, connected(emulator) as api:
            assert ended(api, started(api, source))["status"] == "SUCCEEDED"
    assert not list((tmp_path / "data" / "engine" / "jobs").iterdir())


@pytest.mark.parametrize(
    ("limits", "source", "reason"),
    [
        (Limits(timeout=1), SLEEP, "It ran for longer than 1 s."),
        (
            Limits(output=0.5),
            "def run():\n while True: print('x' * 99)",
            "It printed more than 0.5 MiB.",
        ),
        (
            Limits(memory=200),
            "import time\ndef run():\n x = b'x' * (300 << 20)\n time.sleep(60)",
            "It used more than 200 MiB of memory.",
        ),
    ],
)
def test_limits(limits, source, reason):
    with Emulator(job_limits=limits) as emulator, connected(emulator) as api:
        job = started(api, source)
        assert ended(api, job)["status"] == "FAILED"
        assert lines(api, job)[-1] == (reason, "error")


def test_limits_on_the_command_line():
    command = [str(Path(sys.executable).parent / "synapse"), "emulator", "--port", "0"]
    command += ["--job-timeout", "0.7"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            said = [server.stdout.readline().strip() for _ in range(3)]
            url, token = (line.partition("=")[2] for line in said[1:])
            api = Api(url, {"SYNAPSE-Access-Token": f"Token {token}"})
            with api.http:
                job = started(api, SLEEP)
                ended(api, job)
                assert lines(api, job)[-1] == ("It ran for longer than 0.7 s.", "error")
        finally:
            server.terminate()
            assert server.wait(20) == 0


def test_a_release_that_was_exchanged_on_the_disk(tmp_path):
    emulator = Emulator(tmp_path / "data")
    with emulator, connected(emulator) as api:
        released(api, SLEEP)
        release = api.get("plugin_releases/").json()["results"][0]
        checksum = release["file"].split("/")[-2]
        [path] = (tmp_path / "data" / "files").rglob(checksum)
        path.write_bytes(archive("", {"../../out.txt": "x"}))
        job = started(api)
        assert ended(api, job)["status"] == "FAILED"
        message, level = lines(api, job)[-1]
        assert message.startswith("The release tried@1.0.0 cannot be unpacked: ")
        assert level == "error"
    assert not list(tmp_path.rglob("out.txt"))


def test_a_release_whose_file_has_gone(tmp_path):
    with Emulator(tmp_path / "data") as emulator, connected(emulator) as api:
        released(api, SLEEP)
        shutil.rmtree(tmp_path / "data" / "files")
        job = started(api)
        assert ended(api, job)["status"] == "FAILED"
        assert "No such file" in lines(api, job)[-1][0]


def test_a_limit_that_is_none():
    command = [str(Path(sys.executable).parent / "synapse"), "emulator", "--job-timeout", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert done.returncode == 1
    assert done.stderr == "synapse: The limit timeout is 0.0: it must be more than 0.\n"
