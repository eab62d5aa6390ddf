"""Repairs in a forked child."""

from __future__ import annotations

import gc
import os
import threading

import pytest

from synapse._internal import fork

# Python 3.12 and newer warn of forks beside the test runner's own threads.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")


class Counter:
    def __init__(self) -> None:
        self.repairs = 0

    def after_fork(self) -> None:
        self.repairs += 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks on this system")
def test_a_living_object_is_repaired_in_the_child_only() -> None:
    counter = Counter()
    fork.repair_in_child(counter)

    child = os.fork()
    if not child:
        os._exit(counter.repairs)
    _, status = os.waitpid(child, 0)

    assert (os.waitstatus_to_exitcode(status), counter.repairs) == (1, 0)


def test_an_unused_object_is_not_kept() -> None:
    before = len(fork._forkables)
    fork.repair_in_child(Counter())
    gc.collect()

    assert len(fork._forkables) <= before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks on this system")
def test_a_lock_is_free_in_the_child() -> None:
    lock = threading.Lock()
    fork.hold_during_fork(lock)

    child = os.fork()
    if not child:
        os._exit(0 if lock.acquire(blocking=False) else 1)
    _, status = os.waitpid(child, 0)

    assert os.waitstatus_to_exitcode(status) == 0
