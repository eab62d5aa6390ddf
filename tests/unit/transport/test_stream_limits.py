"""Limits on a stream of lines, and the counter that applies them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from synapse.errors import StreamLimitExceeded
from synapse.transport.stream_limits import StreamLimits, StreamMeter, within

pytestmark = pytest.mark.usefixtures("each_exchange")

NAMES = ["max_messages", "max_lines", "max_bytes", "max_message_bytes"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0, -1, 1.5, True, "10", None])
def test_limit_is_a_whole_number_from_one(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"StreamLimits\({name}=.*\): give a whole number from 1"):
        StreamLimits(**{name: value})


@pytest.mark.parametrize("name", NAMES)
def test_least_limit_is_one(name: str) -> None:
    assert getattr(StreamLimits(**{name: 1}), name) == 1


@pytest.mark.parametrize(
    ("limits", "allowed", "excess", "name"),
    [
        ({"max_lines": 2}, ["a", "b"], "c", "max_lines"),
        ({"max_lines": 2}, ["", ""], "", "max_lines"),
        ({"max_message_bytes": 3}, ["abc"], "abcd", "max_message_bytes"),
        ({"max_bytes": 4}, ["abc"], "", "max_bytes"),
    ],
)
def test_line_at_the_limit_passes_and_the_next_raises(
    limits: dict[str, int], allowed: list[str], excess: str, name: str
) -> None:
    meter = StreamMeter(StreamLimits(**limits), "job 7")
    for text in allowed:
        meter.line(text)

    with pytest.raises(StreamLimitExceeded) as caught:
        meter.line(excess)

    assert caught.value.status_code == 429
    assert "job 7" in str(caught.value)
    assert f"StreamLimits({name}=...)" in str(caught.value)


@pytest.mark.parametrize(
    ("limits", "sizes", "excess", "name"),
    [
        ({"max_messages": 2}, [1, 1], 1, "max_messages"),
        ({"max_message_bytes": 3}, [3, 3], 4, "max_message_bytes"),
    ],
)
def test_message_at_the_limit_passes_and_the_next_raises(
    limits: dict[str, int], sizes: list[int], excess: int, name: str
) -> None:
    meter = StreamMeter(StreamLimits(**limits))
    for size in sizes:
        meter.message(size)

    with pytest.raises(StreamLimitExceeded, match=rf"StreamLimits\({name}="):
        meter.message(excess)


@pytest.mark.parametrize(("text", "size"), [("abc", 3), ("é", 2), ("\U0001f600", 4), ("\ud800", 3)])
def test_line_is_measured_in_bytes(text: str, size: int) -> None:
    StreamMeter(StreamLimits(max_message_bytes=size)).line(text)

    with pytest.raises(StreamLimitExceeded, match=f"a line of more than {size - 1} bytes"):
        StreamMeter(StreamLimits(max_message_bytes=size - 1)).line(text)


def test_message_counts_no_bytes_of_the_stream() -> None:
    meter = StreamMeter(StreamLimits(max_bytes=2))
    meter.message(2)

    meter.line("a")

    with pytest.raises(StreamLimitExceeded, match="more than 2 bytes"):
        meter.line("")


def test_within_yields_the_lines_before_the_limit() -> None:
    lines = within(["a", "b", "c"], StreamLimits(max_lines=2), "job 7")

    assert [next(lines), next(lines)] == ["a", "b"]
    with pytest.raises(StreamLimitExceeded, match="job 7: the log has more than 2 lines"):
        next(lines)


def test_within_takes_the_default_limits() -> None:
    longest = "a" * StreamLimits().max_message_bytes

    assert list(within([longest], None)) == [longest]
    with pytest.raises(StreamLimitExceeded, match="a line of more than 10,240 bytes"):
        list(within([f"{longest}a"], None))


def test_within_reads_one_line_at_a_time() -> None:
    read = []

    def produce() -> Iterator[str]:
        for text in ("a", "b"):
            read.append(text)
            yield text

    start: Callable[[], str] = within(produce(), None).__next__

    assert read == []
    assert start() == "a"
    assert read == ["a"]
