"""The output of a job, by pages or as a whole."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.errors import InvalidResponse
from synapse.resources.enums import LogLevel
from synapse.resources.job_output import JobOutput
from synapse.resources.jobs import Job

from .conftest import ScriptedSession


@pytest.fixture
def output(scripted: ScriptedSession) -> JobOutput:
    """The output of a job."""
    return scripted.session.identity.load(Job, [{"id": "j1"}])[0].logs()


def page(*lines: Any, count: int, is_last: bool = False) -> dict[str, Any]:
    """Return a page as the server sends pages."""
    return {"results": list(lines), "count": count, "next": None if is_last else "x"}


def test_lines_of_all_pages(scripted: ScriptedSession, output: JobOutput) -> None:
    scripted.reply(page({"message": "one", "level": "info"}, count=2))
    scripted.reply(page("two", count=2, is_last=True))

    first, second = output

    assert (first.message, first.level, str(second)) == ("one", LogLevel.INFO, "two")
    assert [target for _, target in scripted.requests] == [
        "/jobs/j1/console_logs/?page_size=1000",
        "/jobs/j1/console_logs/?page_size=1000&page=2",
    ]


def test_a_server_without_pages(scripted: ScriptedSession, output: JobOutput) -> None:
    scripted.reply(["one", "two"])
    scripted.reply(["one", "two"])

    assert output[-1].message == "two"
    assert output.count() == 2


def test_the_last_lines_of_two_pages(scripted: ScriptedSession, output: JobOutput) -> None:
    scripted.reply(page("a", "b", count=5))
    scripted.reply(page("e", count=5, is_last=True))
    scripted.reply(page("c", "d", count=5))

    assert [line.message for line in output.last(2)] == ["d", "e"]
    assert output.last(0) == []


def test_a_malformed_response(scripted: ScriptedSession, output: JobOutput) -> None:
    scripted.reply({"text": "one"})

    with pytest.raises(InvalidResponse, match="Job j1: the response is not a job's output"):
        output.count()
