"""Parts of a file as bodies."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse.errors import SynapseError
from synapse.transfer import file_part
from synapse.transfer.file_part import FilePart
from synapse.transfer.local_file import LocalFile
from synapse.transfer.multipart import unwrap_progress_errors


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "a.bin"
    file.write_bytes(b"0123456789")
    return file


@pytest.mark.parametrize(
    ("start", "size", "expected"),
    [
        (0, None, b"0123456789"),
        (0, 4, b"0123"),
        (4, 4, b"4567"),
        (8, 4, b"89"),
        (8, None, b"89"),
        (10, 4, b""),
        (20, 4, b""),
    ],
)
def test_part(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    start: int,
    size: int | None,
    expected: bytes,
) -> None:
    monkeypatch.setattr(file_part, "BLOCK_SIZE", 3)
    with LocalFile(path) as file:
        part = FilePart(file, start, size)

        assert [b"".join(part), b"".join(part), len(part)] == [expected, expected, len(expected)]
        assert max(map(len, part), default=0) <= 3


def test_file_that_changes(path: Path) -> None:
    with LocalFile(path) as file:
        part = FilePart(file)
        path.write_bytes(b"0123456789abc")

        with pytest.raises(SynapseError, match="changed while it was sent"):
            list(part)


def test_blocks_and_offsets_are_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_part, "BLOCK_SIZE", 3)
    blocks: list[tuple[int, bytes]] = []
    offsets: list[int] = []
    with LocalFile(path) as file:
        part = FilePart(
            file, 2, 5, on_block=lambda *block: blocks.append(block), on_sent=offsets.append
        )
        list(part)

    assert blocks == [(2, b"234"), (5, b"56")]
    assert offsets == [5, 7]


def test_error_of_a_progress_function(path: Path) -> None:
    def fail(offset: int) -> None:
        raise OSError("mine")

    with LocalFile(path) as file, pytest.raises(OSError, match="mine"), unwrap_progress_errors():
        list(FilePart(file, on_sent=fail))
