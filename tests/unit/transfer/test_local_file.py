"""Local files of uploads."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from synapse.errors import SynapseError, UsageError
from synapse.transfer.local_file import LocalFile, validate_file_name


def test_path_and_file_object_read_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"0123456789")
    memory = io.BytesIO(b"xx0123456789")
    memory.seek(2)

    with LocalFile(path) as by_path, LocalFile(memory, name="a.bin") as by_object:
        for file in (by_path, by_object):
            assert (file.name, file.size, file.label) == ("a.bin", 10, "file 'a.bin'")
            assert file.read_at(3, 4) == b"3456"
            assert file.read_at(8, 4) == b"89"
            assert file.read_at(10, 4) == b""
            file.check_unchanged()
        assert by_path.path == str(path)
        assert by_object.path is None

    assert not memory.closed


def test_changed_file(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"0123")

    with LocalFile(path) as file:
        path.write_bytes(b"0")
        with pytest.raises(SynapseError, match="changed while it was sent"):
            file.check_unchanged()
        with pytest.raises(SynapseError, match="2 of 4 bytes are missing"):
            file.read_at(2, 2)


def test_file_name_that_is_not_text() -> None:
    assert validate_file_name("naïve.png") == "naïve.png"
    with pytest.raises(UsageError, match="not valid text"):
        validate_file_name("caf\udce9.png")
