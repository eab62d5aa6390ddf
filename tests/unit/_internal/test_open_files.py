"""The limit of open files."""

from __future__ import annotations

import subprocess
import sys

import pytest

from synapse._internal.open_files import allow_open_files

resource = pytest.importorskip("resource", reason="Windows has no such limit")

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


@pytest.mark.parametrize(("system", "limit"), [(300, 250), (60, 64)])
def test_the_system_may_allow_less_than_the_hard_limit(
    monkeypatch: pytest.MonkeyPatch, system: int, limit: int
) -> None:
    limits = {"now": (64, 100_000)}

    def set_limit(_: int, new: tuple[int, int]) -> None:
        if new[0] > system:
            raise ValueError("current limit exceeds maximum limit")
        limits["now"] = new

    monkeypatch.setattr(resource, "getrlimit", lambda _: limits["now"])
    monkeypatch.setattr(resource, "setrlimit", set_limit)

    assert allow_open_files(1000) == limit
