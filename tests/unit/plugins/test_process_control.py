"""A job's process and the starting process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.name != "posix", reason="jobs run on POSIX systems only")

CODE = """
import sys, time
sys.path.append(sys.argv[1])
from synapse.plugins.process_control import *
handle_termination()
control = reserve_standard_input()
spec = control.readline().decode().strip()
try:
    end_with_parent(control)
    print(spec, repr(sys.stdin.read()), flush=True)
    time.sleep(60)
finally:
    print("cleaned", flush=True)
"""


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    root = str(Path(__file__).parents[3])
    with subprocess.Popen(
        # Without site-packages: the module needs the standard library only.
        [sys.executable, "-I", "-S", "-c", CODE, root],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as started:
        assert started.stdin is not None
        assert started.stdout is not None
        started.stdin.write(b"the spec\n")
        started.stdin.flush()
        assert started.stdout.readline() == b"the spec ''\n"
        yield started


def test_termination_runs_the_cleanup(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)

    assert process.wait(30) == 143
    assert process.stdout is not None
    assert process.stdout.read() == b"cleaned\n"


def test_the_end_of_the_parent_ends_the_process(process: subprocess.Popen[bytes]) -> None:
    output, _ = process.communicate(timeout=30)  # closes standard input

    assert process.returncode == 143
    assert output == b"cleaned\n"
