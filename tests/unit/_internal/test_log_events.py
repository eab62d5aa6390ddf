"""Log messages: their table, their fields, and what they hide."""

from __future__ import annotations

import ast
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import synapse
from synapse._internal import log_events, redaction
from synapse._internal.log_events import EVENTS, LogEvent

PACKAGE = Path(synapse.__file__).parent
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "logging.md"
# The fields of `**context.describe()`.
REQUEST = {"method", "url", "path", "request_id", "resource"}
SECRET = "tok-5up3r-s3cret"
# They configure logging, or look whether it is configured.
MAY_USE_LOGGING = {
    *("_internal/log_events.py", "_internal/redaction.py", "_internal/live_output.py"),
    *("agent/service.py", "cli/options.py", "plugins/job_main.py"),
    "transport/socket_deadlines.py",  # the log of the library whose place it takes
}


@pytest.fixture
def event() -> Iterator[LogEvent]:
    """An event of these tests only."""
    made = LogEvent("test.event", "tests", (logging.INFO, logging.ERROR), "place", "A test.")
    yield made
    del EVENTS["test.event"]


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Yield every call of `SOME_EVENT.log(...)` in the package, with its place."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if is_call and node.func.attr == "log" and get_constant(node.func.value):
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node


def get_constant(node: ast.expr) -> str:
    """Return the constant that an expression names, such as `TOKEN_RENEWED`."""
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name if name.isupper() and hasattr(log_events, name) else ""


CALLS = dict(calls())


@pytest.mark.parametrize("place", CALLS)
def test_a_call_gives_the_fields_of_its_event(place: str) -> None:
    call = CALLS[place]
    assert isinstance(call.func, ast.Attribute)
    event: LogEvent = getattr(log_events, get_constant(call.func.value))
    names = [keyword.arg for keyword in call.keywords]
    given = {name for name in names if name} - {"exc_info", "is_urgent"}
    if None in names:
        given |= REQUEST
    assert given == set(event.fields)
    assert isinstance(call.args[0], (ast.Constant, ast.JoinedStr, ast.Name))


def test_every_event_is_logged_somewhere() -> None:
    used = {get_constant(call.func.value) for call in CALLS.values()}  # type: ignore[attr-defined] # `calls` looked
    known = {name for name, one in vars(log_events).items() if isinstance(one, LogEvent)}
    assert used == known
    assert len(known) == len(EVENTS)


def test_nothing_else_logs() -> None:
    others = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if "logging.getLogger" in path.read_text("utf-8")
    ]
    assert set(others) <= MAY_USE_LOGGING


def test_loggers_are_one_tree() -> None:
    for event in EVENTS.values():
        assert event.logger.name.split(".")[0] == "synapse"
        assert event.logger.name.count(".") == 1


def test_fields_replace_no_attribute_of_records() -> None:
    record = logging.LogRecord("", 0, "", 0, "", None, None)
    taken = {*vars(record), "message", "asctime", "taskName", "event"}
    for event in EVENTS.values():
        assert not taken & set(event.fields), event.name


def test_the_manual_has_the_same_table() -> None:
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    expected = []
    for event in EVENTS.values():
        fields = ", ".join(f"`{name}`" for name in event.fields) or "none"
        levels = ", ".join(map(logging.getLevelName, event.levels))
        cells = (f"`{event.name}`", f"`{event.logger.name}`", levels, fields, event.meaning)
        expected.append(f"| {' | '.join(cells)} |")
    assert rows[-len(expected) :] == expected


class TestLog:
    @pytest.mark.parametrize(("urgent", "level"), [(False, logging.INFO), (True, logging.ERROR)])
    def test_makes_a_record_of_the_caller(
        self, event: LogEvent, caplog: pytest.LogCaptureFixture, urgent: bool, level: int
    ) -> None:
        with caplog.at_level(logging.INFO, "synapse"):
            event.log("At %s: %d", "home", 5, is_urgent=urgent, place="home")
        (record,) = caplog.records
        assert (record.name, record.levelno) == ("synapse.tests", level)
        assert record.getMessage() == "At home: 5"
        assert (record.event, record.place) == ("test.event", "home")  # type: ignore[attr-defined] # they are the fields
        assert (record.filename, record.funcName) == (
            "test_log_events.py",
            "test_makes_a_record_of_the_caller",
        )

    def test_makes_none_that_nobody_wants(
        self, event: LogEvent, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING, "synapse"):
            assert not event.is_enabled
            event.log("At home", place="home")
        assert caplog.records == []

    def test_hides_secrets(self, event: LogEvent, caplog: pytest.LogCaptureFixture) -> None:
        redaction.hide(SECRET)
        with caplog.at_level(logging.INFO, "synapse"):
            try:
                raise ValueError(f"{SECRET} is wrong")
            except ValueError as error:
                event.log("%s; %s", SECRET, error, exc_info=True, place=error)
        (record,) = caplog.records
        shown: Any = {**vars(record), "exc_info": None}
        assert SECRET not in f"{record.getMessage()} {shown}"
        assert "ValueError: *** is wrong" in (record.exc_text or "")
        assert SECRET not in logging.Formatter().format(record)
        assert record.place == "*** is wrong"  # type: ignore[attr-defined] # it is a field
