"""Tracebacks that end at the user's line; `tests/notebooks` looks at real ones."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import synapse
from synapse._internal.hints import attribute_error
from synapse._internal.short_traceback import cut_traceback, render, render_last, shortened
from synapse._internal.validate import validate_int
from synapse.errors import ConnectionFailed, SynapseError, UsageError
from unit.conftest import FakeNotebook


class FakeFormatter:
    """IPython's formatter of tracebacks."""

    mode = "Context"
    tb: Any = None

    def structured_traceback(self, cls: Any, error: BaseException, trace: Any) -> list[str]:
        error = error.with_traceback(trace) if trace is not error.__traceback__ else error
        return traceback.format_exception(cls, error, trace)


@pytest.fixture
def shell(notebook: FakeNotebook) -> FakeFormatter:
    """The formatter of a notebook."""
    formatter = FakeFormatter()
    notebook.InteractiveTB = formatter  # type: ignore[attr-defined] # of the real shell
    return formatter


def catch(call: Callable[[], object]) -> SynapseError:
    with pytest.raises(SynapseError) as caught:
        call()
    return caught.value


def names(trace: Any) -> list[str]:
    return [frame.name for frame in traceback.extract_tb(trace)]


def callback_fails() -> None:
    """The SDK calls the user's code, which calls the SDK."""
    progress = synapse.transfer.progress.CallbackProgress(lambda *_: validate_int("n", -1))
    progress.file("a", 10).at(10)


def test_ends_at_the_users_line() -> None:
    error = catch(lambda: validate_int("n", -1))

    cut, hidden = cut_traceback(error.__traceback__)

    assert names(cut) == ["catch", "<lambda>"]
    assert hidden == len(names(error.__traceback__)) - 2 > 0


def test_keeps_users_code_that_the_sdk_calls() -> None:
    error = catch(callback_fails)

    cut, _ = cut_traceback(error.__traceback__)

    assert names(cut)[-1] == "<lambda>"
    assert names(error.__traceback__)[-1] != "<lambda>"


def test_keeps_an_error_that_only_the_user_raised() -> None:
    def fail() -> None:
        raise UsageError("mine")

    error = catch(fail)

    assert cut_traceback(error.__traceback__) == (error.__traceback__, 0)
    assert cut_traceback(None) == (None, 0)


def test_only_the_shown_traceback_is_cut(shell: FakeFormatter) -> None:
    error = catch(lambda: validate_int("n", -1))
    before = names(error.__traceback__)

    shown = "".join(error._render_traceback_())

    assert "validate.py" not in shown
    assert "frame of the SDK hidden" in shown or "frames of the SDK hidden" in shown
    assert shown.rstrip().endswith(str(error))
    assert names(error.__traceback__) == before
    assert shell.tb is error.__traceback__, "for %debug"
    record = logging.LogRecord("a", 40, "a", 1, "a", (), (type(error), error, error.__traceback__))
    assert "validate.py" in logging.Formatter().format(record)


def test_causes_of_the_user_stay_and_those_of_the_sdk_go(shell: FakeFormatter) -> None:
    def fail() -> None:
        try:
            raise ValueError("the user's")
        except ValueError:
            validate_int("n", -1)

    assert "the user's" in "".join(render(catch(fail)))

    cause = catch(lambda: validate_int("n", -1))
    trace = cause.__traceback__
    while trace is not None and "/synapse/" not in trace.tb_frame.f_code.co_filename:
        trace = trace.tb_next
    error = catch(lambda: validate_int("m", -1))
    error.__cause__ = ConnectionFailed(503, "inside").with_traceback(trace)

    assert "inside" not in "".join(render(error))
    assert error.__cause__ is not None


def test_causes_in_functions_that_the_user_passed_stay(shell: FakeFormatter) -> None:
    source = "def wrap(call):\n try: call()\n except KeyError as e: raise UsageError('x') from e"
    names: dict[str, Any] = {"UsageError": UsageError}
    inside = f"{Path(synapse.__file__).parent / 'wrapping.py'}"
    exec(compile(source, inside, "exec"), names)

    def fail() -> None:
        raise KeyError("the user's own")

    error = catch(lambda: names["wrap"](fail))

    assert "KeyError" in "".join(render(error))


def test_can_be_turned_off(shell: FakeFormatter, monkeypatch: pytest.MonkeyPatch) -> None:
    error = catch(lambda: validate_int("n", -1))
    monkeypatch.setenv("SYNAPSE_TRACEBACK", "full")

    assert "validate.py" in "".join(render(error))


def test_outside_notebooks_nothing_is_cut(shell: FakeFormatter, notebook: FakeNotebook) -> None:
    notebook.config = {}
    error = catch(lambda: validate_int("n", -1))

    assert "validate.py" in "".join(render(error))


def test_without_ipython_python_formats() -> None:
    error = catch(lambda: validate_int("n", -1))

    assert render(error) == traceback.format_exception(type(error), error, error.__traceback__)
    assert pickle.loads(pickle.dumps(error)).args == error.args


def test_missing_attributes_too(shell: FakeFormatter) -> None:
    error = attribute_error("Session has no 'tusks'.", "tusks")
    try:
        raise error
    except AttributeError:
        shown = error._render_traceback_()  # type: ignore[attr-defined] # IPython's hook

    assert shown[-1].strip() == "AttributeError: Session has no 'tusks'."
    assert pickle.loads(pickle.dumps(error)).args == error.args


def test_pythons_own_errors_that_are_raised_on_purpose(shell: FakeFormatter) -> None:
    error = shortened(IndexError("no object at index 7"))

    assert error._render_traceback_ is render_last  # type: ignore[attr-defined] # IPython's hook
    assert type(error) is IndexError


def test_pythons_own_errors_outside_notebooks() -> None:
    assert vars(shortened(IndexError("no object at index 7"))) == {}


def test_nothing_that_is_raised() -> None:
    assert SimpleNamespace(show=render_last).show() == []
