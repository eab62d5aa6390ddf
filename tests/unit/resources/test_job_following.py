"""Showing a followed job; `tests/behaviour` follows real jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from synapse._internal.live_output import CellOutput
from synapse.errors import NotFound
from synapse.resources import job_following
from synapse.resources.job_following import JobFollower
from synapse.resources.jobs import Job
from unit.conftest import FakeNotebook

from .conftest import ScriptedSession


class Log:
    """A log that is followed, in the place of the server."""

    def __init__(self, lines: list[Any]) -> None:
        self.lines = lines
        self.is_open = False

    def follow(self, *_: object, **__: object) -> Iterator[str]:
        self.is_open = True
        try:
            for line in self.lines:
                if isinstance(line, BaseException):
                    raise line
                yield line
        finally:
            self.is_open = False


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """A log of three lines."""
    log = Log(["one", "two", "three"])
    monkeypatch.setattr(job_following, "follow", log.follow)
    return log


@pytest.fixture
def immediately(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show what a person would see after half a second."""
    monkeypatch.setattr(job_following, "CellOutput", lambda delay=0.0: CellOutput(0.0))


@pytest.fixture
def follower(scripted: ScriptedSession, log: Log) -> JobFollower:
    """A follower of a job that has succeeded."""
    (job,) = scripted.session.identity.load(Job, [{"id": "a", "status": "succeeded"}])
    return job.follow()


def test_lines_alone_in_a_script(
    follower: JobFollower, capsys: pytest.CaptureFixture[str], scripted: ScriptedSession
) -> None:
    assert repr(follower) == "<JobFollower of Job a: not read yet>"
    assert scripted.requests == []
    assert list(follower) == ["one", "two", "three"]
    assert list(follower) == []
    assert repr(follower) == "<JobFollower of Job a: succeeded>"
    assert capsys.readouterr() == ("", "")


def test_show_prints_outside_notebooks(
    follower: JobFollower, capsys: pytest.CaptureFixture[str]
) -> None:
    follower.show()

    assert capsys.readouterr() == ("one\ntwo\nthree\n", "")


@pytest.mark.usefixtures("immediately")
def test_a_loop_has_a_state_beside_it(follower: JobFollower, notebook: FakeNotebook) -> None:
    for _ in follower:
        assert notebook.texts[0].startswith("Job a: running, 1 line, followed for ")

    (text,) = notebook.texts
    assert text.startswith("Job a: succeeded, 3 lines, followed for ")
    assert text.endswith("session.jobs.get('a').result")


def test_a_cell_shows_the_last_lines(
    follower: JobFollower, notebook: FakeNotebook, log: Log
) -> None:
    log.lines = [f"{number} <b>{'x' * 1000}" for number in range(1000)]

    follower._ipython_display_()

    (bundle,) = notebook.outputs.values()
    lines = bundle["text/plain"].splitlines()[1:]
    assert [line.split()[0] for line in lines] == [str(number) for number in range(980, 1000)]
    assert max(map(len, lines)) == 300
    assert "The last 20 of 1,000 lines. job.logs() has all." in bundle["text/html"]
    assert "<b>x" not in bundle["text/html"]


@pytest.mark.usefixtures("immediately")
@pytest.mark.parametrize(
    ("error", "outcome"),
    [(NotFound(404, "gone"), "following failed"), (KeyboardInterrupt(), "stopped following")],
)
def test_the_end_is_seen(
    follower: JobFollower, notebook: FakeNotebook, log: Log, error: BaseException, outcome: str
) -> None:
    log.lines = ["one", error]

    with pytest.raises(type(error)):
        list(follower)

    assert notebook.texts[0].startswith(f"Job a: {outcome}, 1 line, ")


def test_ctrl_c_says_how_to_go_on(follower: JobFollower, log: Log) -> None:
    log.lines = ["one", KeyboardInterrupt()]

    with pytest.raises(KeyboardInterrupt) as caught:
        list(follower)

    assert str(caught.value) == (
        "Stopped following. Job a goes on: session.jobs.get('a').follow() begins with the first "
        "line again, .wait() waits for the end."
    )


@pytest.mark.usefixtures("immediately")
def test_a_left_loop_closes_the_connection(
    scripted: ScriptedSession, notebook: FakeNotebook, log: Log
) -> None:
    """The notebook's cell keeps the view, and not the connection."""
    (job,) = scripted.session.identity.load(Job, [{"id": "a", "status": "running"}])
    for _ in job.follow():
        assert log.is_open
        break

    assert not log.is_open
    assert notebook.texts[0].startswith("Job a: not followed to the end, 1 line, ")


def test_a_short_loop_shows_nothing(follower: JobFollower, notebook: FakeNotebook) -> None:
    assert len(list(follower)) == 3
    assert notebook.outputs == {}


@pytest.mark.usefixtures("immediately")
def test_switched_off(scripted: ScriptedSession, log: Log, notebook: FakeNotebook) -> None:
    (job,) = scripted.session.identity.load(Job, [{"id": "a", "status": "succeeded"}])

    assert list(job.follow(progress=False)) == ["one", "two", "three"]
    assert notebook.outputs == {}
