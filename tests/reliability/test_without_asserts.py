"""Security that doesn't rest on `assert`, which `python -O` removes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EVIL_HOST = Path(__file__).with_name("test_evil_host.py")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_evil_host_gets_nothing_without_asserts() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONOPTIMIZE"}
    done = subprocess.run(
        [
            *(sys.executable, "-O", "-m", "pytest", "-q", "-p", "no:cacheprovider", EVIL_HOST),
            *("-m", "not slow", "--no-cov", "-n", "0"),
            *("-W", "ignore::pytest.PytestConfigWarning"),  # it says that asserts are off
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        env=environment,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
