"""Rows on disk, while a file is being made of them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from synapse._internal.block_file import BlockFile, digest_facts
from synapse._internal.key_order import Place
from synapse.errors import UsageError


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "units.jsonl"


@pytest.fixture
def part(target: Path) -> Path:
    """The rows 1 to 4, as a killed program leaves them."""
    file = open_file(target)
    file.clear()
    add(file, 1, 2)
    add(file, 3, 4)
    file.close(keep=True)
    return target.with_name(".units.jsonl.part")


def open_file(target: Path, **identity: str) -> BlockFile:
    return BlockFile(target, {"collection": "7", "digest": "x", **identity})


def add(file: BlockFile, *keys: int, place: bool = True) -> None:
    content = "".join(f"{key}\n" for key in keys).encode()
    file.add_block(content, len(keys), Place(keys[-1], 1) if place else None)


def publish(file: BlockFile) -> list[str]:
    def write(path: Path) -> int:
        blocks = list(file.blocks())
        path.write_bytes(b"".join(block.content for block in blocks))
        return sum(block.rows for block in blocks)

    file.publish(write)
    file.close(keep=True)
    assert [path.name for path in file.target.parent.iterdir()] == [file.target.name]
    return file.target.read_text().split()


def test_rows_go_on_after_the_last_block(target: Path, part: Path) -> None:
    file = open_file(target)
    file.resume()

    assert (file.rows, file.place, file.is_resumable) == (4, Place(4, 1), True)
    add(file, 5)
    assert [(block.rows, block.place) for block in file.blocks()] == [
        (2, Place(2, 1)),
        (2, Place(4, 1)),
        (1, Place(5, 1)),
    ]
    assert publish(file) == ["1", "2", "3", "4", "5"]


def test_only_the_owner_reads_the_rows(part: Path) -> None:
    assert part.stat().st_mode & 0o777 == 0o600


def test_cut_or_damaged_at_any_byte(target: Path, part: Path) -> None:
    content = part.read_bytes()
    for size in random.Random(7).sample(range(len(content)), 60):
        for damaged in (content[:size], content[:size] + b"\0" * (len(content) - size)):
            part.write_bytes(damaged)
            file = open_file(target)
            file.resume()
            begin = 0 if file.place is None else file.place.key
            assert begin == file.rows < 4
            add(file, *range(begin + 1, 6))
            assert publish(file) == ["1", "2", "3", "4", "5"]


def test_other_rows_are_neither_mixed_nor_removed(target: Path, part: Path) -> None:
    content = part.read_bytes()
    for identity, message in (
        ({"collection": "8"}, r"another collection \(7\) has stored 4 rows"),
        ({"digest": "y"}, "other arguments has stored 4 rows"),
    ):
        file = open_file(target, **identity)
        with pytest.raises(UsageError, match=rf"units\.jsonl is unfinished: .*{message}"):
            file.resume()
        file.close(keep=True)
        assert part.read_bytes() == content

    file = open_file(target, collection="8")
    file.clear()
    add(file, 9)
    assert publish(file) == ["9"]


@pytest.mark.parametrize("keep", [True, False])
def test_rows_after_which_nobody_can_go_on(target: Path, keep: bool) -> None:
    file = open_file(target)
    file.resume()
    add(file, 1, 2, place=not keep)
    file.close(keep=keep)

    assert list(target.parent.iterdir()) == []


def test_rows_left_by_a_kill_after_which_nobody_can_go_on(target: Path, part: Path) -> None:
    file = open_file(target)
    file.resume()
    add(file, 2, place=False)
    left = part.read_bytes()
    file.close(keep=True)
    part.write_bytes(left)

    file = open_file(target, collection="8")
    file.resume()
    assert file.rows == 0
    assert publish(file) == []


def test_a_call_at_the_same_time_has_own_rows(target: Path, part: Path) -> None:
    file, other = open_file(target), open_file(target)
    file.resume()
    other.resume()
    add(other, 1)
    assert (file.rows, other.rows, other.is_resumable) == (4, 1, False)
    other.close(keep=True)
    assert publish(file) == ["1", "2", "3", "4"]


def test_rows_that_are_damaged_meanwhile(target: Path, part: Path) -> None:
    file = open_file(target)
    file.resume()
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(OSError, match="damaged"):
        publish(file)
    file.close(keep=True)
    assert not target.exists()


def test_a_file_that_a_killed_program_has_begun_is_replaced(target: Path, part: Path) -> None:
    other = target.parent.parent / "other"
    other.write_text("mine")
    target.with_name(".units.jsonl.new").symlink_to(other)
    file = open_file(target)
    file.resume()

    assert publish(file) == ["1", "2", "3", "4"]
    assert other.read_text() == "mine"


def test_a_thread_that_appends_after_the_end_writes_into_no_other_file(
    target: Path, part: Path
) -> None:
    file = open_file(target)
    file.resume()
    content = part.read_bytes()
    file.close(keep=True)

    with pytest.raises(OSError, match="Bad file descriptor"):
        add(file, 5)
    assert part.read_bytes() == content


def test_digests_are_those_of_the_facts() -> None:
    assert digest_facts(["a", None]) == digest_facts(["a", None]) != digest_facts(["a", "b"])


def test_rows_that_cannot_be_removed_are_not_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise PermissionError

    file = BlockFile(tmp_path / "rows", {})
    file.resume()
    file.add_block(b"rows", 3, Place(9, 1))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", fail)  # as Windows does if another program has the file open
        file.close(keep=False)
    again = BlockFile(tmp_path / "rows", {})
    again.resume()
    assert (again.rows, again.place) == (0, None)
    again.close(keep=False)
