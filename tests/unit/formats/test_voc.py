"""Pascal VOC: boxes in XML, masks with a palette, lists of splits."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synapse import formats
from synapse.annotations import (
    Annotation,
    Box,
    Group,
    Keypoint,
    Label,
    Mask,
    Polygon,
    Polyline,
    masks,
)
from synapse.errors import DataLost, UsageError
from synapse.formats import DataSet, DataSetClass, Sample
from synapse.formats.index_png import Canvas, make_palette
from synapse.formats.picture_frame import FRAME_LOSSES
from synapse.formats.voc import LOSSES, VOC_CLASSES

from .frame_cases import check_frame
from .one_picture import SIZE, FormatUnderTest, put_files

CLASSES = [DataSetClass("car"), DataSetClass("bus")]
OBJECT = """<object><name>{name}</name><pose>Left</pose><truncated>1</truncated>
<difficult>0</difficult><bndbox><xmin>{0}</xmin><ymin>{1}</ymin><xmax>{2}</xmax>
<ymax>{3}</ymax></bndbox>{more}</object>"""

UNDER_TEST = FormatUnderTest("voc", CLASSES)
read = UNDER_TEST.read
write = UNDER_TEST.write
put = put_files


def make_object(*edges: Any, name: str = "car", more: str = "") -> str:
    return OBJECT.format(*edges, name=name, more=more)


def make_labels(*objects: str, size: tuple[int, int] | None = SIZE, filename: str = "a.jpg") -> str:
    place = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>" if size else ""
    return f"<annotation><filename>{filename}</filename>{place}{''.join(objects)}</annotation>"


def place(each: Annotation) -> tuple[Any, ...]:
    assert each.bounds is not None
    return each.label, each.bounds, each.attributes


# -- Round trips ----------------------------------------------------------------------------------


def test_the_hard_set_comes_back(tmp_path: Path) -> None:
    picture = put(tmp_path, {"source/b.jpg": b"picture"}) / "source/b.jpg"
    mask = Mask([(55, 5), (105, 5)], label="car", size=SIZE)
    box = Box(4, 0, 7, 4, label="car", attributes={"difficult": True, "occluded": True})
    samples = [
        Sample("empty.png", size=SIZE, split="val"),
        Sample("sub dir/.hidden.jpg", [Box(1, 2, 3, 4, label="bus")], size=SIZE, split="train"),
        Sample(
            "sub dir/b.jpg",
            [
                Box(0, 0, 50, 40, label="bus", attributes={"pose": "Left", "truncated": True}),
                box,
                mask,
                Group([box.id, mask.id]),
            ],
            size=SIZE,
            split="train",
            image=picture,
        ),
    ]
    data = DataSet(CLASSES, samples)
    target = tmp_path / "voc"

    report = formats.write(data, target, "voc")
    found, reasons = formats.read(target)

    assert report.skipped == {"no-picture": 2}
    assert not report.lossy
    assert (report.samples, report.annotations) == (3, 4)
    assert found.classes == data.classes
    found_samples = list(found.samples)
    assert [each.name for each in found_samples] == [
        "empty.png",
        "sub dir/.hidden.jpg",
        "sub dir/b.jpg",
    ]
    assert [each.split for each in found_samples] == ["val", "train", "train"]
    assert [each.size for each in found_samples] == [SIZE] * 3
    assert found_samples[2].image == target / "JPEGImages/sub dir/b.jpg"
    assert (target / "JPEGImages/sub dir/b.jpg").read_bytes() == b"picture"
    *shapes, group = found_samples[2].annotations
    assert list(map(place, shapes)) == [place(each) for each in samples[2].annotations[:3]]
    assert isinstance(shapes[2], Mask)
    assert shapes[2].runs == mask.runs
    assert isinstance(group, Group)
    assert group.members == (shapes[1].id, shapes[2].id)
    assert not reasons.skipped
    assert not reasons.lossy


EDGE = st.floats(0, 49)


@settings(max_examples=40)
@given(EDGE, EDGE, st.floats(0.01, 60), st.floats(0.01, 60), st.booleans(), st.booleans())
def test_boxes_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    x: float,
    y: float,
    width: float,
    height: float,
    one_based: bool,
    decimals: bool,
) -> None:
    folder = tmp_path_factory.mktemp("voc")
    box = Box(x, y, width, height, label="car")
    write(folder, [box], size=(50, 50), one_based=one_based, decimals=decimals)
    ((sample,), _) = read(folder, one_based=one_based)
    assert isinstance(found := sample.annotations[0], Box)
    is_thin = min(width, height) < 1
    # A box thinner than a pixel becomes a pixel: the one around, or with the same centre.
    exact = 0.500001 if is_thin and one_based else 2e-6
    allowed = exact if decimals else 1 if is_thin else 0.5
    assert found.xyxy == pytest.approx(box.xyxy, abs=allowed)


def test_the_convention_is_said(tmp_path: Path) -> None:
    write(tmp_path, [Box(0, 0, 10, 5, label="car")], one_based=True)
    text = (tmp_path / "Annotations/a.xml").read_text()
    edges = [text.split(f"<{tag}>")[1].split("<")[0] for tag in ("xmin", "ymin", "xmax", "ymax")]
    assert edges == ["1", "1", "10", "5"]
    boxes = [
        read(tmp_path, one_based=one_based)[0][0].annotations[0].bounds
        for one_based in (True, False)
    ]
    assert boxes == [(0, 0, 10, 5), (1, 1, 9, 4)]


def test_the_output_is_the_same_each_time(tmp_path: Path) -> None:
    shapes = [Box(1, 2, 3, 4, label="car"), Mask([(3, 9)], label="bus", size=SIZE)]
    trees: list[list[tuple[str, bytes]]] = []
    for name in ("one", "two", "two"):
        write(tmp_path / name, shapes)
        files = sorted(each for each in (tmp_path / name).rglob("*") if each.is_file())
        trees.append([(each.name, each.read_bytes()) for each in files])
    assert trees[0] == trees[1] == trees[2]
    assert [name for name, _ in trees[0]] == [
        *("a.xml", "default.txt", "default.txt", "a.png", "a.png", "labelmap.txt"),
    ]


def test_pictures_of_one_stem_stay_apart(tmp_path: Path) -> None:
    samples = [Sample(name, [Box(1, 2, 3, 4, label="car")]) for name in ("a.jpg", "a.png")]
    samples.append(Sample("a.jpg", split="val"))
    report = formats.write(DataSet(CLASSES, samples), tmp_path, "voc", images="none")
    assert report.lossy == {"renamed": 2}
    found = [(len(each.annotations), each.split, each.name) for each in read(tmp_path)[0]]
    assert found == [(1, None, "a.jpg"), (0, "val", "a_jpg.jpg"), (1, None, "a_png.png")]


# -- Folders --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"Annotations/a.xml": make_labels(make_object(1, 2, 3, 4)), "JPEGImages/a.png": b""},
            [("a.png", None, 1)],
        ),
        (
            {
                "VOCdevkit/VOC2012/Annotations/a.xml": make_labels(filename="a.png"),
                "VOCdevkit/VOC2012/ImageSets/Main/trainval.txt": "a\nb\n",
                "VOCdevkit/VOC2012/ImageSets/Main/val.txt": "a\n",
                "VOCdevkit/VOC2012/ImageSets/Main/car_val.txt": "a -1\nb  1\n",
                "VOCdevkit/VOC2012/JPEGImages/b.jpg": b"",
            },
            [("a.png", "val", 0), ("b.jpg", "trainval", 0)],
        ),
        (
            {
                "train/b.xml": make_labels(make_object(1, 2, 3, 4)),
                "train/b.jpg": b"",
                "valid/c.xml": make_labels(),
                "valid/c.bmp": b"",
                "d.xml": make_labels(),
            },
            [("b.jpg", "train", 1), ("c.bmp", "valid", 0), ("d.jpg", None, 0)],
        ),
        (
            {
                "Annotations/a.xml": make_labels(filename="x/a.png"),
                "JPEGImages/a.jpg": b"",
                "JPEGImages/a.png": b"",
            },
            [("a.png", None, 0), ("a.jpg", None, 0)],
        ),
    ],
    ids=["plain", "devkit", "side by side", "two pictures"],
)
def test_folders_are_recognised(
    tmp_path: Path, files: dict[str, str | bytes], expected: list[tuple[str, str | None, int]]
) -> None:
    put(tmp_path, files)
    assert "xml is an annotation of Pascal VOC" in formats.recognize(tmp_path)["voc"]
    samples, _ = read(tmp_path)
    assert [(each.name, each.split, len(each.annotations)) for each in samples] == expected


def test_a_broken_file_hides_no_format(tmp_path: Path) -> None:
    put(tmp_path, {"Annotations/a.xml": "text", "Annotations/b.xml": make_labels()})
    assert "voc" in formats.recognize(tmp_path)


def test_lists_in_other_encodings_are_read(tmp_path: Path) -> None:
    lists = {"ImageSets/Main/val.txt": b"a\n\xe9\n"}
    put(tmp_path, {"Annotations/a.xml": make_labels(), **lists})
    samples, report = read(tmp_path)
    assert [(each.name, each.split) for each in samples] == [("a.jpg", "val")]
    assert report.skipped == {"no-picture": 1}


@pytest.mark.parametrize(
    "files",
    [
        {"a.txt": "", "a.jpg": b""},
        {"a.xml": "<annotations><image/></annotations>"},
        {"a.xml": "<annotation><imagesize/></annotation>"},
        {"a.xml": "no xml"},
        {".idea/a.xml": make_labels()},
    ],
)
def test_other_folders_are_not(tmp_path: Path, files: dict[str, str | bytes]) -> None:
    assert "voc" not in formats.recognize(put(tmp_path, files))


def test_a_folder_without_labels_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no XML files"):
        formats.read(tmp_path, "voc")


def test_only_masks_are_read(tmp_path: Path) -> None:
    canvas = Canvas(*SIZE)
    canvas.paint(((0, 9),), 15)
    canvas.paint(((20, 9),), 20)
    put(tmp_path, {"SegmentationClass/a.png": canvas.to_png(make_palette())})
    assert "voc" in formats.recognize(tmp_path)
    data, _ = formats.read(tmp_path)
    assert [each.name for each in data.classes] == list(VOC_CLASSES)
    (sample,) = data.samples
    assert [each.label for each in sample.annotations] == ["person", "tvmonitor"]


def test_masks_in_colours_are_read(tmp_path: Path) -> None:
    pytest.importorskip("PIL.Image")
    canvas = Canvas(*SIZE)
    canvas.paint(((0, 9),), 2)
    label_map = "# label:color_rgb:parts:actions\nbackground:0,0,0::\na:1,2,3::\nb:c:9,9,9::\n"
    colors = [(0, 0, 0), (1, 2, 3), (9, 9, 9)]
    put(
        tmp_path,
        {"labelmap.txt": label_map, "SegmentationClass/a.png": canvas.to_color_png(colors)},
    )
    (sample,) = read(tmp_path)[0]
    assert [(each.label, each.bounds) for each in sample.annotations] == [("b:c", (0, 0, 9, 1))]


def test_thin_boxes_counted_from_1_keep_the_order_of_edges(tmp_path: Path) -> None:
    thin = Box(3.3, 2.25, 0.25, 4.5, label="car")
    data = DataSet([DataSetClass("car")], [Sample("a.jpg", [thin], size=SIZE)])
    report = formats.write(data, tmp_path, "voc", one_based=True, decimals=True, images="none")

    assert report.lossy == {"rounded": 1}
    text = (tmp_path / "Annotations" / "a.xml").read_text()
    assert re.findall(r"<([xy]m..)>(.*)</", text) == [
        ("xmin", "3.925"),
        ("ymin", "3.25"),
        ("xmax", "3.925"),
        ("ymax", "6.75"),
    ]
    (sample,) = formats.read(tmp_path, "voc", one_based=True)[0].samples
    # Each edge is within half a pixel.
    assert [each.bounds for each in sample.annotations] == [pytest.approx((2.925, 2.25, 1, 4.5))]


@pytest.mark.parametrize("first", ["background:::\n", ""])
def test_classes_without_a_colour_have_that_of_the_palette(tmp_path: Path, first: str) -> None:
    pytest.importorskip("PIL.Image")
    canvas = Canvas(*SIZE)
    canvas.paint(((0, 9),), 2)
    label_map = f"# label:color_rgb:parts:actions\n{first}car:::\nbus:::\n"
    picture = canvas.to_color_png(make_palette())
    put(tmp_path, {"labelmap.txt": label_map, "SegmentationClass/a.png": picture})
    (sample,) = read(tmp_path)[0]
    assert [(each.label, each.bounds) for each in sample.annotations] == [("bus", (0, 0, 9, 1))]


@pytest.mark.parametrize("row", ["car", "car:1,2::", "car:1,2,999::", "car:red::"])
def test_a_wrong_label_map_is_an_error(tmp_path: Path, row: str) -> None:
    put(tmp_path, {"Annotations/a.xml": make_labels(), "labelmap.txt": f"# x\n{row}\n"})
    with pytest.raises(UsageError, match=r"labelmap\.txt, line 2"):
        formats.read(tmp_path, "voc")


def test_attributes_are_read(tmp_path: Path) -> None:
    more = """<occluded>1</occluded><attributes><attribute><name>color</name><value>red</value>
    </attribute><attribute><name>on</name><value>True</value></attribute></attributes>"""
    put(tmp_path, {"Annotations/a.xml": make_labels(make_object(1, 2, 3, 4, more=more))})
    assert read(tmp_path)[0][0].annotations[0].attributes == {
        "truncated": True,
        "occluded": True,
        "pose": "Left",
        "color": "red",
        "on": True,
    }


# -- Losses ---------------------------------------------------------------------------------------


def make_mask(runs: masks.Runs, index: int = 1, size: tuple[int, int] = SIZE) -> bytes:
    canvas = Canvas(*size)
    canvas.paint(runs, index)
    return canvas.to_png(make_palette())


PLAIN = make_labels(make_object(1, 2, 30, 30))
READING: dict[str, dict[str, str | bytes]] = {
    "bad-mask": {"Annotations/a.xml": PLAIN, "SegmentationObject/a.png": b"no picture"},
    "bad-name": {"Annotations/a\\b.xml": PLAIN},
    "bad-number": {"Annotations/a.xml": make_labels(make_object("nan", 2, 3, 4))},
    "bad-xml": {"Annotations/a.xml": PLAIN, "Annotations/b.xml": "<!DOCTYPE a []><annotation/>"},
    "element": {
        "Annotations/a.xml": make_labels(make_object(1, 2, 3, 4, more="<part><name/></part>"))
    },
    "no-area": {"Annotations/a.xml": make_labels(make_object(3, 2, 3, 4))},
    "no-class": {"Annotations/a.xml": make_labels(make_object(1, 2, 3, 4, name=" "))},
    "no-labels": {"Annotations/a.xml": PLAIN, "JPEGImages/b.jpg": b""},
    "no-picture": {"Annotations/a.xml": PLAIN, "ImageSets/Main/train.txt": "../../x\n"},
    "outside": {"Annotations/a.xml": make_labels(make_object(50, 2, 60, 4))},
    "unknown-class": {
        "labelmap.txt": "car:1,2,3::\n",
        "SegmentationClass/a.png": make_mask(((0, 9),), 2),
    },
    "void": {"Annotations/a.xml": PLAIN, "SegmentationObject/a.png": make_mask(((0, 9),), 255)},
}


@pytest.mark.parametrize("code", READING)
def test_what_reading_loses(tmp_path: Path, code: str) -> None:
    put(tmp_path, READING[code])
    _, report = read(tmp_path)
    assert {**report.skipped, **report.lossy} == {code: 1}
    with pytest.raises(DataLost, match=rf"\({code}\)"):
        list(formats.read(tmp_path, "voc", strict=True)[0].samples)


def test_the_size_may_differ(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    put(tmp_path, {"Annotations/a.xml": PLAIN, "JPEGImages/x.txt": ""})
    picture = image.new("RGB", (40, 51))
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.save(tmp_path / "JPEGImages/a.jpg", exif=exif)
    (sample,), report = read(tmp_path)
    assert sample.size == (40, 51)
    assert report.lossy == {"size-differs": 1}


def test_one_bad_object_costs_no_other(tmp_path: Path) -> None:
    objects = [make_object(1, 2, 1, 4), make_object(1, 2, 9, 9, name="bus"), "<object/>"]
    put(tmp_path, {"Annotations/a.xml": make_labels(*objects, size=None)})
    (sample,), report = read(tmp_path)
    assert [each.label for each in sample.annotations] == ["bus"]
    assert report.skipped == {"no-area": 1, "no-class": 1}


CAR = Box(1, 2, 3, 4, label="car")
SQUARE = Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], label="car")
MASK = Mask([(100, 5)], label="car", size=SIZE)
SMALL = Mask([(0, 3)], label="car", size=(9, 9))
JOINT = Keypoint(1, 1, label="nose")
WRITING: dict[str, tuple[list[Annotation], dict[str, Any]]] = {
    "attributes": ([Box(1, 2, 3, 4, label="car", attributes={"color": "red"})], {}),
    "box-added": ([MASK], {}),
    "characters": ([Box(1, 2, 3, 4, label="c\0ar")], {}),
    "class-details": ([], {"classes": [DataSetClass("car", "vehicle")]}),
    "group": ([CAR, Box(1, 2, 3, 4, label="bus", id="b"), Group([CAR.id, "b"])], {}),
    "joints": ([CAR, JOINT, Group([CAR.id, JOINT.id])], {}),
    "kind": ([Polyline([(0, 0), (9, 9)], label="car")], {}),
    "mask-size": ([CAR, SMALL, Group([CAR.id, SMALL.id])], {}),
    "no-area": ([Box(1, 2, 0, 4, label="car")], {}),
    "no-class": ([Box(1, 2, 3, 4)], {}),
    "no-picture": ([CAR], {"images": "copy"}),
    "no-size": ([CAR, MASK, Group([CAR.id, MASK.id])], {"size": None}),
    "outline": ([CAR, SQUARE, Group([CAR.id, SQUARE.id])], {}),
    "outside": ([Box(60, 2, 3, 4, label="car")], {}),
    "rotation": ([Box(10, 10, 4, 4, label="car", rotation=math.pi)], {"decimals": True}),
    "rounded": ([Box(1.5, 2, 3, 4, label="car")], {}),
    "shape": ([CAR, MASK, Group([CAR.id, MASK.id])], {"masks": False}),
    "unknown-class": ([CAR, MASK, Group([CAR.id, MASK.id])], {"classes": []}),
}


@pytest.mark.parametrize("code", WRITING)
def test_what_writing_loses(tmp_path: Path, code: str) -> None:
    annotations, options = WRITING[code]
    report = write(tmp_path / "one", annotations, **options)
    assert {**report.skipped, **report.lossy} == {code: 1}
    assert report.samples == 1
    with pytest.raises(DataLost, match=rf"\({code}\)"):
        write(tmp_path / "two", annotations, strict=True, **options)


def test_masks_lose_pixels_to_later_ones(tmp_path: Path) -> None:
    report = write(tmp_path, [MASK, Mask([(104, 5)], label="bus", size=SIZE)])
    assert report.lossy == {"overlap": 1, "box-added": 2}
    (sample,), _ = read(tmp_path)
    found = [each.runs for each in sample.annotations if isinstance(each, Mask)]
    assert found == [((100, 4),), ((104, 5),)]


def test_masks_end_at_254(tmp_path: Path) -> None:
    rows = [Mask([(number * 2, 1)], label="car", size=SIZE) for number in range(256)]
    report = write(tmp_path, rows)
    assert report.lossy == {"too-many": 2, "box-added": 256}
    (sample,), _ = read(tmp_path)
    assert sum(isinstance(each, Mask) for each in sample.annotations) == 254
    assert sum(isinstance(each, Box) for each in sample.annotations) == 256


def test_values_of_the_set_are_lost(tmp_path: Path) -> None:
    data = DataSet(CLASSES, [], {"licences": []})
    assert formats.write(data, tmp_path, "voc").lossy == {"info": 1}


def test_frame_is_that_of_all_formats(tmp_path: Path) -> None:
    check_frame(tmp_path, "voc")


def test_pictures_that_are_too_large_for_masks(tmp_path: Path) -> None:
    outline = Polygon([(0, 0), (10, 0), (10, 10)], label="car")
    samples = [Sample("a.jpg", [outline], size=(2**14, 2**14)), Sample("b.jpg", size=(9, 9))]
    data = DataSet([DataSetClass("car")], samples)
    report = formats.write(data, tmp_path, "voc", images="none")
    assert report.lossy["too-large"] == 1
    assert report.samples == 2


def test_each_loss_is_tested() -> None:
    tested = {*READING, *WRITING, "overlap", "too-many", "info", "renamed"}
    tested |= {*FRAME_LOSSES, "too-large"}
    assert tested == set(LOSSES)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"images": "move"}, UsageError),
        ({"onebased": True}, TypeError),
    ],
)
def test_options_are_checked(tmp_path: Path, options: dict[str, Any], error: Any) -> None:
    with pytest.raises(error):
        write(tmp_path, [CAR], **options)


def test_classes_are_a_list(tmp_path: Path) -> None:
    put(tmp_path, {"Annotations/a.xml": PLAIN})
    with pytest.raises(UsageError, match="not a list"):
        formats.read(tmp_path, "voc", classes="car")
    assert formats.read(tmp_path, "voc", classes=["a", "b"])[0].classes == (
        DataSetClass("a"),
        DataSetClass("b"),
    )


def test_a_label_of_the_picture_has_no_place(tmp_path: Path) -> None:
    report = write(tmp_path, [Label(label="rain"), JOINT])
    assert report.skipped == {"kind": 2}


def test_a_class_that_begins_as_a_comment_keeps_its_masks(tmp_path: Path) -> None:
    names = ["cat", "#x", "dog"]
    masks = [Mask(((at * 5, 3),), size=SIZE, label=name) for at, name in enumerate(names)]
    report = write(tmp_path, masks, classes=[DataSetClass(name) for name in names])
    assert report.lossy["characters"] == 2
    labels = [each.label for each in read(tmp_path)[0][0].annotations if isinstance(each, Mask)]
    assert labels == ["cat", "_#x", "dog"]


def test_label_map_has_comments_and_classes_with_their_sign(tmp_path: Path) -> None:
    label_map = "# label:color_rgb:parts:actions\nbackground:0,0,0::\n#x:128,0,0::\ndog:0,128,0::\n"
    put(tmp_path, {"Annotations/a.xml": make_labels(), "labelmap.txt": label_map})
    data, _ = formats.read(tmp_path, "voc")
    assert [each.name for each in data.classes] == ["#x", "dog"]


def test_second_box_of_an_object_is_reported(tmp_path: Path) -> None:
    more = make_object(9, 9, 12, 12).partition("<bndbox>")[2].partition("</bndbox>")[0]
    text = make_object(1, 1, 5, 5, more=f"<bndbox>{more}</bndbox>")
    samples, report = read(put(tmp_path, {"Annotations/a.xml": make_labels(text)}))
    assert [each.bounds for each in samples[0].annotations] == [(1, 1, 4, 4)]
    assert report.lossy["element"] == 1
