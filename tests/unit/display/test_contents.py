"""The parts of an object that are shown, without a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import synapse
from synapse import Assignment, DataUnit, GroundTruth, Plugin, Task
from synapse.annotations import Box, read_document, write_document
from synapse.display.contents import choose_size, find_files_path, find_own, load_content
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
    assert find_files_path(cls) == path


def test_each_file_has_the_annotations_of_its_medium() -> None:
    items = [
        Box(0, 0, 1, 1, id=medium, medium=medium) for medium in ("image_10", "image_2", "text_1")
    ]
    document = write_document(items)
    annotations, kinds = read_document(document), ["image", "text", "image", "image"]

    found = [[each.id for each in find_own(annotations, kinds, at)] for at in range(4)]
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

    assert choose_size(preview, known) == expected


def test_damaged_document_is_a_note(make: Make) -> None:
    content = load_content(make(Task, data={"shapes": []}, files={}), longest=9, room=9, most=1)

    assert "none of the forms" in content.note
    assert list(content.annotations) == []
