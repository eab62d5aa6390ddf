"""Checksums computed during a transfer."""

from __future__ import annotations

import hashlib
import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.errors import SynapseError
from synapse.transfer import checksum
from synapse.transfer.checksum import Checksums, Hasher, find_algorithm, hash_blocks, is_checksum_of

CONTENT = bytes(range(256)) * 1000
MD5 = hashlib.md5(CONTENT).hexdigest()


class File:
    """Content with random access that counts the bytes read."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.content = content
        self.read: list[tuple[int, int]] = []
        self.may_read = threading.Event()
        self.may_read.set()

    def read_at(self, offset: int, size: int) -> bytes:
        self.may_read.wait()
        self.read.append((offset, size))
        return self.content[offset : offset + size]


@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_blocks_in_order(size: int | None) -> None:
    file = File()
    with Hasher(file.read_at, size) as hasher:
        for offset in range(0, len(CONTENT), 1000):
            hasher.add(offset, CONTENT[offset : offset + 1000])
        assert hasher.checksums(len(CONTENT)).md5 == MD5
    assert file.read == []


@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_what_is_sent_again_counts_once(size: int | None) -> None:
    file = File()
    with Hasher(file.read_at, size) as hasher:
        for start, end in [(0, 3000), (1000, 2000), (0, 3000), (2000, 5000), (5000, len(CONTENT))]:
            hasher.add(start, CONTENT[start:end])
        assert hasher.checksums(len(CONTENT)).md5 == MD5
    assert file.read == []


def test_what_never_passes_is_read_from_the_file() -> None:
    file = File()
    with Hasher(file.read_at) as hasher:
        hasher.skip_to(10_000)
        assert hasher.checksums(len(CONTENT)).md5 == MD5


def test_sending_goes_on_while_the_beginning_is_read() -> None:
    """Adding blocks never waits for the thread, whatever their number."""
    file = File()
    file.may_read.clear()
    with Hasher(file.read_at) as hasher:
        hasher.skip_to(100_000)
        for offset in range(100_000, len(CONTENT), 1000):
            hasher.add(offset, CONTENT[offset : offset + 1000])
        file.may_read.set()
        assert hasher.checksums(len(CONTENT)).md5 == MD5


def test_waits_rather_than_keep_many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    entered, leave = threading.Event(), threading.Event()

    class Slow:
        def __init__(self, algorithm: str | None) -> None:
            pass

        def update(self, block: bytes) -> None:
            entered.set()
            leave.wait()

    monkeypatch.setattr(checksum, "_Digest", Slow)
    with Hasher(File().read_at) as hasher:
        added: list[int] = []
        full = threading.Event()

        def add() -> None:
            for offset in range(0, 10_000, 1000):
                hasher.add(offset, CONTENT[offset : offset + 1000])
                added.append(offset)
                if len(added) == 1 + checksum._MAX_WAITING:
                    full.set()

        adding = threading.Thread(target=add)
        adding.start()
        entered.wait()
        full.wait()
        adding.join(0.05)
        assert adding.is_alive()
        assert len(added) == 1 + checksum._MAX_WAITING
        leave.set()
        adding.join()


def test_file_that_is_shorter() -> None:
    with Hasher(File().read_at) as hasher, pytest.raises(SynapseError, match="became shorter"):
        hasher.checksums(len(CONTENT) + 1)


def test_file_that_cannot_be_read() -> None:
    def read_at(offset: int, size: int) -> bytes:
        raise OSError(5, "Input/output error")

    with Hasher(read_at) as hasher:
        hasher.skip_to(10)
        with pytest.raises(OSError, match="Input/output"):
            hasher.checksums(10)
        with pytest.raises(OSError, match="Input/output"):
            hasher.add(10, b"more")


def test_small_file_needs_no_thread() -> None:
    before = threading.active_count()
    with Hasher(File().read_at, len(CONTENT)) as hasher:
        hasher.add(0, CONTENT)
        assert threading.active_count() == before
        assert hasher.checksums(len(CONTENT)).md5 == MD5


def test_closing_ends_the_thread() -> None:
    hasher = Hasher(File().read_at)
    hasher.add(0, CONTENT)
    hasher.close()
    assert "synapse-md5" not in {thread.name for thread in threading.enumerate()}


@given(
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 700)), max_size=12),
    st.booleans(),
)
def test_whatever_order(steps: list[tuple[int, int]], is_small: bool) -> None:
    content = CONTENT[:3000]
    file = File(content)
    with Hasher(file.read_at, len(content) if is_small else None) as hasher:
        for start, size in steps:
            hasher.add(start, content[start : start + size])
        assert hasher.checksums(len(content)).md5 == hashlib.md5(content).hexdigest()


@pytest.mark.parametrize("known", [0, 1, 1_500_000])
def test_without_a_thread_the_checksum_is_the_same(
    monkeypatch: pytest.MonkeyPatch, known: int
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    content = random.Random(5).randbytes(3_000_000)
    with Hasher(lambda offset, size: content[offset : offset + size]) as hasher:
        hasher.skip_to(known)
        for offset in range(known, len(content), 700_000):
            hasher.add(offset, content[offset : offset + 700_000])
        assert hasher.checksums(len(content)).md5 == hashlib.md5(content).hexdigest()


@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_sha1(size: int | None) -> None:
    file = File()
    with Hasher(file.read_at, size, algorithm="sha1") as hasher:
        hasher.add(0, CONTENT)
        assert hasher.checksums(len(CONTENT)).sha1 == hashlib.sha1(CONTENT).hexdigest()


def test_both_kinds_from_one_read() -> None:
    file = File()
    with Hasher(file.read_at) as hasher:
        hasher.skip_to(len(CONTENT))
        found = hasher.checksums(len(CONTENT))

    assert found == Checksums(MD5, hashlib.sha1(CONTENT).hexdigest())
    assert sum(size for _, size in file.read) == len(CONTENT)


@given(st.lists(st.binary(max_size=50), max_size=5), st.binary(max_size=9))
def test_length_tells_the_kind(blocks: list[bytes], other: bytes) -> None:
    content = b"".join(blocks)
    found = hash_blocks(blocks)
    for new in (hashlib.md5, hashlib.sha1):
        right, wrong = new(content).hexdigest(), new(content + b"!" + other).hexdigest()
        assert found.matches(right.upper())
        assert found.like(wrong) == right
        assert is_checksum_of(right, blocks)
        assert not found.matches(wrong)
        assert not is_checksum_of(wrong, blocks)


@pytest.mark.parametrize("value", [None, "", "None", "x", MD5[:-1], 5, "e" * 64])
def test_what_is_no_checksum_matches_nothing(value: object) -> None:
    assert not hash_blocks([CONTENT]).matches(value)
    assert not Checksums("", "").matches(value)


@pytest.mark.parametrize(
    ("value", "algorithm"), [(None, "md5"), ("", "md5"), (MD5, "md5"), ("a" * 40, "sha1")]
)
def test_algorithm(value: str | None, algorithm: str) -> None:
    assert find_algorithm(value) == algorithm
