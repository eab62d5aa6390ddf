"""Levels in printed lines."""

from __future__ import annotations

import pytest

from synapse import LogLevel
from synapse.errors import UsageError
from synapse.plugins.log_markers import LEVELS, add_level, split_level


def test_levels_are_those_of_the_sdk() -> None:
    assert tuple(level.value for level in LogLevel) == LEVELS


@pytest.mark.parametrize("level", LEVELS)
def test_a_marked_line_gives_its_level_back(level: str) -> None:
    assert split_level(add_level("half way: 50 %", level)) == ("half way: 50 %", level)


def test_a_level_may_be_the_enumeration() -> None:
    assert split_level(add_level("x", LogLevel.ERROR)) == ("x", "error")


def test_each_line_of_a_message_has_the_level() -> None:
    lines = add_level("one\n\ntwo", "warning").split("\n")

    assert [split_level(line) for line in lines] == [
        ("one", "warning"),
        ("", "warning"),
        ("two", "warning"),
    ]


@pytest.mark.parametrize(
    "line",
    ["", "plain", "\x1e", "\x1einfo", "\x1einfo message", "\x1eloud\x1fx", "\x1eINFO\x1fx", "\x1f"],
)
def test_what_has_no_known_level_stays_as_it_is(line: str) -> None:
    assert split_level(line) == (line, None)


@pytest.mark.parametrize(
    ("line", "message", "level"),
    [
        ("[LEVEL: INFO] half way", "half way", "info"),
        ("[STEP: read] [LEVEL: WARNING] slow", "[STEP: read] slow", "warning"),
        ("[LEVEL: LOUD] x", "[LEVEL: LOUD] x", None),
        ("[STEP: read] x", "[STEP: read] x", None),
        ("[LEVEL: info] x", "[LEVEL: info] x", None),
    ],
)
def test_lines_of_the_platforms_package(line: str, message: str, level: str | None) -> None:
    assert split_level(line) == (message, level)


def test_only_the_first_mark_is_taken_off() -> None:
    assert split_level("\x1einfo\x1f\x1eerror\x1fx") == ("\x1eerror\x1fx", "info")


def test_an_unknown_level_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match="'warn' is not a level; did you mean 'warning'"):
        add_level("x", "warn")
    with pytest.raises(UsageError, match="There are: critical, danger, debug"):
        add_level("x", "zzz")


@pytest.mark.parametrize(
    ("message", "expected"),
    [("a\rb", ["a", "b"]), ("a\r\nb", ["a", "b"]), ("\r 50%", [" 50%"]), ("x\r", ["x"])],
)
def test_each_state_of_a_bar_in_a_message_has_the_level(message: str, expected: list[str]) -> None:
    lines = add_level(message, "error").split("\n")

    assert [split_level(line) for line in lines] == [(line, "error") for line in expected]
