"""Unpacking into two names gives the pair, and every other way of reading gives the rows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import interpreters
import pytest

from synapse.clients import unpacking

sys.path.insert(0, str(Path(__file__).parent))
import unpacking_cases

CASES = Path(unpacking_cases.__file__)
OTHERS = {
    version: python
    for version, python in interpreters.find_interpreters().items()
    if version != interpreters.CURRENT
}


@pytest.fixture
def rows_class() -> Callable[..., Any]:
    """A sequence that uses the module."""
    return unpacking_cases.make_class(unpacking)


@pytest.mark.parametrize("statement", unpacking_cases.PAIR)
def test_pair(rows_class: Callable[..., Any], statement: str) -> None:
    values = unpacking_cases.run(statement, rows_class)

    assert values in [("iterator", 2), ("iterator", 3)]


@pytest.mark.parametrize("statement", unpacking_cases.ROWS)
def test_rows(rows_class: Callable[..., Any], statement: str) -> None:
    assert unpacking_cases.run(statement, rows_class) == ("x", "y")


@pytest.mark.parametrize("version", OTHERS)
def test_same_results_on_other_versions(version: str) -> None:
    command = [OTHERS[version], "-I", CASES, unpacking.__file__]

    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_same_results_under_a_debugger(rows_class: Callable[..., Any]) -> None:
    """A tracer replaces the instructions of the code that it watches."""

    def trace(frame: Any, event: str, argument: Any) -> Any:
        frame.f_trace_opcodes = True
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        wrong = unpacking_cases.find_wrong(rows_class)
    finally:
        sys.settrace(before)

    assert wrong == []


def test_same_results_for_specialized_instructions(rows_class: Callable[..., Any]) -> None:
    """CPython replaces an instruction that is executed often by one for the usual type."""
    rows = rows_class("x", "y")
    results = []
    for value in [*[("x", "y")] * 1000, rows]:
        a, b = value
        results.append((a, b))

    assert results[-2:] == [("x", "y"), ("iterator", 2)]


def test_rows_outside_cpython(
    rows_class: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "_IS_CPYTHON", False)

    a, b = rows_class("x", "y")

    assert (a, b) == ("x", "y")


def test_rows_without_the_instruction(
    rows_class: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "_UNPACK_TWO", bytes([0, 2]))

    a, b = rows_class("x", "y")

    assert (a, b) == ("x", "y")


def test_a_chain_of_two_rows_is_a_known_mistake(rows_class: Callable[..., Any]) -> None:
    """Code written in C that neither asks for the length nor returns looks like an unpacking."""
    from itertools import chain

    a, b = chain.from_iterable([rows_class("x", "y")])

    assert (a, b) == ("iterator", 2)
