"""From printed bytes to lines."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.jobs.local import output_splitter
from synapse.jobs.local.output_splitter import Output
from synapse.jobs.spec import OutputLine
from synapse.plugins.log_markers import LEVELS, add_level
from synapse.plugins.process_control import END

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
        ([b"\r 1%\r 50%\r100%\n"], ["100%"]),
        ([b"\r 1%", b"\r 50%", b"\r100%\nend"], ["100%", "end"]),
        ([b"begin\r 1%\r", b" 50%\r"], [" 50%"]),
        ([b"\r 1%\r 50%\r    \rdone\n"], ["done"]),
        ([b"\r 1%\r 50%\r    \r"], []),
        ([b"\r 1%\r\r\n\nnext\n"], [" 1%", "", "next"]),
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
    deadline = time.monotonic() + 60
    while len(taken) == 5000 and time.monotonic() < deadline:
        time.sleep(output.patience)
        output.flush(due=True)

    assert len(taken) == 5001


MARKED = "\x1eerror\x1foh"


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"half{MARKED}\n", [("half", None), ("oh", "error")]),
        (f"a\nhalf{MARKED}\nb\n", [("a", None), ("half", None), ("oh", "error"), ("b", None)]),
        (f"\r 1%\r 50%{MARKED}\n\r100%\n", [(" 50%", None), ("oh", "error"), ("100%", None)]),
        (f"{MARKED}\n{MARKED}", [("oh", "error")] * 2),
        (f"{MARKED}{MARKED}\n", [("oh", "error")] * 2),
        (
            "\r 50%[STEP: fit] [LEVEL: INFO] half way\n",
            [(" 50%", None), ("[STEP: fit] half way", "info")],
        ),
        ("half[LEVEL: ERROR] no\n", [("half", None), ("no", "error")]),
        (f"{MARKED} [LEVEL: INFO] quoted\n", [("oh [LEVEL: INFO] quoted", "error")]),
        ("half\x1eloud\x1foh [LEVEL: LOUD] no\n", [("half\x1eloud\x1foh [LEVEL: LOUD] no", None)]),
    ],
)
def test_a_mark_begins_a_line(
    taken: Taken, size: int, text: str, expected: list[tuple[str, str | None]]
) -> None:
    data = text.encode()
    read(taken, *(data[at : at + size] for at in range(0, len(data), size)))

    assert [(line.message, line.level) for line in taken] == expected


@pytest.mark.parametrize("length", range(PIECE - 12, PIECE + 2))
def test_a_mark_behind_a_long_text_without_end(taken: Taken, length: int) -> None:
    data = b"x" * length + MARKED.encode() + b"\n"
    read(taken, data[: length + 3], data[length + 3 :])

    assert (taken[-1].message, taken[-1].level) == ("oh", "error")
    assert "".join(taken.messages[:-1]) == "x" * length


@given(
    st.lists(
        st.tuples(st.text("ab \u20ac", max_size=5), st.sampled_from([None, *LEVELS]), st.booleans())
    ),
    st.integers(1, 9),
)
def test_no_mark_is_ever_text(parts: list[tuple[str, str | None, bool]], size: int) -> None:
    """Text with and without an end, and marked lines, in any order and any blocks."""
    printed, expected, is_open = "", [], False
    for text, level, has_end in parts:
        if level is not None:
            printed += add_level(text, level) + "\n"
            expected.append((text, level))
            is_open = False
        elif text:
            printed += text + "\n" * has_end
            if is_open:
                expected[-1] = (expected[-1][0] + text, None)
            else:
                expected.append((text, None))
            is_open = not has_end
    taken, data = Taken(), printed.encode()
    read(taken, *(data[at : at + size] for at in range(0, len(data), size)))

    assert [(line.message, line.level) for line in taken] == expected


def test_overwritten_states_are_few_and_cost_nothing(
    taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(10_000))
    now = 0.0

    def tell_time() -> float:
        nonlocal now
        now = next(clock) / 100
        return now

    monkeypatch.setattr(output_splitter.time, "monotonic", tell_time)
    bar = (b"\r%3d%%|" + b"#" * 80) * 100
    output = read(taken, *(bar % ((number,) * 100) for number in range(100)), b"\n", limit=1000)

    assert not output.is_full
    assert len(taken) <= now / 0.5 + 1
    assert taken.messages[-1].startswith(" 99%|")
    assert len(taken) > 1


def test_last_state_of_a_bar_that_was_given_already_is_given_once(
    taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter([0.0, 1.0, *[2.0] * 20])
    monkeypatch.setattr(output_splitter.time, "monotonic", lambda: next(times))
    read(taken, b"\r 1%\r", b" 2%\rx", b"\r\n")

    assert taken.messages == [" 2%", "x"]


@pytest.mark.parametrize("text", [f"{END}\n", f"half{END}\n", f"\r 1%{END}", f"{END}\nlate\n"])
def test_end_is_no_line(taken: Taken, text: str) -> None:
    output = read(taken, text.encode())

    assert output.has_end
    assert "end" not in "".join(taken.messages)


@pytest.mark.parametrize("text", ["", "end\n", "\x1eend\n", f"{END}ed\n"])
def test_other_text_is_no_end(taken: Taken, text: str) -> None:
    assert not read(taken, text.encode()).has_end
