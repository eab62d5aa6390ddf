"""Backends of several workers; `make test-workers` runs these tests, and others over them."""

from __future__ import annotations

import os

import pytest
from worker_processes import VARIABLE, find_workers, has_proc, runs_workers

from synapse.emulator import Emulator

WORKERS = int(os.environ.get(VARIABLE) or 1)
pytestmark = [
    pytest.mark.skipif(not runs_workers(), reason="make test-workers runs this"),
    pytest.mark.skipif(not has_proc(), reason="finds the workers in /proc"),
]


def test_the_backends_of_the_run_have_several_workers(backend: Emulator) -> None:
    assert len(find_workers(backend)) == WORKERS


def test_a_number_that_a_test_names_counts() -> None:
    with Emulator(workers=WORKERS + 1) as emulator:
        assert len(find_workers(emulator)) == WORKERS + 1
