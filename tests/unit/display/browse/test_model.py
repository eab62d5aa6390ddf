"""Parts of the widget's model that need no server, such as bounds and faults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import synapse
from synapse import Assignment, DataUnit, GroundTruth, Task
from synapse.display.browse import model
from synapse.display.browse.edits import TagEdit
from synapse.display.browse.model import BrowserModel, _find_statuses
from synapse.errors import NotFound, UsageError


@pytest.fixture
def offline() -> Iterator[synapse.Session]:
    with synapse.Session("http://127.0.0.1:9", "no-token") as session:
        yield session
        assert session.request_count == 0


@pytest.fixture
def made(offline: synapse.Session) -> BrowserModel:
    return BrowserModel(offline.tasks.all())


@pytest.mark.parametrize(
    ("cls", "first", "last"),
    [(Task, "pending", "skipped"), (Assignment, "pending", "rejected")],
)
def test_statuses_are_the_declared_ones(cls: Any, first: str, last: str) -> None:
    statuses = _find_statuses(cls)

    assert (statuses[0], statuses[-1]) == (first, last)


@pytest.mark.parametrize("cls", [GroundTruth, DataUnit])
def test_objects_that_nobody_works_on_have_no_statuses(cls: Any) -> None:
    assert _find_statuses(cls) == []


def test_class_without_files_is_refused(offline: synapse.Session) -> None:
    with pytest.raises(UsageError, match="plugins have none"):
        BrowserModel(offline.plugins.all())


def test_fault_is_answered_too(made: BrowserModel, monkeypatch: pytest.MonkeyPatch) -> None:
    states: list[dict[str, Any]] = []
    made.connect(lambda state, buffers: states.append(state))

    def fail() -> None:
        raise RuntimeError("a fault\x00 of the code")

    monkeypatch.setattr(made._view, "describe", fail)
    made.handle({"kind": "open", "id": "1"})
    assert states[0]["error"] == "RuntimeError: a fault� of the code"
    assert states[0]["answers"] == "1"


def test_changes_that_are_not_saved_are_bounded(
    made: BrowserModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "_MOST_UNSAVED", 3)

    def refuse(key: Any) -> Any:
        raise NotFound(404, "gone")

    monkeypatch.setattr(made._walk, "find", refuse)
    edit = TagEdit(7, "tag night", 1, is_added=True)
    for number in range(3):
        with pytest.raises(NotFound):
            made._save({"id": f"m{number}"}, edit)
    with pytest.raises(UsageError, match="3 changes are not saved yet"):
        made._save({"id": "m4"}, edit)
    assert made.unsaved == ["Task 7: tag night: gone (HTTP 404)"] * 3
    assert made.history == []


def test_answered_messages_are_remembered_in_bounded_number(
    made: BrowserModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "_MOST_ANSWERED", 5)
    for number in range(20):
        made.handle({"kind": "undo", "id": f"m{number}"})

    assert list(made._answered) == ["m15", "m16", "m17", "m18", "m19"]
