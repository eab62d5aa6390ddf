"""Ctrl-C says how to go on."""

from __future__ import annotations

import pickle

import pytest

from synapse._internal.interrupts import explain_interrupt
from synapse._internal.short_traceback import render_last
from unit.conftest import FakeNotebook


def interrupt(*args: str) -> KeyboardInterrupt:
    """Return what comes out of two calls, one inside the other."""
    with (
        pytest.raises(KeyboardInterrupt) as caught,
        explain_interrupt(lambda: "outer"),
        explain_interrupt(lambda: "inner"),
    ):
        raise KeyboardInterrupt(*args)
    return caught.value


def test_the_outermost_call_decides() -> None:
    error = interrupt()

    assert (type(error), str(error)) == (KeyboardInterrupt, "outer")
    assert not hasattr(error, "_render_traceback_")


def test_a_message_of_the_users_stays() -> None:
    assert str(interrupt("my own")) == "my own"


def test_without_advice_the_inner_message_stays() -> None:
    with (
        pytest.raises(KeyboardInterrupt) as caught,
        explain_interrupt(str),
        explain_interrupt(lambda: "inner"),
    ):
        raise KeyboardInterrupt

    assert str(caught.value) == "inner"


def test_other_errors_pass() -> None:
    with pytest.raises(ValueError, match=r"^mine$"), explain_interrupt(lambda: "advice"):
        raise ValueError("mine")


def test_in_a_notebook_the_traceback_is_short(notebook: FakeNotebook) -> None:
    copy = pickle.loads(pickle.dumps(interrupt()))

    assert (type(copy), str(copy)) == (KeyboardInterrupt, "outer")
    assert copy._render_traceback_ is render_last
