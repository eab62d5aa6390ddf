"""The supervisor of a command: exit codes, adopted processes, and the end of its parent."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from synapse.jobs.local import supervisor

WAIT = "import time; print('up', flush=True); time.sleep(60)"
# Prints the id of a daemon: its parent has ended, its session and environment are its own.
DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        time.sleep({seconds})
    os._exit(0)
os.wait()
{then}
"""

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has child subreapers.")


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        with process:
            process.kill()


def supervise(*command: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", supervisor.__file__, "mark", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        **options,  # type: ignore[call-overload] # of the process
    )


def read_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("", 0),
        ("raise SystemExit(7)", 7),
        ("import os; os._exit(255)", 255),
        ("import os; os.kill(os.getpid(), 9)", -9),
        ("import os; os.kill(os.getpid(), 15)", -15),
        ("import os; os.abort()", -6),
        ("import os, signal; os.kill(os.getpid(), signal.SIGUSR1)", -signal.SIGUSR1),
        ("import os; os.killpg(0, 9)", -9),
    ],
)
def test_exit_is_the_commands(
    started: list[subprocess.Popen[str]], source: str, code: int, tmp_path: Path
) -> None:
    process = supervise(sys.executable, "-c", source, cwd=tmp_path)
    started.append(process)

    assert process.wait(20) == code
    assert list(tmp_path.iterdir()) == []  # no core file


def test_command_has_the_mark_the_usual_signals_and_no_open_file(
    started: list[subprocess.Popen[str]],
) -> None:
    script = "echo $SYNAPSE_JOB_ID; grep SigIgn /proc/self/status; ls /proc/self/fd | wc -l"
    process = supervise("sh", "-c", script)
    started.append(process)

    assert read_line(process) == "mark"
    if sys.platform == "linux":
        ignored = int(read_line(process).split()[1], 16)
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        own = int(re.search(r"SigIgn:\s*(\w+)", status)[1], 16)  # type: ignore[index] # it is there
        python = sum(1 << number - 1 for number in (signal.SIGPIPE, signal.SIGXFSZ))
        assert ignored & ~own == 0  # what ran the tests may ignore signals, as `nohup` does
        assert ignored & python == 0
        assert read_line(process) == "4"  # the three standard ones, and the folder that is listed


def test_missing_command_is_named(started: list[subprocess.Popen[str]]) -> None:
    process = supervise("/no/such/program")
    started.append(process)

    assert process.wait(20) == 127
    assert read_line(process) == "/no/such/program cannot be started: No such file or directory"


def test_termination_reaches_the_commands_group(started: list[subprocess.Popen[str]]) -> None:
    source = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {WAIT!r}])"
    process = supervise(sys.executable, "-c", source)
    started.append(process)
    assert read_line(process) == "up"

    process.terminate()

    assert process.wait(20) == -signal.SIGTERM


def test_command_may_take_its_time_to_end(started: list[subprocess.Popen[str]]) -> None:
    source = """
import signal, sys, time
def end(*_):
    time.sleep(0.2)
    print("saved", flush=True)
    sys.exit(3)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
time.sleep(60)
"""
    process = supervise(sys.executable, "-c", source)
    started.append(process)
    assert read_line(process) == "up"

    process.terminate()
    process.terminate()

    assert process.wait(20) == 3
    assert read_line(process) == "saved"


def test_end_of_its_parent_ends_the_command(started: list[subprocess.Popen[str]]) -> None:
    process = supervise(sys.executable, "-c", WAIT)
    started.append(process)
    assert read_line(process) == "up"

    assert process.stdin is not None
    process.stdin.close()

    assert process.wait(20) == -signal.SIGTERM


def test_end_of_its_parent_kills_a_command_that_goes_on(
    started: list[subprocess.Popen[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = supervise(
        sys.executable, "-c", f"import signal; signal.signal(15, signal.SIG_IGN)\n{WAIT}"
    )
    started.append(process)
    assert read_line(process) == "up"

    assert process.stdin is not None
    process.stdin.close()

    assert process.wait(20) == -signal.SIGKILL


@linux_only
class TestDaemon:
    def test_is_adopted_and_ended(self, started: list[subprocess.Popen[str]]) -> None:
        source = DAEMON.format(seconds=60, then="import sys; sys.stdin.readline(); sys.exit(5)")
        process = supervise(sys.executable, "-c", source)
        started.append(process)
        daemon = psutil.Process(int(read_line(process)))
        assert os.getsid(daemon.pid) != process.pid
        while daemon.ppid() != process.pid:
            pass

        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()

        assert process.wait(20) == 5
        assert is_gone(daemon.pid)

    def test_that_has_ended_is_no_zombie(self, started: list[subprocess.Popen[str]]) -> None:
        source = DAEMON.format(seconds=0, then="time.sleep(60)")
        process = supervise(sys.executable, "-c", source)
        started.append(process)
        daemon = int(read_line(process))

        psutil.wait_procs([psutil.Process(daemon)] if psutil.pid_exists(daemon) else [], 20)

        assert not psutil.pid_exists(daemon)
        assert process.poll() is None

    def test_ends_with_its_parents_parent(self, started: list[subprocess.Popen[str]]) -> None:
        process = supervise(sys.executable, "-c", DAEMON.format(seconds=60, then="time.sleep(60)"))
        started.append(process)
        daemon = int(read_line(process))

        assert process.stdin is not None
        process.stdin.close()

        assert process.wait(20) == -signal.SIGTERM
        assert is_gone(daemon)
