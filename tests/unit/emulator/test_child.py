import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pytest

from synapse.emulator.child import end_process, read_log, wait_until_ready
from synapse.emulator.errors import EmulatorError


@contextmanager
def start(code: str) -> Iterator[tuple["subprocess.Popen[bytes]", IO[bytes]]]:
    with tempfile.TemporaryFile() as log:
        child = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        try:
            yield child, log
        finally:
            end_process(child, timeout=0)


def test_a_child_reads_the_options_and_replies() -> None:
    with start("import sys; print(sys.stdin.readline().replace('port', 'url'))") as (child, log):
        assert wait_until_ready(child, log, {"port": "1"}, timeout=20) == {"url": "1"}


def test_the_childs_own_error_is_raised() -> None:
    code = """print('{"error": "The port is taken."}')"""
    with start(code) as (child, log), pytest.raises(EmulatorError, match=r"^The port is taken\.$"):
        wait_until_ready(child, log, {}, timeout=20)


def test_a_dead_child_shows_its_log() -> None:
    with start("import sys; sys.exit('no disk')") as (child, log):
        with pytest.raises(EmulatorError, match=r"^The agent ended with 1\.\nno disk$"):
            wait_until_ready(child, log, {}, timeout=20, name="The agent")
        assert read_log(log) == "no disk\n"


def test_a_late_child_is_ended() -> None:
    with start("import time; time.sleep(60)") as (child, log):
        with pytest.raises(EmulatorError, match=r"was not ready within 0\.1 s"):
            wait_until_ready(child, log, {}, timeout=0.1)
        assert child.poll() is not None


def test_a_child_that_ignores_the_request_to_end_is_killed() -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1); time.sleep(60)"
    with start(code.replace("print(1)", "print(1, flush=True)")) as (child, _):
        assert child.stdout is not None
        child.stdout.readline()
        end_process(child, timeout=0.1)
        assert child.returncode == -9
