"""Who looks at progress."""

from __future__ import annotations

import io
import multiprocessing
import sys
import types
from typing import Any

import pytest

from synapse._internal.audience import Audience, find_audience, in_notebook
from synapse.errors import ConfigurationError
from unit.conftest import FakeNotebook


@pytest.mark.parametrize(("is_terminal", "expected"), [(True, "terminal"), (False, "log")])
def test_a_terminal_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, expected: str
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)

    assert find_audience() is Audience(expected)


def test_no_standard_error_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = io.StringIO()
    closed.close()
    for stream in (None, closed):
        monkeypatch.setattr(sys, "stderr", stream)
        assert find_audience() is Audience.LOG


def test_a_kernel_is_a_notebook_without_a_terminal(notebook: FakeNotebook) -> None:
    assert find_audience() is Audience.NOTEBOOK

    notebook.config = {}  # IPython in a terminal
    assert find_audience() is Audience.LOG


def test_ipython_that_is_being_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))

    assert not in_notebook()


def test_a_worker_process_of_a_kernel_has_no_output(
    notebook: FakeNotebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(multiprocessing, "parent_process", object)

    assert find_audience() is Audience.LOG


@pytest.mark.parametrize(
    ("setting", "expected"),
    [("off", "nobody"), ("lines", "log"), (" OFF ", "nobody"), ("auto", "notebook"), ("", None)],
)
def test_the_environment_decides(
    notebook: FakeNotebook, monkeypatch: pytest.MonkeyPatch, setting: str, expected: Any
) -> None:
    monkeypatch.setenv("SYNAPSE_PROGRESS", setting)

    assert find_audience() is Audience(expected or "notebook")


def test_a_malformed_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNAPSE_PROGRESS", "no")

    with pytest.raises(ConfigurationError, match="Set the variable to 'auto', 'lines' or 'off'"):
        find_audience()
