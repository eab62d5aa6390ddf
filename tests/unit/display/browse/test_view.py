"""The shown object: numbers of annotations, and the state as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

import synapse
from synapse import Task
from synapse.annotations import Box, Label, write_document
from synapse.display.browse.view import ObjectView

Make = Callable[..., Any]
BOXES = [Box(0, 0, 5, 5, id="a", label="car"), Box(1, 1, 9, 9, id="b"), Label(id="c", label="x")]


@pytest.fixture
def make() -> Iterator[Make]:
    """Make a task without files, as if a server had sent it."""
    with synapse.Session("http://127.0.0.1:9", "no-token") as session:

        def load(**row: Any) -> Any:
            full = {"id": 1, "project": None, "files": {}, "tags": [], "status": "pending", **row}
            return session.identity.load(Task, [full])[0]

        yield load
        assert session.request_count == 0


def test_annotations_keep_their_numbers(make: Make) -> None:
    task = make(data=write_document(BOXES))
    view = ObjectView()
    view.show(task)
    before = {each.id: ref for ref, each in view.refs.items()}
    changed = attrs.evolve(BOXES[0], label="bus")
    task.data = write_document([Box(3, 3, 1, 1, id="new"), BOXES[2], changed])
    view.show_again()

    after = {each.id: ref for ref, each in view.refs.items()}
    assert (after["a"], after["c"]) == (before["a"], before["c"])
    assert after["new"] not in before.values()
    assert set(after) == {"a", "c", "new"}
    assert {each.label for each in view.refs.values()} == {"bus", "x", None}


def test_numbers_are_never_those_of_another_object(make: Make) -> None:
    view = ObjectView()
    view.show(make(data=write_document(BOXES)))
    before = set(view.refs)
    view.show(make(id=2, data=write_document(BOXES)))

    assert not before & set(view.refs)
    assert view.picture == 2


def test_state_of_nothing() -> None:
    view = ObjectView()
    view.show(None)

    state = view.describe()
    assert (state["object"], state["shapes"], state["tags"], state["title"]) == (None, [], None, "")


def test_texts_of_the_server_are_cleaned_and_bounded(make: Make) -> None:
    task = make(data=None, status="a\x00" + "b" * 999)
    view = ObjectView()
    view.show(task)

    state = view.describe()
    assert state["status"] == "a�" + "b" * 37 + "…"
    assert state["notes"] == []


def test_document_of_an_unknown_form_is_a_note(make: Make) -> None:
    view = ObjectView()
    view.show(make(data={"shapes": []}))

    (note,) = view.describe()["notes"]
    assert "none of the forms" in note
