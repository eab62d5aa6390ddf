"""The attribute `annotations` of resources with a document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import synapse
from synapse.annotations import Label, write_document
from synapse.errors import UnknownDocument
from synapse.resources.annotated import DocumentAnnotations, write_annotations


@pytest.fixture
def offline() -> Iterator[synapse.Session]:
    with synapse.Session("http://127.0.0.1:9", "no-token") as session:
        yield session


@pytest.fixture
def make(offline: synapse.Session) -> Any:
    return lambda cls, **row: offline.identity.load(cls, [{"id": 1, **row}])[0]


def test_assignments_and_ground_truths_have_annotations(offline: synapse.Session) -> None:
    document = write_document([Label(label="rain")])
    for cls in (synapse.Assignment, synapse.GroundTruth, synapse.GroundTruthEvent):
        key = cls.__schema__.key
        row = {"id": 7, key: 7, "data": document}
        found: Any = offline.identity.load(cls, [row])[0]
        assert found.annotations[0].label == "rain"
        if cls is synapse.Assignment:
            found.annotations = []
            assert found.data["annotations"] == {"image_1": []}
        else:
            with pytest.raises(AttributeError, match="data is read-only"):
                found.annotations = []


def test_other_parts_of_the_document_stay(make: Any) -> None:
    task = make(synapse.Task, data={**write_document([Label(label="rain")]), "history": [1]})
    document = write_annotations(task, [Label(label="snow")])
    assert document["history"] == [1]
    assert [entry["label"] for entry in document["annotations"]["image_1"]] == [["snow"]]


def test_unknown_documents_name_the_object(make: Any) -> None:
    task = make(synapse.Task, data={"x": 1})
    with pytest.raises(UnknownDocument, match=r"^Task 1: The object has a document"):
        write_annotations(task, [])


def test_class_has_the_descriptor() -> None:
    assert isinstance(synapse.Task.annotations, DocumentAnnotations)
