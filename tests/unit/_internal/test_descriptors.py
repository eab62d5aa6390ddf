"""Whole contents through descriptors."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from synapse._internal.descriptors import read_all, write_all


@pytest.mark.parametrize("content", [b"", b"a", b"abc" * 1_000_000])
def test_written_content_is_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    write_all(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)

    assert read_all(descriptor) == path.read_bytes() == content
    os.close(descriptor)


def test_system_that_takes_little_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[bytes] = []
    monkeypatch.setattr(os, "write", lambda _, piece: taken.append(bytes(piece[:2])) or 2)

    write_all(1, b"abcdef")

    assert taken == [b"ab", b"cd", b"ef"]
