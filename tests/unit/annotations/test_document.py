"""Annotation documents: every form is read, unchanged parts survive writing."""

from __future__ import annotations

import copy
import json
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.annotations import (
    Annotations,
    Answer,
    Box,
    BoxTrack,
    Cuboid,
    FrameSection,
    Group,
    Keypoint,
    Label,
    Mask,
    NamedEntity,
    OtherAnnotation,
    PointSet,
    Polygon,
    Polyline,
    Prompt,
    Relation,
    TimeRange,
    TimeSection,
    read_document,
    write_document,
)
from synapse.errors import FieldValueError, UnknownDocument, UsageError

FLAGS = {"isLocked": True, "isVisible": False, "isValid": False, "isDrawCompleted": True}
# A document as the platform's editor writes it.
STREET: dict[str, Any] = {
    "assignmentId": None,
    "extra": {"image_1": {"width": 960, "height": 640, "zoom": 2}},
    "annotations": {
        "image_1": [
            {
                "id": "car1",
                "tool": "bounding_box",
                **FLAGS,
                "classification": {"class": "car", "occluded": True},
                "label": ["car"],
                "note": {"by": 3},
            },
            {
                "id": "nose",
                "tool": "keypoint",
                "classification": {"class": "nose", "visibility": "visible", "side": "left"},
            },
            {"id": "road", "tool": "polygon", "classification": {"class": "road"}},
            {"id": "rain", "tool": "classification", "classification": {"class": "rain"}},
            {"id": "odd", "tool": "ellipse", "classification": {"class": "lamp"}},
        ],
        "image_10": [],
        "image_2": [{"id": "mask", "tool": "segmentation", "classification": None}],
    },
    "annotationsData": {
        "image_2": [{"id": "mask", "pixel_indices": [[0, 3], [8, 2]], "isCompressed": True}],
        "image_1": [
            {"id": "odd", "radius": 4},
            {"id": "nobody", "coordinate": {}},
            {"id": "nose", "coordinate": {"x": 33, "y": 41}},
            {
                "id": "car1",
                "coordinate": {"x": 10.5, "y": 20, "width": 100, "height": 50, "z": 1},
                "extra": 1,
            },
            {
                "id": "road",
                "coordinate": [
                    {"x": 0, "y": 0, "id": "p1"},
                    {"x": 9, "y": 0, "id": "p2"},
                    {"x": 9, "y": 5, "id": "p3"},
                ],
            },
        ],
        "image_10": [],
    },
    "annotationGroups": {"image_1": [{"id": "pair", "annotationIds": ["car1", "nose"], "c": 1}]},
    "relations": {
        "image_1": [
            {
                "id": "has",
                "tool": "relation",
                "annotationId": "car1",
                "targetAnnotationId": "nose",
                "classification": {"class": "has"},
            }
        ]
    },
    "history": [1, 2],
}


def test_editors_document_is_read() -> None:
    car, nose, road, rain, odd, mask, pair, has = read_document(STREET)

    assert car == Box(
        10.5, 20, 100, 50, id="car1", medium="image_1", label="car", attributes={"occluded": True}
    )
    assert isinstance(nose, Keypoint)
    assert (nose.visibility, nose.attributes) == ("visible", {"side": "left"})
    assert isinstance(road, Polygon)
    assert road.points == ((0, 0), (9, 0), (9, 5))
    assert rain == Label(label="rain", id="rain", medium="image_1")
    assert isinstance(odd, OtherAnnotation)
    assert (odd.tool, odd.label) == ("ellipse", "lamp")
    assert isinstance(mask, Mask)
    assert (mask.medium, mask.runs, mask.size) == ("image_2", ((0, 3), (8, 2)), None)
    assert isinstance(pair, Group)
    assert pair.members == ("car1", "nose")
    assert isinstance(has, Relation)
    assert (has.start_id, has.end_id, has.label) == ("car1", "nose", "has")
    found = read_document(STREET)
    assert found.sizes == {"image_1": (960, 640)}
    assert found.group_of(car) == pair
    assert found.group_of(rain) is None


def test_unchanged_annotations_are_written_as_they_were() -> None:
    before = copy.deepcopy(STREET)

    written = write_document(read_document(STREET), like=STREET)

    assert written == before == STREET
    assert json.dumps(written["annotationsData"]["image_1"]) == json.dumps(
        STREET["annotationsData"]["image_1"]
    )
    written["annotations"]["image_1"][0]["note"]["by"] = 4
    assert before == STREET


def test_moved_box_changes_alone() -> None:
    found = read_document(STREET)

    written = write_document(found.replace(attrs.evolve(found[0], x=11)), like=STREET)

    expected = copy.deepcopy(STREET)
    expected["annotationsData"]["image_1"][3]["coordinate"]["x"] = 11
    assert written == expected


def test_renamed_class_keeps_the_order_of_the_keys() -> None:
    found = read_document(STREET)
    nose = attrs.evolve(found[1], label="mouth", visibility="occluded")

    written = write_document(found.replace(nose), like=STREET)

    entry = written["annotations"]["image_1"][1]
    assert json.dumps(entry["classification"]) == json.dumps(
        {"class": "mouth", "visibility": "occluded", "side": "left"}
    )
    assert written["annotationsData"] == STREET["annotationsData"]


def test_annotations_that_are_left_out_are_gone() -> None:
    found = read_document(STREET)

    written = write_document([each for each in found if each.id != "car1"], like=STREET)

    assert [entry["id"] for entry in written["annotations"]["image_1"]] == [
        *("nose", "road", "rain", "odd")
    ]
    # An entry that never had an annotation stays.
    assert [entry["id"] for entry in written["annotationsData"]["image_1"]] == [
        *("odd", "nobody", "nose", "road")
    ]
    assert written["annotations"]["image_10"] == []


def test_new_annotations_get_the_editors_keys() -> None:
    box = Box(1, 2, 3, 4, label="car", attributes={"far": True}, id="abcdefghij")
    point = Keypoint(5, 6, label="nose", visibility="missing", id="klmnopqrst")
    group = Group([box.id, point.id], id="uvwxyzabcd")
    relation = Relation(box.id, point.id, label="has", id="efghijklmn")

    assert write_document([box, point, group, relation], sizes={"image_1": (20, 10)}) == {
        "annotations": {
            "image_1": [
                {
                    "id": "abcdefghij",
                    "tool": "bounding_box",
                    "isLocked": False,
                    "isVisible": True,
                    "isValid": False,
                    "isDrawCompleted": True,
                    "classification": {"class": "car", "far": True},
                    "label": ["car"],
                },
                {
                    "id": "klmnopqrst",
                    "tool": "keypoint",
                    "isLocked": False,
                    "isVisible": True,
                    "isValid": False,
                    "isDrawCompleted": True,
                    "classification": {"class": "nose", "visibility": "missing"},
                    "label": ["nose"],
                },
            ]
        },
        "annotationGroups": {
            "image_1": [{"id": "uvwxyzabcd", "annotationIds": ["abcdefghij", "klmnopqrst"]}]
        },
        "relations": {
            "image_1": [
                {
                    "id": "efghijklmn",
                    "tool": "relation",
                    "classification": {"class": "has"},
                    "annotationId": "abcdefghij",
                    "targetAnnotationId": "klmnopqrst",
                }
            ]
        },
        "annotationsData": {
            "image_1": [
                {"id": "abcdefghij", "coordinate": {"x": 1, "y": 2, "width": 3, "height": 4}},
                {"id": "klmnopqrst", "coordinate": {"x": 5, "y": 6}},
            ]
        },
        "extra": {"image_1": {"width": 20, "height": 10}},
    }


def test_new_annotations_go_to_the_documents_medium() -> None:
    document = {"annotations": {"video_1": []}, "annotationsData": {"video_1": []}}
    written = write_document([FrameSection(3, 9, label="jump")], like=document)
    assert list(written["annotations"]) == ["video_1"]
    assert list(write_document([TimeSection(1, 2)])["annotations"]) == ["audio_1"]


SAMPLES = [
    Box(1, 2, 3, 4.5, rotation=0.25, label="car", attributes={"tags": ["a", "b"], "n": 1}),
    Polygon([(0, 0), (4, 0), (4, 3)], label="roof"),
    Polyline([(0, 0), (4, 3)]),
    Keypoint(1, 2, visibility="occluded", label="nose"),
    Mask([(0, 3), (8, 2)], label="sky"),
    Label(label="rain"),
    BoxTrack({0: (1, 2, 3, 4), 7: (2, 2, 3, 4)}, label="car"),
    FrameSection(3, 9, label="jump"),
    TimeSection(0.5, 2.25, label="speech"),
    TimeRange(10, 20, excluded_tracks=["b"], label="peak"),
    Cuboid((1, 2, 3), (4, 5, 6), (0.1, 0.2, 0.3), label="truck"),
    Cuboid((1, 2, 3), (4, 5, 6), (1.0, 0.0, 0.0, 0.0), label="truck"),
    PointSet([1, 5, 9], label="tree"),
    NamedEntity([{"start": 0, "end": 4}], "Jane", label="person"),
    Prompt([{"type": "text", "value": "Why?"}]),
    Answer([{"type": "text", "value": "So."}], model="m", prompt_id="p"),
    Relation("a", "b", label="has"),
    Group(["a", "b"]),
]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_each_class_is_read_as_written(sample: Any) -> None:
    written = json.loads(json.dumps(write_document([sample])))

    (found,) = read_document(written)

    assert attrs.evolve(found, medium=None) == sample
    assert write_document([found], like=written) == written


def test_raw_indices_stay_raw_indices() -> None:
    document = {
        "annotations": {"image_1": [{"id": "m", "tool": "segmentation"}]},
        "annotationsData": {"image_1": [{"id": "m", "pixel_indices": [1, 2, 7]}]},
    }
    (mask,) = read_document(document)
    assert isinstance(mask, Mask)
    assert mask.runs == ((1, 2), (7, 1))
    written = write_document([attrs.evolve(mask, runs=[(1, 3)])], like=document)
    assert written["annotationsData"]["image_1"] == [{"id": "m", "pixel_indices": [1, 2, 3]}]


@pytest.mark.parametrize("empty", [None, {}], ids=["none", "empty"])
def test_no_document_has_no_annotations(empty: Any) -> None:
    assert read_document(empty) == []
    assert write_document([], like=empty)["annotations"] == {}


@pytest.mark.parametrize(
    "document",
    [{"annotations": [{"type": "class"}]}, {"images": {}}, [1], "text", 3, {"mode": "presigned"}],
    ids=["list", "mapping", "array", "text", "number", "pointer"],
)
def test_unknown_forms_are_refused(document: Any) -> None:
    with pytest.raises(UnknownDocument, match="none of the forms"):
        read_document(document)
    with pytest.raises(UnknownDocument, match="unknown form, which would be lost"):
        write_document([Label(label="rain")], like=document)


def test_copies_need_an_id_of_their_own() -> None:
    box = Box(1, 2, 3, 4, id="a")
    with pytest.raises(FieldValueError, match="2 annotations of image_1 have the id 'a'"):
        write_document([box, attrs.evolve(box, x=5)])
    document = {
        "annotations": {"image_1": [{"id": "a", "tool": "x"}, {"id": "a", "tool": "y"}]},
        "annotationsData": {"image_1": []},
    }
    assert write_document(read_document(document), like=document) == document


def test_infinite_sizes_are_none() -> None:
    document = {**STREET, "extra": {"image_1": {"width": float("inf"), "height": 5}}}
    assert read_document(document).sizes == {}


def test_other_objects_are_refused() -> None:
    with pytest.raises(FieldValueError, match=r"annotations\[1\] is a dict"):
        write_document([Label(label="rain"), {"id": "x"}])  # type: ignore[list-item] # the mistake


def test_annotations_say_how_they_change() -> None:
    found = Annotations([Label(label="rain"), Box(0, 0, 1, 1)])
    with pytest.raises(AttributeError, match=r"assign a new list"):
        found.append  # noqa: B018 - reading raises
    assert repr(found) == "<1 Label, 1 Box annotations>"
    assert (len(found[:1]), found[0].label) == (1, "rain")
    with pytest.raises(KeyError, match="No annotation has the id 'x'"):
        found.by_id("x")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab", max_size=2), inner),
    max_leaves=5,
)
coordinates = st.integers(-9, 9) | st.floats(-9, 9)
extras = st.dictionaries(st.sampled_from(["note", "isLocked", "z", "order"]), json_values)
places = st.fixed_dictionaries(
    {"x": coordinates, "y": coordinates, "width": coordinates, "height": coordinates},
    optional={"rotation": coordinates, "turned": json_values},
)
ids = st.sampled_from("abcdef") | json_values


@st.composite
def entries(draw: Any) -> tuple[Any, Any]:
    """An entry of `annotations` and its partner, often with surprises."""
    key = draw(ids)
    tool = draw(st.sampled_from(["bounding_box", "keypoint", "polygon", "segmentation", "ellipse"]))
    classes = draw(
        st.none()
        | st.dictionaries(st.sampled_from(["class", "visibility", "side"]), json_values)
        | json_values
    )
    entry = {"id": key, "tool": tool, "classification": classes, **draw(extras)}
    data = {"id": key, "coordinate": draw(places | json_values), **draw(extras)}
    if draw(st.booleans()):
        entry = draw(st.just(entry) | json_values)
    return entry, draw(st.just(data) | st.none() | json_values)


@st.composite
def documents(draw: Any) -> dict[str, Any]:
    """A document of version 1 as a stranger might have written it."""
    first: dict[str, list[Any]] = {}
    second: dict[str, list[Any]] = {}
    for medium in draw(st.lists(st.sampled_from(["image_1", "image_2", "pcd_1"]), unique=True)):
        pairs = draw(st.lists(entries(), max_size=4))
        first[medium] = [entry for entry, _ in pairs]
        second[medium] = draw(st.permutations([data for _, data in pairs if data is not None]))
    rest = draw(st.dictionaries(st.sampled_from(["extra", "relations", "more"]), json_values))
    return {"annotations": first, "annotationsData": second, **rest}


@given(documents())
def test_any_document_survives_reading_and_writing(document: dict[str, Any]) -> None:
    written = write_document(read_document(document), like=document)
    assert json.dumps(written, sort_keys=True) == json.dumps(document, sort_keys=True)


@given(documents(), st.data())
def test_one_changed_box_leaves_all_else(document: dict[str, Any], data: Any) -> None:
    found = list(read_document(document))
    boxes = [at for at, each in enumerate(found) if type(each) is Box]
    if not boxes:
        return
    at = data.draw(st.sampled_from(boxes))
    found[at] = attrs.evolve(found[at], x=100)

    written = write_document(found, like=document)

    assert written["annotations"] == document["annotations"]
    changed = [
        (new, old)
        for medium, entries_of in document["annotationsData"].items()
        for new, old in zip(written["annotationsData"][medium], entries_of, strict=True)
        if json.dumps(new) != json.dumps(old)
    ]
    ((new, old),) = changed
    assert new == {**old, "coordinate": {**old["coordinate"], "x": 100}}
    assert read_document(written) == found


@pytest.mark.parametrize("number", [3, 0, 1.5])
def test_a_class_that_is_a_number_is_read_as_text_and_kept(number: float) -> None:
    entry = {"id": "a", "tool": "bounding_box", "classification": {"class": number, "far": True}}
    place = {"id": "a", "coordinate": {"x": 1, "y": 2, "width": 3, "height": 4}}
    document = {"annotations": {"image_1": [entry]}, "annotationsData": {"image_1": [place]}}
    (box,) = found = read_document(document)
    assert (box.label, box.attributes) == (str(number), {"far": True})
    assert write_document(found, like=document) == document
    changed = write_document([attrs.evolve(box, label="car")], like=document)
    assert changed["annotations"]["image_1"][0]["classification"] == {"class": "car", "far": True}


@pytest.mark.parametrize("value", [None, Box(1, 2, 3, 4), 5, "abc", {"a": 1}])
def test_annotations_that_are_no_list_are_refused(value: Any) -> None:
    for take in (Annotations, write_document):
        with pytest.raises(UsageError, match=r"Pass a list\."):
            take(value)


@pytest.mark.parametrize("kind", ["Box", list, int, None, Box(1, 2, 3, 4), (Box, Mask)])
def test_of_takes_a_class_of_annotations(kind: Any) -> None:
    with pytest.raises(UsageError, match=r"such as of\(Box\)"):
        Annotations([Box(1, 2, 3, 4)]).of(kind)
