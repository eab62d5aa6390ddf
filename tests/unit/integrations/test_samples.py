"""Which picture of a row is read, with which annotations, and which faults are the row's own."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.annotations import Box, Label, read_document, write_document
from synapse.errors import (
    AuthenticationError,
    ConnectionFailed,
    InvalidResponse,
    MissingExtra,
    NotFound,
    PermissionDenied,
    RateLimited,
    SampleError,
    ServerError,
    UnknownDocument,
)
from synapse.integrations.samples import (
    SampleReader,
    _choose_annotations,
    _choose_file,
    _is_own_fault,
)
from synapse.session import Session

IMAGE = {"file_type": "image", "url": "/a", "path": "a.bin"}
TEXT = {"file_type": "text", "url": "/b", "path": "b.txt"}


@pytest.mark.parametrize(
    ("files", "name", "expected", "media"),
    [
        ({"b": IMAGE, "a": TEXT}, None, "b", ["b", "image_1", ""]),
        ({"image_10": IMAGE, "image_2": IMAGE}, None, "image_2", ["image_2", "image_1"]),
        ({"image_10": IMAGE, "image_2": IMAGE}, "image_10", "image_10", ["image_10", "image_2"]),
        ({"scan": {"path": "a.JPG"}}, None, "scan", ["scan", "image_1", ""]),
        ({"scan": {"url": "http://s/a.png?x=b.txt"}}, None, "scan", ["scan", "image_1", ""]),
        ({"a": IMAGE, "note": TEXT}, "note", "note", ["note", ""]),
        ({"a": TEXT}, None, "", []),
        ({"a": IMAGE}, "b", "", []),
        ({"a": None, "b": "text"}, None, "", []),
        (None, None, "", []),
        ([], None, "", []),
    ],
)
def test_picture_of_a_row(files: Any, name: Any, expected: str, media: list[str]) -> None:
    found, file, names = _choose_file(files, name)
    assert (found, names) == (expected, media)
    assert bool(file) is bool(expected)


def test_annotations_of_the_picture() -> None:
    first, second = Box(0, 0, 1, 1, label="a", medium="image_1"), Label(label="b", medium="image_2")
    document = read_document(write_document([first, second]))

    labels = [
        [each.label for each in _choose_annotations(document, media)]
        for media in (["front", "image_1"], ["front", "image_2"], ["x", "image_3"], ["x", ""])
    ]
    assert labels == [["a"], ["b"], [], ["a", "b"]]


@pytest.mark.parametrize(
    ("error", "is_own"),
    [
        (NotFound(404, "gone"), True),
        (PermissionDenied(403, "no"), True),
        (InvalidResponse(200, "other bytes"), True),
        (UnknownDocument("odd"), True),
        (AuthenticationError(401, "token"), False),
        (RateLimited(429, "slow"), False),
        (ServerError(500, "bug"), False),
        (ConnectionFailed(503, "down"), False),
        (OSError("full"), False),
    ],
)
def test_fault_of_one_sample(error: Exception, is_own: bool) -> None:
    assert _is_own_fault(error) is is_own
    with Session("http://127.0.0.1:9", "token") as session:
        reader = SampleReader(session.tasks.all())
    row = {"id": 5, "path": None, "file": ""}
    explained = reader.explain(row, error)
    assert isinstance(explained, SampleError) is is_own
    assert not is_own or str(explained).startswith("task 5: ")
    missing = MissingExtra("Pictures", "images")
    assert reader.explain(row, missing) is missing
