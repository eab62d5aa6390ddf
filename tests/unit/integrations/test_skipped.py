"""The log of skipped samples, which processes share."""

from __future__ import annotations

import logging
import os
import pickle

import pytest

from synapse.integrations import skipped
from synapse.integrations.skipped import SkippedLog, SkippedSample


def test_samples_are_listed_once(caplog: pytest.LogCaptureFixture) -> None:
    log = SkippedLog()
    copy = pickle.loads(pickle.dumps(log))
    with caplog.at_level(logging.WARNING, "synapse.training"):
        log.add(1, "gone\n")
        copy.add(2, "damaged")
        copy.add(1, "gone\n")

    assert log.read() == [SkippedSample(1, "gone\n"), SkippedSample(2, "damaged")]
    assert "damaged" in caplog.text
    assert log._path.stat().st_mode & 0o077 == 0


def test_file_goes_with_its_log() -> None:
    log = SkippedLog()
    copy = pickle.loads(pickle.dumps(log))
    path = log._path
    del log
    assert not path.exists()
    assert copy.read() == []
    copy.add(1, "gone")  # a worker that goes on
    path.unlink(missing_ok=True)


def test_forked_copy_leaves_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    log = SkippedLog()
    skipped._remove(log._path, os.getpid() + 1)
    assert log._path.exists()
