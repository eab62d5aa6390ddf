"""Relations and groups."""

from __future__ import annotations

import attrs
import pytest

from synapse.annotations import Group, Relation, read_document, write_document
from synapse.errors import FieldValueError


def test_members_are_ids() -> None:
    assert Group(["a", "b"]).members == ("a", "b")
    for wrong in ("ab", [1]):
        with pytest.raises(FieldValueError, match="not a list of ids"):
            Group(wrong)


def test_relation_in_the_list_of_annotations_is_read_and_kept() -> None:
    document = {
        "annotations": {"image_1": [{"id": "r", "tool": "relation", "classification": None}]},
        "annotationsData": {
            "image_1": [{"id": "r", "annotationId": "a", "targetAnnotationId": "b"}]
        },
    }
    (relation,) = read_document(document)
    assert isinstance(relation, Relation)
    assert (relation.start_id, relation.end_id) == ("a", "b")
    assert write_document([relation], like=document) == document


def test_group_as_a_tree_is_read_and_kept() -> None:
    tree = {
        "id": "g",
        "tool": "annotationGroup",
        "annotationList": [{"annotationId": "a", "children": [{"annotationId": "b"}]}],
    }
    document = {
        "annotations": {"image_1": []},
        "annotationsData": {"image_1": []},
        "annotationGroups": {"image_1": [tree]},
    }
    (group,) = read_document(document)
    assert isinstance(group, Group)
    assert group.members == ("a", "b")
    assert write_document([group], like=document) == document

    larger = write_document([attrs.evolve(group, members=("a", "b", "c"))], like=document)
    assert larger["annotationGroups"]["image_1"] == [
        {"id": "g", "tool": "annotationGroup", "annotationIds": ["a", "b", "c"]}
    ]
