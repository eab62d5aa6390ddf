"""Folders of well-known data sets: they go in with the right pairs, or say how they do."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import attrs
import pytest
from typer.testing import CliRunner

import synapse
from synapse.cli.app import app
from synapse.errors import UsageError
from synapse.testing.tenants import EmulatorTenant

Units = list[dict[str, str]]


@attrs.frozen
class Layout:
    """A folder of a data set, and what becomes of the folder.

    Attributes:
        name: Name of the layout.
        specifications: Types of the files of a unit, by name; the first one is primary, and `?`
            marks an optional one.
        files: Paths of the files.
        units: Files of the units.
        argument: The argument that the refusal names; empty if the folder goes in as it is.
        notes: Texts of the report about files that were left out.
    """

    name: str
    specifications: dict[str, str]
    files: list[str]
    units: Units
    argument: str = ""
    notes: list[str] = attrs.field(factory=list)


def spread(*patterns: str, names: list[str]) -> list[str]:
    return [pattern.replace("@", name) for pattern in patterns for name in names]


def pair(names: list[str], **patterns: str) -> Units:
    return [{key: text.replace("@", name) for key, text in patterns.items()} for name in names]


IMAGE = {"image": "image"}
WITH_MASK = {"image": "image", "mask": "image"}
WITH_LABEL = {"image": "image", "label": "text"}

VOC = [
    *spread(
        *("VOC2012/JPEGImages/@.jpg", "VOC2012/Annotations/@.xml"),
        names=["2007_000027", "2007_000032"],
    ),
    *spread(
        *("VOC2012/SegmentationClass/@.png", "VOC2012/SegmentationObject/@.png"),
        names=["2007_000027", "2007_000032"],
    ),
    "VOC2012/ImageSets/Main/train.txt",
    "VOC2012/ImageSets/Segmentation/val.txt",
]
COCO = [
    *spread("images/train2017/@.jpg", names=["000000000009", "000000000025"]),
    "images/val2017/000000000139.jpg",
    "annotations/instances_train2017.json",
    "annotations/instances_val2017.json",
]
ROBOFLOW = [
    *spread("train/images/@.jpg", "train/labels/@.txt", names=["a_jpg.rf.1a2b", "b_jpg.rf.3c4d"]),
    *spread("valid/images/@.jpg", "valid/labels/@.txt", names=["a_jpg.rf.1a2b"]),
    *("data.yaml", "README.roboflow.txt", "README.dataset.txt"),
]
ULTRALYTICS = [
    *spread("images/train/@.jpg", "labels/train/@.txt", names=["im1", "im2"]),
    *("images/val/im1.jpg", "labels/val/im1.txt", "data.yaml", "labels/train.cache"),
]
LABEL_STUDIO = [
    *spread("images/@.jpg", "labels/@.txt", names=["8f2a-cat", "1b7c-dog"]),
    *("classes.txt", "notes.json"),
]
DATUMARO = [
    *spread("obj_train_data/@.jpg", "obj_train_data/@.txt", names=["a", "b"]),
    *("obj.data", "obj.names", "train.txt"),
]
KITTI = [
    *spread(
        *("training/image_2/@.png", "training/label_2/@.txt", "training/calib/@.txt"),
        "training/velodyne/@.bin",
        names=["000000", "000001"],
    ),
    *spread(
        *("testing/image_2/@.png", "testing/calib/@.txt", "testing/velodyne/@.bin"),
        names=["000000"],
    ),
]
CITY = ["aachen/aachen_000000_000019", "aachen/aachen_000001_000019", "bremen/bremen_000000_000019"]
CITYSCAPES = [
    *spread("leftImg8bit/train/@_leftImg8bit.png", names=CITY),
    *spread(
        *("gtFine/train/@_gtFine_color.png", "gtFine/train/@_gtFine_instanceIds.png"),
        *("gtFine/train/@_gtFine_labelIds.png", "gtFine/train/@_gtFine_polygons.json"),
        names=CITY,
    ),
    "license.txt",
]
ADE = [
    *spread(
        "images/training/@.jpg",
        "annotations/training/@.png",
        names=["ADE_train_00000001", "ADE_train_00000002"],
    ),
    *("images/validation/ADE_val_00000001.jpg", "annotations/validation/ADE_val_00000001.png"),
    *("objectInfo150.txt", "sceneCategories.txt"),
]
ADE_NAMES = [
    *("training/ADE_train_00000001", "training/ADE_train_00000002"),
    "validation/ADE_val_00000001",
]
ADE_FULL = spread(
    *("training/urban/street/@.jpg", "training/urban/street/@_seg.png"),
    *("training/urban/street/@_parts_1.png", "training/urban/street/@.json"),
    names=["ADE_train_00016869", "ADE_train_00016870"],
)
CAMVID = [
    *spread("train/@.png", "trainannot/@.png", names=["0001TP_006690", "0001TP_006720"]),
    *("test/Seq05VD_f00000.png", "testannot/Seq05VD_f00000.png", "train.txt", "test.txt"),
]
CAMVID_NAMES = [
    *(("test", "Seq05VD_f00000"), ("train", "0001TP_006690"), ("train", "0001TP_006720")),
]
CAMVID_RAW = spread(
    *("701_StillsRaw_full/@.png", "LabeledApproved_full/@_L.png"),
    names=["0001TP_006690", "0016E5_00390"],
)
ICDAR = spread(
    "ch4_training_images/@.jpg",
    "ch4_training_localization_transcription_gt/gt_@.txt",
    names=["img_1", "img_2", "img_10"],
)
SUPERVISELY = [
    *spread("ds0/img/@", "ds0/ann/@.json", names=["a.jpg", "b.png"]),
    *("ds1/img/a.jpg", "ds1/ann/a.jpg.json", "meta.json"),
]
BRATS = spread(
    *("@/@_flair.nii.gz", "@/@_t1.nii.gz", "@/@_t1ce.nii.gz", "@/@_t2.nii.gz", "@/@_seg.nii.gz"),
    names=["BraTS20_Training_001", "BraTS20_Training_002"],
)
BIDS = [
    *spread("@/anat/@_T1w.nii.gz", "@/anat/@_T1w.json", names=["sub-01", "sub-02"]),
    *("dataset_description.json", "participants.tsv", "README"),
]

LAYOUTS = [
    Layout(
        "VOC, boxes",
        WITH_LABEL,
        VOC,
        pair(
            ["2007_000027", "2007_000032"],
            image="VOC2012/JPEGImages/@.jpg",
            label="VOC2012/Annotations/@.xml",
        ),
        "match={'Annotations/*.xml': 'label', 'JPEGImages/*.jpg': 'image'}",
        ["VOC2012/ImageSets/Main/"],
    ),
    Layout(
        "VOC, masks",
        WITH_MASK,
        VOC,
        pair(
            ["2007_000027", "2007_000032"],
            image="VOC2012/JPEGImages/@.jpg",
            mask="VOC2012/SegmentationClass/@.png",
        ),
        "match={'SegmentationClass/*.png': 'mask', 'JPEGImages/*.jpg': 'image'}",
        ["VOC2012/SegmentationObject/"],
    ),
    Layout(
        "VOC, pictures",
        IMAGE,
        VOC,
        pair(["2007_000027", "2007_000032"], image="VOC2012/JPEGImages/@.jpg"),
        notes=["VOC2012/Annotations/", "VOC2012/SegmentationClass/"],
    ),
    Layout(
        "COCO",
        {"image": "image", "note": "text?"},
        COCO,
        pair(
            ["train2017/000000000009", "train2017/000000000025", "val2017/000000000139"],
            image="images/@.jpg",
        ),
        "ignore=['annotations']",
        ["annotations/"],
    ),
    Layout(
        "COCO, pictures",
        IMAGE,
        COCO,
        pair(
            ["train2017/000000000009", "train2017/000000000025", "val2017/000000000139"],
            image="images/@.jpg",
        ),
        notes=["annotations/"],
    ),
    Layout(
        "YOLO, Roboflow",
        WITH_LABEL,
        ROBOFLOW,
        [
            {"image": f"{split}/images/{name}.jpg", "label": f"{split}/labels/{name}.txt"}
            for split, name in (
                *(("train", "a_jpg.rf.1a2b"), ("train", "b_jpg.rf.3c4d")),
                ("valid", "a_jpg.rf.1a2b"),
            )
        ],
        "match={'images/*.jpg': 'image', 'labels/*.txt': 'label'}",
        ["data.yaml", "README.dataset.txt and 1 more .txt"],
    ),
    Layout(
        "YOLO, Ultralytics",
        {"image": "image", "label": "text?"},
        ULTRALYTICS,
        pair(
            ["train/im1", "train/im2", "val/im1"],
            image="images/@.jpg",
            label="labels/@.txt",
        ),
        "match={'images/**/*.jpg': 'image', 'labels/**/*.txt': 'label'}",
        ["data.yaml", "labels/"],
    ),
    Layout(
        "YOLO, nothing required",
        {"image": "image?", "label": "text?"},
        spread("images/train/@.jpg", "labels/train/@.txt", names=["im1", "im2"]),
        pair(["im1", "im2"], image="images/train/@.jpg", label="labels/train/@.txt"),
        "match={'images/**/*.jpg': 'image', 'labels/**/*.txt': 'label'}",
    ),
    Layout(
        "Other files beside",
        {"image": "image?", "note": "text?"},
        ["images/1.jpg", "images/2.jpg", "notes/todo.txt"],
        [
            {"image": "images/1.jpg"},
            {"image": "images/2.jpg"},
            {"note": "notes/todo.txt"},
        ],
    ),
    Layout(
        "YOLO, Label Studio",
        WITH_LABEL,
        LABEL_STUDIO,
        pair(["1b7c-dog", "8f2a-cat"], image="images/@.jpg", label="labels/@.txt"),
        "match={'images/*.jpg': 'image', 'labels/*.txt': 'label'}",
        ["classes.txt", "notes.json"],
    ),
    Layout(
        "YOLO, datumaro",
        WITH_LABEL,
        DATUMARO,
        pair(["a", "b"], image="obj_train_data/@.jpg", label="obj_train_data/@.txt"),
        "ignore=['train.txt']",
        ["train.txt: left out", "obj.data, obj.names: not for a specification"],
    ),
    Layout(
        "KITTI, names of the folders",
        {"image_2": "image", "label_2": "text", "calib": "text", "velodyne": "pcd"},
        KITTI,
        pair(
            ["000000", "000001"],
            image_2="training/image_2/@.png",
            label_2="training/label_2/@.txt",
            calib="training/calib/@.txt",
            velodyne="training/velodyne/@.bin",
        ),
        "ignore=['testing']",
        ["testing/"],
    ),
    Layout(
        "KITTI",
        {**WITH_LABEL, "cloud": "pcd"},
        KITTI,
        pair(
            ["000000", "000001"],
            image="training/image_2/@.png",
            label="training/label_2/@.txt",
            cloud="training/velodyne/@.bin",
        ),
        "match={'training/velodyne/*.bin': 'cloud', 'training/image_2/*.png': 'image', "
        "'training/label_2/*.txt': 'label'}",
        ["testing/image_2/"],
    ),
    Layout(
        "Cityscapes",
        WITH_MASK,
        CITYSCAPES,
        pair(
            CITY,
            image="leftImg8bit/train/@_leftImg8bit.png",
            mask="gtFine/train/@_gtFine_labelIds.png",
        ),
        "match={'leftImg8bit/**/*_leftImg8bit.png': 'image', "
        "'gtFine/**/*_gtFine_labelIds.png': 'mask'}",
        ["_gtFine_color.png", ".json", "license.txt"],
    ),
    Layout(
        "Cityscapes, masks not required",
        {"image": "image", "mask": "image?"},
        CITYSCAPES,
        pair(
            CITY,
            image="leftImg8bit/train/@_leftImg8bit.png",
            mask="gtFine/train/@_gtFine_labelIds.png",
        ),
        "match={'leftImg8bit/**/*_leftImg8bit.png': 'image', "
        "'gtFine/**/*_gtFine_labelIds.png': 'mask'}",
    ),
    Layout(
        "Cityscapes, pictures",
        IMAGE,
        CITYSCAPES,
        pair(CITY, image="leftImg8bit/train/@_leftImg8bit.png"),
        notes=["gtFine/: masks were not taken (9)"],
    ),
    Layout(
        "Cityscapes, polygons",
        WITH_LABEL,
        CITYSCAPES,
        pair(
            CITY,
            image="leftImg8bit/train/@_leftImg8bit.png",
            label="gtFine/train/@_gtFine_polygons.json",
        ),
        "match={'leftImg8bit/**/*_leftImg8bit.png': 'image', "
        "'gtFine/**/*_gtFine_polygons.json': 'label'}",
    ),
    Layout(
        "ADE20K",
        WITH_MASK,
        ADE,
        pair(ADE_NAMES, image="images/@.jpg", mask="annotations/@.png"),
        "match={'annotations/**/*.png': 'mask', 'images/**/*.jpg': 'image'}",
        ["objectInfo150.txt and 1 more .txt"],
    ),
    Layout(
        "ADE20K, full",
        {"image": "image", "seg": "image", "notes": "text"},
        ADE_FULL,
        pair(
            ["ADE_train_00016869", "ADE_train_00016870"],
            image="training/urban/street/@.jpg",
            seg="training/urban/street/@_seg.png",
            notes="training/urban/street/@.json",
        ),
        notes=["training/urban/street/: masks were not taken (2)"],
    ),
    Layout(
        "ADE20K, full, pictures",
        IMAGE,
        ADE_FULL,
        pair(["ADE_train_00016869", "ADE_train_00016870"], image="training/urban/street/@.jpg"),
        notes=["training/urban/street/: masks were not taken (4)"],
    ),
    Layout(
        "CamVid",
        WITH_MASK,
        CAMVID,
        [
            {"image": f"{split}/{name}.png", "mask": f"{split}annot/{name}.png"}
            for split, name in CAMVID_NAMES
        ],
        "match={'*annot/*.png': 'mask', '*/*.png': 'image'}",
        ["1 more .txt: not of match="],
    ),
    Layout(
        "CamVid, pictures",
        IMAGE,
        CAMVID,
        [{"image": f"{split}/{name}.png"} for split, name in CAMVID_NAMES],
        notes=["testannot/, trainannot/: masks were not taken (3)"],
    ),
    Layout(
        "CamVid, raw",
        {"image": "image", "mask": "image?"},
        CAMVID_RAW,
        pair(
            ["0001TP_006690", "0016E5_00390"],
            image="701_StillsRaw_full/@.png",
            mask="LabeledApproved_full/@_L.png",
        ),
        "match={'LabeledApproved_full/*_L.png': 'mask', '701_StillsRaw_full/*.png': 'image'}",
    ),
    Layout(
        "ICDAR",
        WITH_LABEL,
        ICDAR,
        pair(
            ["img_1", "img_10", "img_2"],
            image="ch4_training_images/@.jpg",
            label="ch4_training_localization_transcription_gt/gt_@.txt",
        ),
        "match={'ch4_training_localization_transcription_gt/gt_*.txt': 'label', "
        "'ch4_training_images/*.jpg': 'image'}",
    ),
    Layout(
        "LabelMe",
        WITH_LABEL,
        spread("@.jpg", "@.json", names=["IMG_0001", "IMG_0002"]),
        pair(["IMG_0001", "IMG_0002"], image="@.jpg", label="@.json"),
    ),
    Layout(
        "LabelMe, folders",
        WITH_LABEL,
        spread("Images/street/@.jpg", "Annotations/street/@.xml", names=["p1", "p2"]),
        pair(["p1", "p2"], image="Images/street/@.jpg", label="Annotations/street/@.xml"),
        "match={'Annotations/**/*.xml': 'label', 'Images/**/*.jpg': 'image'}",
    ),
    Layout(
        "Supervisely",
        WITH_LABEL,
        SUPERVISELY,
        pair(
            ["ds0/@/a.jpg", "ds0/@/b.png", "ds1/@/a.jpg"],
            image="@",
            label="@.json",
        ),
        "match={'ann/*.json': 'label', 'img/*': 'image'}",
        ["meta.json"],
    ),
    Layout(
        "Supervisely, names of the folders",
        {"img": "image", "ann": "text"},
        SUPERVISELY,
        pair(["ds0/@/a.jpg", "ds0/@/b.png", "ds1/@/a.jpg"], img="@", ann="@.json"),
        "ignore=['meta.json']",
        ["meta.json"],
    ),
    Layout(
        "BraTS",
        dict.fromkeys(("flair", "t1", "t1ce", "t2", "seg"), "data"),
        BRATS,
        pair(
            ["BraTS20_Training_001", "BraTS20_Training_002"],
            **{name: f"@/@_{name}.nii.gz" for name in ("flair", "t1", "t1ce", "t2", "seg")},
        ),
    ),
    Layout(
        "BIDS",
        {"T1w": "data", "sidecar": "text"},
        BIDS,
        pair(["sub-01", "sub-02"], T1w="@/anat/@_T1w.nii.gz", sidecar="@/anat/@_T1w.json"),
        "match={'*_T1w.nii.gz': 'T1w', '*_T1w.json': 'sidecar'}",
        ["README"],
    ),
]
# `ds0/@/a.jpg` names two folders at once.
for layout in LAYOUTS:
    for unit in layout.units:
        for key, path in unit.items():
            folder = "ann" if key in ("ann", "label") else "img"
            unit[key] = path.replace("@", folder)


def make_collection(session: synapse.Session, types: dict[str, str]) -> synapse.DataCollection:
    return session.data_collections.create(
        name="Data",
        category="image",
        file_specifications=[
            synapse.FileSpecification(
                name=name,
                file_type=kind.rstrip("?"),
                is_required="?" not in kind,
                is_primary=number == 0,
            )
            for number, (name, kind) in enumerate(types.items())
        ],
    )


def make_folder(folder: Path, files: list[str]) -> Path:
    for name in files:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


def list_units(collection: synapse.DataCollection) -> Units:
    units = [
        {name: str(file.path) for name, file in sorted(unit.files.items())}
        for unit in collection.data_units
    ]
    return sorted(units, key=lambda unit: [*unit.values()])


def read_argument(message: str) -> dict[str, Any]:
    """Return the argument that an error names, as Python reads the text."""
    found = re.search(r"Pass (match|ignore)=(\{.*?\}|\[.*?\])\.", message)
    assert found, message
    return {found[1]: ast.literal_eval(found[2])}


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_layout(session: synapse.Session, tmp_path: Path, layout: Layout) -> None:
    folder = make_folder(tmp_path / "data", layout.files)
    collection = make_collection(session, layout.specifications)
    options: dict[str, Any] = {}
    if layout.argument:
        with pytest.raises(UsageError) as caught:
            collection.upload(folder, progress=False)
        assert collection.data_units.count() == 0
        options = read_argument(str(caught.value))
        assert f"Pass {layout.argument}." in str(caught.value)

    report = collection.upload(folder, progress=False, **options)

    expected = [dict(sorted(unit.items())) for unit in layout.units]
    assert list_units(collection) == sorted(expected, key=lambda unit: [*unit.values()])
    notes = "\n".join(report.notes)
    assert [text for text in layout.notes if text not in notes] == [], notes
    assert report.failed == []


JUNK = [
    *("Thumbs.db", "a/desktop.ini", ".DS_Store", "a/.DS_Store", "@eaDir/1.png/SYNO_THUMB_XL.png"),
    *("2.png.part", "~$notes.txt", "1.png~", "__MACOSX/a/1.png", ".~lock.notes.odt#"),
    *("a/3.png.crdownload", "$RECYCLE.BIN/4.png", "lost+found/5.png"),
]


def test_what_systems_leave_stays_out(session: synapse.Session, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "data", ["1.png", "a/1.png", *JUNK])
    collection = make_collection(session, IMAGE)

    report = collection.upload(folder, progress=False)

    assert list_units(collection) == [{"image": "1.png"}, {"image": "a/1.png"}]
    assert len(report.notes) == 1
    assert re.search(
        r"left out, names that are hidden, or that systems make \(13\)", report.notes[0]
    )
    shown = re.findall(r"[^ ,:]+", report.notes[0].partition(":")[0])
    assert set(shown) <= {*(name for path in JUNK for name in path.split("/")), "..."} | {
        *("@eaDir/", "__MACOSX/", "$RECYCLE.BIN/", "lost+found/")
    }
    assert collection.upload(f"{folder}/**/*", progress=False).created == 0


def test_ignored_files_are_named(session: synapse.Session, tmp_path: Path) -> None:
    folder = make_folder(
        tmp_path / "data", ["1.png", "1_old.png", "a/docs/2.png", "a/x/3.png", "a/4.png", "5.txt"]
    )
    collection = make_collection(session, IMAGE)

    report = collection.upload(folder, ignore=["*_old.png", "docs", "a/x/**"], progress=False)

    assert list_units(collection) == [{"image": "1.png"}, {"image": "a/4.png"}]
    assert report.notes == [
        "1_old.png, a/docs/, a/x/3.png: left out, selected by ignore= (3).",
        "5.txt: not for a specification.",
    ]
    assert report.ignored == 3
    assert collection.upload(f"{folder}/**/*.png", ignore="a", progress=False).created == 1


def test_columns_of_a_manifest(session: synapse.Session, tmp_path: Path) -> None:
    make_folder(tmp_path, ["1.png", "1.txt"])
    manifest = tmp_path / "list.csv"
    manifest.write_text("n,file_name,text_path\n7,1.png,1.txt\n")
    collection = make_collection(session, WITH_LABEL)
    with pytest.raises(UsageError, match=r"it has 'n', 'file_name', 'text_path'. Pass columns=\{"):
        collection.upload(manifest, progress=False)
    with pytest.raises(UsageError, match=r"no column 'file' of columns="):
        collection.upload(manifest, columns={"file": "image"}, progress=False)
    with pytest.raises(UsageError, match=r"columns= has 'photo' for 'n'; the collection has"):
        collection.upload(manifest, columns={"n": "photo"}, progress=False)

    columns = {"file_name": "image", "text_path": "label"}
    collection.upload(manifest, columns=columns, progress=False)

    assert list_units(collection) == [{"image": "1.png", "label": "1.txt"}]
    assert collection.data_units[0].meta == {"n": "7"}


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("", {"columns": {"a": "image"}}, "columns= is for a manifest"),
        (["1.png"], {"ignore": "a"}, "ignore= is for a folder or pattern"),
        ("", {"match": {"a": "photo"}}, "match= has 'photo' for 'a'; the collection has 'image'"),
        ("", {"match": {}}, "match= has no pattern"),
        ("", {"match": {"/": "image"}}, "match= has the pattern '/'"),
        ("", {"match": "image"}, "match='image' is not valid. Pass a function"),
        ("", {"ignore": [1]}, "ignore= has the pattern 1"),
        ("", {"match": {"masks": "image"}}, "no pattern of match= fits"),
    ],
)
def test_arguments(
    session: synapse.Session, tmp_path: Path, source: Any, options: Any, message: str
) -> None:
    make_folder(tmp_path, ["1.png"])
    with pytest.raises(UsageError, match=re.escape(message)):
        make_collection(session, IMAGE).upload(source or tmp_path, progress=False, **options)


def test_command(
    session: synapse.Session,
    emulator: EmulatorTenant,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SYNAPSE_BASE_URL", emulator.url)
    monkeypatch.setenv("SYNAPSE_API_TOKEN", emulator.api_token)
    folder = make_folder(tmp_path / "city", CITYSCAPES)
    manifest = tmp_path / "city" / "x.csv"
    manifest.write_text("photo,seg\nlicense.txt,license.txt\n")
    collection = make_collection(session, {"image": "image", "mask": "image?"})
    command = ["upload", str(folder), "--collection", str(collection.id)]
    pairs = [
        *("--match", "leftImg8bit/**/*_leftImg8bit.png=image"),
        *("--match", "gtFine/**/*_gtFine_color.png=mask", "--ignore", "bremen"),
    ]

    refused = CliRunner().invoke(app, command)
    done = CliRunner().invoke(app, [*command, *pairs])

    assert refused.exit_code == 2
    options = re.search(r"Pass (--match .*)\. --ignore gtFine leaves them out", refused.stderr)
    assert options
    assert shlex.split(options[1])[1::2] == [
        "leftImg8bit/**/*_leftImg8bit.png=image",
        "gtFine/**/*_gtFine_labelIds.png=mask",
    ]
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("created: 2")
    assert "note: gtFine/train/bremen/, leftImg8bit/train/bremen/: left out" in done.stderr
    assert [unit["mask"][-9:] for unit in list_units(collection)] == ["color.png"] * 2
    command[1] = str(manifest)
    columns = ["--columns", "photo=image", "--columns", "seg=mask"]
    assert CliRunner().invoke(app, [*command, *columns]).exit_code == 0
    assert CliRunner().invoke(app, [*command, "--match", "x"]).exit_code == 2


def test_page_names_what_the_tests_upload() -> None:
    """The table of the manual has the arguments that the refusals name."""
    page = Path(__file__).parents[3] / "docs" / "howto" / "layouts.md"
    lines = page.read_text(encoding="utf-8").partition("## Layouts")[2].splitlines()
    rows = [line for line in lines if line.startswith("|")]
    spans = [span for row in rows for span in re.findall(r"suggested: `(.+)`", row)]
    written = [
        ast.literal_eval(span.removeprefix("ignore=")) for span in spans if "..." not in span
    ]
    named = [ast.literal_eval(one.argument.partition("=")[2]) for one in LAYOUTS if one.argument]
    assert len(written) > 10
    assert [argument for argument in written if argument not in named] == []
    table = "\n".join(rows)
    for name in {layout.name.partition(",")[0] for layout in LAYOUTS} - {"Other files beside"}:
        assert name in table
