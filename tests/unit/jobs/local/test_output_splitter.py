"""From printed bytes to lines."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from synapse.jobs.local.output_splitter import Output
from synapse.jobs.spec import OutputLine

PIECE = 10 * 1024


class Taken(list[OutputLine]):
    """What was given away, and in how many batches."""

    batches = 0

    def take(self, lines: Sequence[OutputLine]) -> None:
        self.batches += 1
        self.extend(lines)

    @property
    def messages(self) -> list[str]:
        return [line.message for line in self]


@pytest.fixture
def taken() -> Taken:
    return Taken()


def read(taken: Taken, *blocks: bytes, limit: float = 1 << 30) -> Output:
    output = Output(limit, taken.take)
    for block in blocks:
        output.feed(block)
    output.finish()
    output.flush()
    return output


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([b"one\ntwo\n"], ["one", "two"]),
        ([b"o", b"ne\nt", b"wo"], ["one", "two"]),
        ([b"\n\n"], ["", ""]),
        ([b""], []),
        ([b"one\r\ntwo\r\n"], ["one", "two"]),
        ([b"one\r", b"\ntwo\r"], ["one", "two"]),
        ([b"\r 1%\r 50%\r100%\n"], [" 1%", " 50%", "100%"]),
        ([b"\r 1%", b"\r 50%", b"\r100%\nend"], [" 1%", " 50%", "100%", "end"]),
        (["gr\u00fc\u00df".encode()[:3], "gr\u00fc\u00df\n".encode()[3:]], ["gr\u00fc\u00df"]),
        ([b"a\xffb\n"], ["a\ufffdb"]),
        ([b"a\x00b\n"], ["a\ufffdb"]),
    ],
)
def test_lines(taken: Taken, blocks: list[bytes], expected: list[str]) -> None:
    read(taken, *blocks)

    assert taken.messages == expected


@pytest.mark.parametrize("size", [1, 7, 1000, PIECE, PIECE + 1, 1 << 16])
def test_any_blocks_give_the_same_lines(taken: Taken, size: int) -> None:
    long = "xü€" * PIECE
    data = f"first\n{long}\n\nlast\r\n".encode()

    read(taken, *(data[at : at + size] for at in range(0, len(data), size)))

    messages = taken.messages
    assert (messages[0], messages[-2:]) == ("first", ["", "last"])
    assert "".join(messages[1:-2]) == long
    assert {len(text.encode()) <= PIECE for text in messages} == {True}
    assert len(messages[1:-2]) == 7  # no more pieces than it takes


def test_a_line_without_end_is_given_in_pieces(taken: Taken) -> None:
    output = Output(1 << 30, taken.take)
    output.feed(b"x" * (3 * PIECE + 5))
    output.flush()

    assert [len(text) for text in taken.messages] == [PIECE] * 3


def test_a_line_as_long_as_a_piece_is_followed_by_no_empty_one(taken: Taken) -> None:
    read(taken, b"x" * PIECE, b"\n", b"y\n")

    assert [len(text) for text in taken.messages] == [PIECE, 1]


def test_levels(taken: Taken) -> None:
    read(taken, b"\x1eerror\x1foh\n\x1eloud\x1fx\nplain\n")

    assert [(line.message, line.level) for line in taken] == [
        ("oh", "error"),
        ("\x1eloud\x1fx", None),
        ("plain", None),
    ]


def test_each_piece_of_a_long_line_has_its_level(taken: Taken) -> None:
    read(taken, b"\x1ewarning\x1f" + b"x" * (2 * PIECE) + b"\nplain\n")

    assert [line.level for line in taken] == ["warning"] * 3 + [None]


def test_what_is_too_much_is_dropped(taken: Taken) -> None:
    output = read(taken, b"12345\n", b"6789\n", b"more\n", limit=8)

    assert output.is_full
    assert taken.messages == ["12345", "67"]


def test_exactly_as_much_as_there_may_be(taken: Taken) -> None:
    output = read(taken, b"12345\n67", limit=8)

    assert not output.is_full
    assert taken.messages == ["12345", "67"]


def test_many_lines_are_given_at_once_and_few_after_a_while(taken: Taken) -> None:
    output = Output(1 << 30, taken.take)
    output.feed(b"x\n" * 5000)
    assert (len(taken), taken.batches) == (5000, 1)
    output.feed(b"y\n")
    output.flush(due=True)
    assert len(taken) == 5000
    deadline = time.monotonic() + 5
    while len(taken) == 5000 and time.monotonic() < deadline:
        time.sleep(output.patience)
        output.flush(due=True)

    assert len(taken) == 5001
