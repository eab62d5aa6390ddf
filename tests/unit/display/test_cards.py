"""Parts of cards that need no server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import synapse
from synapse import Project, Task
from synapse.annotations import Annotations, Box, Label, write_document
from synapse.display import cards

Make = Callable[..., Any]


@pytest.fixture
def make() -> Iterator[Make]:
    with synapse.Session("http://127.0.0.1:9", "no-token") as session:

        def load(cls: type[Any], **row: Any) -> Any:
            return session.identity.load(cls, [{"id": 1, **row}])[0]

        yield load
        assert session.request_count == 0


def test_colors_follow_the_projects_classes(make: Make) -> None:
    configuration = {"classification": {"bounding_box": ["zebra", "unseen", "car"]}}
    project = make(Project, id=4, configuration=configuration)
    boxes = [Box(0, 0, 1, 1, label=label) for label in ("bus", "car", "zebra")]
    task = make(Task, project=4, data=write_document(boxes))

    content = cards.load_content(task, longest=10, room=10, most=1)
    assert list(cards._choose_colors([task], [content])) == [
        *("zebra", "unseen", "car", "bus"),
    ]
    assert project.id == 4


def test_chips_count_classes() -> None:
    labels = [Label(label=f"class {n}") for n in range(9)] + [Label()]
    content = cards.Content(Annotations(labels), [])

    html = cards._make_chips(content, {}, 6)
    assert html.count("<span") == 7
    assert "+4 classes" in html
    assert "more" not in cards._make_chips(content, {}, 9)
    assert cards._make_chips(content, {}, 9).count("<span") == 10


def test_columns_are_aligned() -> None:
    assert cards._align([["id", "name"], ["1", "a\nb"], ["100", "x" * 90]]) == (
        f"id   name\n1    a b\n100  {'x' * 39}…"
    )
