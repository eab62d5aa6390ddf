"""A soak over a local backend: two processes answer, and are killed now and then."""

from __future__ import annotations

import pytest
from backend_soak import KINDS, backend_place
from soak import MIB, Report, soak
from worker_processes import has_proc

from synapse.emulator import Emulator

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not has_proc(), reason="finds the workers in /proc"),
]
REQUESTS, FAULTS = 1_000, 84


@pytest.fixture(scope="module")
def report() -> Report:
    """The figures of the soak, every twelfth request with a fault, and of three kills."""
    with Emulator(workers=2) as emulator:
        place = backend_place(emulator, REQUESTS, FAULTS, seed=7, kills=3)
        return soak(REQUESTS, place=place)


def test_nothing_is_lost_and_nothing_done_twice(report: Report) -> None:
    assert report.problems == []
    assert report.requests >= REQUESTS
    assert report.outcomes["create done"] > 100


def test_each_fault_hit_one_request_of_all_workers(report: Report) -> None:
    assert sum(report.faults.values()) == FAULTS
    assert report.faults.keys() == set(KINDS)


def test_safe_verbs_survive_faults_and_kills(report: Report) -> None:
    failed = [failure for failure in report.failures if failure.startswith("get: ")]
    assert len(failed) <= report.faults["500"], "the only fault that is final"
    assert all(failure.startswith("get: ServerError") for failure in failed), failed


def test_memory_is_flat_and_nothing_is_left(report: Report) -> None:
    assert report.memory_after < report.memory_before + 16 * MIB
    assert (report.sockets_left, report.threads_left) == (0, 0)
