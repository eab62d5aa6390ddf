"""Incomplete files beside their final place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from synapse._internal import part_files
from synapse._internal.file_lock import LocksUnsupported, release_lock
from synapse._internal.part_files import LONGEST_NAME, find_part_path, open_part


@pytest.mark.parametrize("name", ["a.bin", "é" * 127])
def test_every_call_finds_the_same_path(tmp_path: Path, name: str) -> None:
    part = find_part_path(tmp_path / name)

    assert part == find_part_path(tmp_path / name)
    assert part.parent == tmp_path
    assert len(os.fsencode(part.name)) <= LONGEST_NAME


def test_a_second_call_gets_another_file(tmp_path: Path) -> None:
    first, one = open_part(tmp_path / "a.bin", mode=0o600)
    second, two = open_part(tmp_path / "a.bin", mode=0o600)
    release_lock(one)
    again, three = open_part(tmp_path / "a.bin")

    assert first == again == find_part_path(tmp_path / "a.bin")
    assert second != first
    assert {path.stat().st_mode & 0o777 for path in (first, second)} == {0o600}
    for descriptor in (two, three):
        release_lock(descriptor)


def test_without_locks_no_other_call_finds_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise LocksUnsupported

    monkeypatch.setattr(part_files, "acquire_lock", refuse)
    path, descriptor = open_part(tmp_path / "a.bin")
    os.close(descriptor)

    assert path.exists()
    assert path != find_part_path(tmp_path / "a.bin")
