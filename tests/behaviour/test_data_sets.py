"""Data sets out of a project and into another one, through a backend."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import pytest

import synapse
from synapse.annotations import Box, Group, Keypoint, Label, Polygon, masks
from synapse.errors import DataLost, UsageError
from synapse.formats import DataSet, DataSetClass, FormatReport, Sample, read, write
from synapse.testing import assert_num_requests
from synapse.testing.tenants import EmulatorTenant


def make_picture(path: Path, width: int, height: int, number: int) -> Path:
    """A picture with content of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(masks.to_png(((number, 1),), width, height))
    return path


def make_project(session: synapse.Session, title: str) -> synapse.Project:
    collection = session.data_collections.create(
        name=title,
        category="image",
        file_specifications=[
            synapse.FileSpecification(name="photo", file_type="image", is_primary=True)
        ],
    )
    return session.projects.create(
        title=title,
        category="image",
        data_collection=collection,
        configuration={"classification": {"bounding_box": ["car", "bus"]}},
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A data set of twelve pictures in COCO's format, two of them without annotations."""
    samples = [
        Sample(
            f"{'night' if number % 2 else 'day'}/{number}.png",
            [
                Box(number, 2.5, 10, 5, label="car"),
                Polygon([(1, 1), (9, 1), (9, 5)], label="road"),
            ]
            if number < 10
            else [],
            size=(40, 30),
            image=make_picture(tmp_path / "pictures" / f"{number}.png", 40, 30, number),
        )
        for number in range(12)
    ]
    classes = [DataSetClass("car"), DataSetClass("road")]
    write(DataSet(classes, samples), tmp_path / "source", "coco")
    return tmp_path / "source"


def read_shapes(project: synapse.Project) -> dict[str, set[Any]]:
    """The annotations by name of the picture, without ids."""
    return {
        task.data_unit.meta["name"]: {
            attrs.evolve(each, id="", medium=None, attributes={}) for each in task.annotations
        }
        for task in project.tasks.expand("data_unit")
    }


def test_data_set_goes_in(session: synapse.Session, source: Path) -> None:
    project = make_project(session, "Streets")

    before = session.request_count
    report = project.import_from(source)
    requests = session.request_count - before

    assert (report.format, report.upload.created, report.upload.failed) == ("coco", 12, [])
    assert (report.annotated, report.empty, report.unlabelled) == (10, 2, 0)
    assert report.data.skipped == {}
    # Twelve for the files; how many batches there are depends on how quickly files arrive.
    assert requests <= 12 + 20
    assert {task.status for task in project.tasks} == {synapse.TaskStatus.COMPLETED}
    shapes = read_shapes(project)
    assert shapes["night/3.png"] == {
        Box(3, 2.5, 10, 5, label="car", id=""),
        Polygon([(1, 1), (9, 1), (9, 5)], label="road", id=""),
    }
    assert shapes["night/11.png"] == set()


def test_an_export_goes_on_in_the_middle(session: synapse.Session, tmp_path: Path) -> None:
    samples = [
        Sample(
            f"{number}.png",
            [Box(number % 20, 2.5, 10, 5, label="car")],
            size=(40, 30),
            image=make_picture(tmp_path / "pictures" / f"{number}.png", 40, 30, number),
        )
        for number in range(120)
    ]
    write(DataSet([DataSetClass("car")], samples), tmp_path / "source", "coco")
    project = make_project(session, "Streets")
    project.import_from(tmp_path / "source")
    project.export(tmp_path / "whole")
    count = 0

    def interrupt(task: synapse.Task) -> None:
        nonlocal count
        count += 1
        if count > 110:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        project.export(tmp_path / "out", split=interrupt)
    first, *_ = sorted((tmp_path / "out" / f".synapse-export-{project.id}").rglob("*.png"))
    first.unlink()

    # A task after the stored ones, stored ones for the missing picture, the rest, the picture.
    with assert_num_requests(session, 4):
        report = project.export(tmp_path / "out", split=lambda task: None)

    assert (report.samples, report.annotations, report.skipped) == (120, 120, {})
    files = {path.relative_to(tmp_path / "whole"): path for path in files_in(tmp_path / "whole")}
    assert len(files) == 122  # with the annotations and the list of files
    assert {path.relative_to(tmp_path / "out") for path in files_in(tmp_path / "out")} == {*files}
    for name, path in files.items():
        assert (tmp_path / "out" / name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("kind", ["coco", "yolo"])
def test_round_trip_keeps_names_and_splits(
    session: synapse.Session, source: Path, tmp_path: Path, kind: str
) -> None:
    options = {"task": "segment"} if kind == "yolo" else {}
    project = make_project(session, "Streets")
    project.import_from(source)
    project.export(
        tmp_path / "parts",
        kind,
        split=lambda task: "train" if task.data_unit.meta["name"] < "night" else "val",
        tasks=project.tasks.expand("data_unit"),
        **options,
    )
    other = make_project(session, "Streets again")
    again = other.import_from(tmp_path / "parts", **options)
    assert (again.upload.created, again.data.skipped, again.empty) == (12, {}, 2)

    before = session.request_count
    out = other.export(tmp_path / "out", kind, **options)
    requests = session.request_count - before

    # A page of tasks with the units, and each picture.
    assert requests == 12 + 1
    assert (out.samples, out.skipped) == (12, {})
    names = {path.relative_to(tmp_path / "parts") for path in files_in(tmp_path / "parts")}
    assert {path.relative_to(tmp_path / "out") for path in files_in(tmp_path / "out")} == names
    assert Path("images/train/day/0.png") in names
    parts, _ = read(tmp_path / "parts", kind, **options)
    whole, _ = read(tmp_path / "out", kind, **options)
    assert {(one.split, one.name, len(one.annotations)) for one in parts.samples} == {
        (one.split, one.name, len(one.annotations)) for one in whole.samples
    }
    none = other.export(tmp_path / "none", kind, split=lambda task: None, **options)
    assert none.samples == 12
    assert not list((tmp_path / "none").glob("images/val/*/*"))


def test_names_and_splits_of_tasks_at_hand(
    session: synapse.Session, source: Path, tmp_path: Path
) -> None:
    project = make_project(session, "Streets")
    project.import_from(source)
    tasks = list(project.tasks.order_by("-id"))

    with assert_num_requests(session, 1):  # all units at once
        project.export(tmp_path / "list", "coco", tasks=tasks, images="none")

    project.export(tmp_path / "query", "coco", images="none")
    found = [
        {one.name for one in read(tmp_path / name, "coco")[0].samples} for name in ("list", "query")
    ]
    assert found[0] == found[1]
    assert "night/3.png" in found[0]


def test_pictures_of_one_name_are_told_apart_in_any_order(
    session: synapse.Session, tmp_path: Path
) -> None:
    project = make_project(session, "Streets")
    assert project.data_collection is not None
    for number in range(2):
        picture = make_picture(tmp_path / str(number) / "a.png", 40, 30, number)
        project.data_collection.upload([picture], project=project, progress=False)
    orders = [project.tasks.order_by("id"), project.tasks.order_by("-id")]
    names = []
    for number, tasks in enumerate(orders):
        folder = tmp_path / f"out{number}"
        report = project.export(folder, "coco", tasks=tasks)
        assert report.lossy == {"not-annotated": 2}
        names.append({path.name: path.read_bytes() for path in folder.rglob("*a.png")})
    assert names[0] == names[1]
    assert len(names[0]) == 2


def test_pictures_without_labels_wait_to_be_annotated(
    session: synapse.Session, source: Path, tmp_path: Path
) -> None:
    write(read(source)[0], tmp_path / "yolo", "yolo", task="segment")
    labels = sorted((tmp_path / "yolo" / "labels").rglob("*.txt"))
    empty = [path for path in labels if not path.read_text()]
    assert len(empty) == 2
    empty[0].unlink()

    project = make_project(session, "Streets")
    report = project.import_from(tmp_path / "yolo", task="segment")

    assert (report.annotated, report.empty, report.unlabelled) == (10, 1, 1)
    assert report.data.lossy["no-label"] == 1
    statuses = Counter(task.status for task in project.tasks)
    assert statuses == {synapse.TaskStatus.COMPLETED: 11, synapse.TaskStatus.PENDING: 1}
    out = project.export(tmp_path / "out", "yolo", task="segment")
    assert out.lossy == {"class-indices": 1}  # the configuration has other classes
    assert len(list((tmp_path / "out" / "labels").rglob("*.txt"))) == 11
    assert project.export(tmp_path / "coco", "coco").lossy == {"not-annotated": 1}


@pytest.mark.parametrize("wire", ["direct", "presigned"])
@pytest.mark.slow
def test_few_requests_beside_those_of_the_files(
    session: synapse.Session, emulator: EmulatorTenant, tmp_path: Path, wire: str
) -> None:
    if wire == "presigned":
        session.storages.create(
            name="bucket", provider="minio", category="internal", configuration={}, is_default=True
        )
    samples = [
        Sample(
            f"{number % 7}/{number}.png",
            [Box(number % 30, 2.5, 10, 5, label="car")],
            size=(40, 30),
            image=make_picture(tmp_path / "pictures" / f"{number}.png", 40, 30, number % 50),
        )
        for number in range(500)
    ]
    write(DataSet([DataSetClass("car")], samples), tmp_path / "source", "coco", images="link")
    made: list[str] = []
    counted = emulator.session(on_request=lambda event: made.append(f"{event.method} {event.url}"))
    project = counted.projects.get(make_project(session, "Streets").id)

    report = project.import_from(tmp_path / "source", progress=False)

    assert (report.upload.created, report.upload.tasks, report.annotated) == (500, 500, 500)
    # One for each file: the bytes to the server; or to the storage, which isn't the server.
    files = [one for one in made if one.endswith("/data_files/") and one.startswith("POST")]
    assert len(files) in (range(50, 501) if wire == "direct" else [0])
    assert len(made) - len(files) < 40
    assert project.tasks.filter(status="completed").count() == 500


def test_second_import_makes_nothing(session: synapse.Session, source: Path) -> None:
    project = make_project(session, "Streets")
    project.import_from(source, "coco")
    report = project.import_from(source, "coco")
    assert (report.upload.created, report.upload.skipped) == (0, 12)
    assert project.tasks.count() == 12


def test_export_is_the_same_again(session: synapse.Session, source: Path, tmp_path: Path) -> None:
    project = make_project(session, "Streets")
    project.import_from(source, "coco")
    folder = tmp_path / "out"
    project.export(folder, "coco")
    first = {path.relative_to(folder): path.read_bytes() for path in files_in(folder)}
    project.export(folder, "coco", images="link")
    assert {path.relative_to(folder): path.read_bytes() for path in files_in(folder)} == first
    assert not list(folder.glob(".synapse-export-*"))

    project.export(tmp_path / "bare", "coco", images="none")
    assert not [path for path in files_in(tmp_path / "bare") if path.suffix == ".png"]


def test_export_again_leaves_no_old_picture(
    session: synapse.Session, source: Path, tmp_path: Path
) -> None:
    project = make_project(session, "Streets")
    project.import_from(source, "coco")
    project.export(tmp_path / "out", "coco", split="train")
    project.export(tmp_path / "out", "coco", split="val", tasks=list(project.tasks)[:2])
    data, _ = read(tmp_path / "out", strict=True)
    assert [sample.split for sample in data.samples] == ["val", "val"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "labels.txt").write_text("mine")
    with (
        assert_num_requests(session, 0),
        pytest.raises(UsageError, match=r"no export wrote: labels\.txt"),
    ):
        project.export(tmp_path / "mine", "coco")


def test_names_that_are_not_safe_are_reported(session: synapse.Session, tmp_path: Path) -> None:
    project = make_project(session, "Streets")
    names = ["12:30:05.png", "CON.png", "a:b.png", "fine.png"]
    samples = []
    for number, name in enumerate(names):
        picture = make_picture(tmp_path / "pictures" / f"{number}.png", 40, 30, number)
        samples.append(Sample(name, [Box(1, 1, 5, 5, label="car")], size=(40, 30), image=picture))
    write(DataSet([DataSetClass("car")], samples), tmp_path / "in", "coco", images="copy")
    project.import_from(tmp_path / "in", "coco")

    report = project.export(tmp_path / "out", "coco", split=lambda task: None)

    assert report.lossy == {"renamed": 3}
    assert "'a:b.png' is written as a_b.png" in str(report)
    found = sorted(path.name for path in files_in(tmp_path / "out") if path.suffix == ".png")
    assert found == ["12_30_05.png", "_CON.png", "a_b.png", "fine.png"]


def test_arguments_that_would_export_nonsense(
    session: synapse.Session, source: Path, tmp_path: Path
) -> None:
    project, other = make_project(session, "Streets"), make_project(session, "Roads")
    project.import_from(source, "coco")
    tasks = list(project.tasks)
    out = tmp_path / "out"
    cases: list[tuple[dict[str, Any], str]] = [
        ({"classes": ["car", "raod"]}, "'raod', .*did you mean 'road'"),
        ({"classes": ["zebra"]}, "'zebra', which no annotation has"),
        ({"tasks": [1, 2]}, "tasks= has 1, which is not a task"),
        ({"tasks": tasks[0]}, "is not valid. Pass a query or a list"),
        ({"split": lambda _: 3}, f"split= gave 3 for task {tasks[0].id}"),
    ]
    for options, message in cases:
        with pytest.raises(UsageError, match=message):
            project.export(out, "coco", images="none", **options)
    with pytest.raises(UsageError, match=f"of project {project.id}, not of project {other.id}"):
        other.export(out, "coco", tasks=project.tasks)
    assert not files_in(out)
    # A list for several projects has classes that this one lacks.
    report = project.export(out, "coco", images="none", classes=["zebra", "car", "road"])
    assert (report.samples, report.skipped) == (12, {})


def test_unsaved_annotations_are_not_exported(
    session: synapse.Session, source: Path, tmp_path: Path
) -> None:
    project = make_project(session, "Streets")
    project.import_from(source, "coco")
    task = project.tasks.order_by("id")[0]
    task.annotations = [Box(0, 0, 5, 5, label="tram")]
    with pytest.raises(UsageError, match=rf"Task {task.id} has unsaved changes \(data\)"):
        project.export(tmp_path / "out", "coco")
    task.save()
    report = project.export(tmp_path / "out", "coco")
    assert report.annotations == 19


def files_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_losses_are_told_or_refused(session: synapse.Session, source: Path, tmp_path: Path) -> None:
    project = make_project(session, "Streets")
    project.import_from(source, "coco")
    first, second = list(project.tasks)[:2]
    first.annotate({"other": 1})
    second.annotate([Label(label="rain"), Box(0, 0, 5, 5, label="tram")])

    report = project.export(tmp_path / "out", "coco")

    assert report.skipped["unknown-document"] == 1
    assert isinstance(report, FormatReport)
    with pytest.raises(DataLost):
        project.export(tmp_path / "strict", "coco", strict=True)
    few = project.export(tmp_path / "few", "coco", tasks=project.tasks.filter(id=[first.id]))
    assert few.samples == 1


def make_bare_project(session: synapse.Session) -> synapse.Project:
    """A project whose configuration has no classes."""
    project = make_project(session, "Bare")
    project.configuration = {"editor": "fast"}
    return project.save()


def write_yolo(folder: Path, names: list[str], rows: list[str]) -> Path:
    """A YOLO data set with a picture for each row of a label file."""
    for number, row in enumerate(rows):
        make_picture(folder / f"images/train/{number}.png", 40, 30, number)
        path = folder / f"labels/train/{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(row)
    listed = "".join(f"  {index}: {name}\n" for index, name in enumerate(names))
    (folder / "data.yaml").write_text(
        f"train: images/train\nval: images/val\nnc: {len(names)}\nnames:\n{listed}"
    )
    (folder / "images/val").mkdir(parents=True)
    return folder


_ROWS = ["1 0.5 0.5 0.25 0.2\n", "0 0.5 0.5 0.25 0.2\n"]


def test_yolo_keeps_indices_and_unused_classes(session: synapse.Session, tmp_path: Path) -> None:
    names = ["person", "car", "zebra"]
    project = make_bare_project(session)
    report = project.import_from(write_yolo(tmp_path / "in", names, _ROWS))
    assert report.data.lossy == {}
    with assert_num_requests(session, 3):  # the page of tasks, and each picture
        out = project.export(tmp_path / "out", "yolo")
    assert out.lossy == {}
    for name in ["data.yaml", "labels/train/0.txt", "labels/train/1.txt"]:
        assert (tmp_path / "out" / name).read_text() == (tmp_path / "in" / name).read_text()

    kept = project.refresh().configuration
    assert [(each.name, each.tools) for each in project.classes] == [
        (name, ("bounding_box",)) for name in names
    ]
    assert kept["editor"] == "fast"
    assert kept["imported_classes"] == {"names": names}
    kept = json.loads(json.dumps(kept))
    again = project.import_from(tmp_path / "in")
    assert again.data.lossy == {}
    assert project.refresh().configuration == kept


def test_coco_keeps_category_ids_and_joints(session: synapse.Session, tmp_path: Path) -> None:
    samples = [
        Sample(
            "a.png",
            [
                Box(5, 5, 20, 20, label="person", id="b"),
                Keypoint(8, 8, label="eye", id="k", visibility="visible"),
                Group(["b", "k"]),
            ],
            size=(40, 30),
            image=make_picture(tmp_path / "a.png", 40, 30, 1),
        )
    ]
    classes = [
        DataSetClass("car"),
        DataSetClass("person", keypoints=["nose", "eye"]),
        DataSetClass("dog", keypoints=["tail"]),
    ]
    ids = {"car": 9, "person": 2, "dog": 40}
    write(DataSet(classes, samples), tmp_path / "in", "coco", category_ids=ids)
    project = make_bare_project(session)
    project.import_from(tmp_path / "in")
    out = project.export(tmp_path / "out", "coco")
    assert out.lossy == {}
    data, _ = read(tmp_path / "out", "coco")
    assert data.info["category_ids"] == ids
    assert [(each.name, each.keypoints) for each in data.classes] == [
        (each.name, each.keypoints) for each in classes
    ]


def test_own_configuration_wins_and_is_told(session: synapse.Session, tmp_path: Path) -> None:
    project = make_project(session, "Streets")
    source = write_yolo(tmp_path / "in", ["zebra", "car"], _ROWS)
    report = project.import_from(source)
    assert report.data.lossy == {"class-not-configured": 1, "class-indices": 1}
    assert "1 classes aren't in the project's configuration: 'zebra'" in str(report)
    assert [each.name for each in project.refresh().classes] == ["car", "bus"]

    out = project.export(tmp_path / "out", "yolo")
    assert out.lossy == {"class-indices": 1}
    data, _ = read(tmp_path / "out", "yolo")
    assert [each.name for each in data.classes] == ["car", "bus", "zebra"]
    chosen = project.export(tmp_path / "chosen", "yolo", classes=["zebra", "car"])
    assert chosen.lossy == {}

    other = make_project(session, "Strict")
    with pytest.raises(DataLost, match="'zebra'"):
        other.import_from(source, strict=True)
    assert other.tasks.count() == 0


def test_a_server_that_drops_the_classes_is_told(
    session: synapse.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_bare_project(session)
    monkeypatch.setattr(synapse.Project, "save", lambda self: self.refresh() and self.revert())
    report = project.import_from(write_yolo(tmp_path / "in", ["a", "b"], _ROWS))
    assert report.data.lossy == {"classes-not-kept": 1}
    assert report.upload.created == 2


def test_second_import_fills_tasks_that_wait(session: synapse.Session, tmp_path: Path) -> None:
    source = write_yolo(tmp_path / "in", ["person", "car"], [*_ROWS, "0 0.5 0.5 0.5 0.5\n", ""])
    labels = source / "labels/train"
    late = {name: (labels / name).read_text() for name in ["0.txt", "3.txt"]}
    for name in late:
        (labels / name).unlink()
    project = make_bare_project(session)
    first = project.import_from(source)
    assert (first.annotated, first.empty, first.unlabelled) == (2, 0, 2)

    for name, text in late.items():
        (labels / name).write_text(text)
    (labels / "1.txt").write_text("1 0.5 0.5 0.25 0.2\n")
    second = project.import_from(source, strict=True)

    assert (second.annotated, second.empty, second.unlabelled) == (1, 1, 0)
    assert (second.unchanged, second.differs, second.upload.created) == (1, 1, 0)
    assert "1.png: task" in str(second)
    assert "project.annotate()" in str(second)
    tasks = {task.data_unit.meta["name"]: task for task in project.tasks.expand("data_unit")}
    assert {task.status for task in tasks.values()} == {synapse.TaskStatus.COMPLETED}
    labels_of = {name: [each.label for each in task.annotations] for name, task in tasks.items()}
    assert labels_of == {"0.png": ["car"], "1.png": ["person"], "2.png": ["person"], "3.png": []}

    third = project.import_from(source)
    assert (third.annotated, third.empty, third.unchanged, third.differs) == (0, 0, 3, 1)


def test_second_import_writes_nothing_if_nothing_changed(
    session: synapse.Session, emulator: EmulatorTenant, source: Path
) -> None:
    made: list[str] = []
    counted = emulator.session(on_request=lambda event: made.append(f"{event.method} {event.url}"))
    project = counted.projects.get(make_project(session, "Streets").id)
    first = project.import_from(source, "coco")
    assert (first.annotated, first.unchanged) == (10, 0)
    made.clear()
    second = project.import_from(source, "coco")
    assert (second.annotated, second.empty, second.unchanged) == (0, 0, 12)
    assert [one for one in made if not one.startswith("GET")] == []


def test_pictures_of_another_data_set_with_the_same_name_stay(
    session: synapse.Session, tmp_path: Path
) -> None:
    project = make_bare_project(session)
    bare = write_yolo(tmp_path / "bare", ["car"], [""])
    (bare / "labels/train/0.txt").unlink()
    project.import_from(bare)
    other = write_yolo(tmp_path / "other", ["car"], ["0 0.5 0.5 0.5 0.5\n"])
    make_picture(other / "images/train/0.png", 40, 30, 7)
    assert project.import_from(other).annotated == 1
    again = project.import_from(other)
    assert (again.annotated, again.unchanged, again.differs) == (0, 1, 0)
    statuses = Counter(task.status for task in project.tasks)
    assert statuses == {synapse.TaskStatus.COMPLETED: 1, synapse.TaskStatus.PENDING: 1}
    # The task of the other picture is the newer one, and is not taken for this picture's.
    (bare / "labels/train/0.txt").write_text("0 0.2 0.2 0.1 0.1\n", encoding="utf-8")
    filled = project.import_from(bare)
    assert (filled.annotated, filled.unchanged, filled.differs) == (1, 0, 0)


def test_a_data_set_without_any_picture_is_refused(
    session: synapse.Session, source: Path, tmp_path: Path
) -> None:
    (source / "images").rename(tmp_path / "elsewhere")
    project = make_bare_project(session)
    with pytest.raises(UsageError, match=r"none of the 12 pictures .*images="):
        project.import_from(source)
    assert project.refresh().classes == []
    moved = next(path for path in (tmp_path / "elsewhere").iterdir() if path.is_dir())
    assert project.import_from(source, images=moved).upload.created == 12


def test_a_short_row_costs_only_the_row(session: synapse.Session, tmp_path: Path) -> None:
    source = write_yolo(tmp_path / "in", ["a", "b"], ["0 0.5 0.5 0.2\n1 0.5 0.5 0.2 0.2\n"])
    report = make_bare_project(session).import_from(source)
    assert (report.annotated, report.data.skipped) == (1, {"row-length": 1})


def test_an_import_of_nothing_configures_no_classes(
    session: synapse.Session, tmp_path: Path
) -> None:
    (tmp_path / "in" / "images/train").mkdir(parents=True)
    source = write_yolo(tmp_path / "in", ["car"], [])
    project = make_bare_project(session)
    report = project.import_from(source, "yolo")
    assert (report.upload.created, report.data.skipped) == (0, {})
    assert project.refresh().configuration == {"editor": "fast"}
