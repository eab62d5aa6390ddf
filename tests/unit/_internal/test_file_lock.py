"""Locks between processes."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from synapse._internal.file_lock import LocksUnsupported, acquire_lock, release_lock

fcntl = pytest.importorskip("fcntl")


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "file"

    first = acquire_lock(path)
    assert first is not None
    assert acquire_lock(path) is None
    release_lock(first)

    second = acquire_lock(path)
    assert second is not None
    release_lock(second)


def test_permissions_of_a_new_file(tmp_path: Path) -> None:
    descriptor = acquire_lock(tmp_path / "file")
    assert descriptor is not None
    assert os.fstat(descriptor).st_mode & 0o777 == 0o600
    release_lock(descriptor)


def test_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    full = tmp_path / "full"
    full.write_text("content")

    for path in (tmp_path / "new", full):
        with pytest.raises(LocksUnsupported):
            acquire_lock(path)

    assert [path.name for path in tmp_path.iterdir()] == ["full"]
