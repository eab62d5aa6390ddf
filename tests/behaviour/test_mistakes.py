"""Mistakes of name, type and value: type checkers or the run time find each before a request."""

from __future__ import annotations

import inspect
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import synapse
from synapse import Job, Project, Session, Task
from synapse.errors import ConnectionFailed

TABLE = Path(__file__).parents[1] / "typing" / "check_mistakes.py"
MISTAKES: list[Callable[..., None]] = [
    value
    for value in runpy.run_path(str(TABLE)).values()
    if inspect.isfunction(value) and value.__code__.co_filename == str(TABLE)
]
_FUNCTION = re.compile(r"^def (\w+)(.*?)(?=^def |\Z)", re.MULTILINE | re.DOTALL)
CHECKED = {
    name
    for name, body in _FUNCTION.findall(TABLE.read_text(encoding="utf-8"))
    if "# type: ignore[" in body and "# pyright: ignore[" in body
}


@pytest.fixture
def arguments() -> Iterator[dict[str, Any]]:
    """A session whose requests all fail, and objects that it knows."""
    with synapse.Session("http://127.0.0.1:9", "token", retries=0) as session:
        load = session.identity.load
        yield {
            "session": session,
            "project": load(Project, [{"id": 1, "title": "Streets"}])[0],
            "task": load(Task, [{"id": 1, "project": 1, "status": "pending", "meta": {}}])[0],
            "job": load(Job, [{"id": "1", "status": "running", "progress": 0}])[0],
        }


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_a_mistake_is_found_before_a_request(
    mistake: Callable[..., None], arguments: dict[str, Any]
) -> None:
    cure = mistake.__doc__
    if cure is None:
        assert mistake.__name__ in CHECKED, "neither checkers nor the run time find the mistake"
        return

    with pytest.raises((AttributeError, TypeError, ValueError)) as raised:
        mistake(**{name: arguments[name] for name in inspect.signature(mistake).parameters})

    assert cure.lower() in str(raised.value).lower()


def test_type_checkers_find_most_mistakes() -> None:
    assert len(MISTAKES) == 32
    assert len(CHECKED) == 27


def test_a_request_would_fail(arguments: dict[str, Any]) -> None:
    session: Session = arguments["session"]

    with pytest.raises(ConnectionFailed):
        session.tasks.count()
