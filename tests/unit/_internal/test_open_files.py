"""The limit of open files."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="Windows has no such limit")

CODE = """
import resource
from synapse._internal.open_files import allow_open_files

resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
print(allow_open_files({wanted}), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "limit"),
    [(64, 256, 128, 128), (64, 256, 999, 256), (200, 256, 100, 200), (64, 64, 128, 64)],
)
def test_limit_is_raised_as_far_as_allowed(soft: int, hard: int, wanted: int, limit: int) -> None:
    code = CODE.format(soft=soft, hard=hard, wanted=wanted)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.split() == [str(limit), str(limit), str(hard)]
