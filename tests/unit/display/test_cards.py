"""Parts of cards that need no server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import synapse
from synapse import Assignment, DataUnit, GroundTruth, Plugin, Project, Task
from synapse.annotations import Box, Label, write_document
from synapse.display import cards
from synapse.display.previews import Preview

Make = Callable[..., Any]


@pytest.fixture
def make() -> Iterator[Make]:
    with synapse.Session("http://127.0.0.1:9", "no-token") as session:

        def load(cls: type[Any], **row: Any) -> Any:
            return session.identity.load(cls, [{"id": 1, **row}])[0]

        yield load
        assert session.request_count == 0


@pytest.mark.parametrize(
    ("cls", "path"),
    [(Task, ""), (DataUnit, ""), (Assignment, ""), (GroundTruth, "data_unit"), (Plugin, None)],
)
def test_files_are_found_by_the_declarations(cls: type[Any], path: str | None) -> None:
    assert cards._find_files_path(cls) == path


def test_colors_follow_the_projects_classes(make: Make) -> None:
    configuration = {"classification": {"bounding_box": ["zebra", "unseen", "car"]}}
    project = make(Project, id=4, configuration=configuration)
    boxes = [Box(0, 0, 1, 1, label=label) for label in ("bus", "car", "zebra")]
    task = make(Task, project=4, data=write_document(boxes))

    content = cards._load(task, longest=10, room=10, most=1)
    assert list(cards._choose_colors([task], [content])) == [
        *("zebra", "unseen", "car", "bus"),
    ]
    assert project.id == 4


def test_each_file_has_the_annotations_of_its_medium() -> None:
    items = [
        Box(0, 0, 1, 1, id=medium, medium=medium) for medium in ("image_10", "image_2", "text_1")
    ]
    document = write_document(items)
    content = cards._Content(
        cards.read_document(document),
        [("image", Preview()), ("text", Preview()), ("image", Preview()), ("image", Preview())],
    )

    found = [[each.id for each in cards._find_own(content, at)] for at in range(4)]
    assert found == [["image_2"], ["text_1"], ["image_10"], []]


@pytest.mark.parametrize(
    ("shown", "orientation", "known", "expected"),
    [
        ((200, 320), 6, (320, 200), ((200, 320), 6)),
        ((200, 320), 6, (200, 320), ((200, 320), 1)),
        ((200, 320), 6, None, ((200, 320), 6)),
        ((200, 320), 6, (100, 160), ((100, 160), 1)),
        ((320, 200), 3, (320, 200), ((320, 200), 3)),
        (None, 1, (7, 8), ((7, 8), 1)),
        (None, 1, None, (None, 1)),
    ],
)
def test_size_of_the_document_tells_how_it_counts_pixels(
    shown: Any, orientation: int, known: Any, expected: Any
) -> None:
    preview = Preview(size=shown, orientation=orientation)

    assert cards._choose_size(preview, known) == expected


def test_chips_count_classes() -> None:
    labels = [Label(label=f"class {n}") for n in range(9)] + [Label()]
    content = cards._Content(cards.Annotations(labels), [])

    html = cards._make_chips(content, {}, 6)
    assert html.count("<span") == 7
    assert "+4 classes" in html
    assert "more" not in cards._make_chips(content, {}, 9)
    assert cards._make_chips(content, {}, 9).count("<span") == 10


def test_columns_are_aligned() -> None:
    assert cards._align([["id", "name"], ["1", "a\nb"], ["100", "x" * 90]]) == (
        f"id   name\n1    a b\n100  {'x' * 39}…"
    )


def test_damaged_document_is_a_note(make: Make) -> None:
    content = cards._load(make(Task, data={"shapes": []}, files={}), longest=9, room=9, most=1)

    assert "none of the forms" in content.note
    assert list(content.annotations) == []
