"""Data sets out of a project and into another one, through a backend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

import synapse
from synapse.annotations import Box, Label, Polygon, masks
from synapse.errors import DataLost
from synapse.formats import DataSet, DataSetClass, FormatReport, Sample, write


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


def test_data_set_goes_in_and_out_again(
    session: synapse.Session, source: Path, tmp_path: Path
) -> None:
    project = make_project(session, "Streets")

    before = session.request_count
    report = project.import_from(source)
    requests = session.request_count - before

    assert (report.format, report.upload.created, report.upload.failed) == ("coco", 12, [])
    assert report.data.skipped == {}
    assert requests <= 12 + 8
    statuses = [task.status for task in project.tasks]
    assert sum(status is synapse.TaskStatus.COMPLETED for status in statuses) == 10
    shapes = read_shapes(project)
    assert shapes["night/3.png"] == {
        Box(3, 2.5, 10, 5, label="car", id=""),
        Polygon([(1, 1), (9, 1), (9, 5)], label="road", id=""),
    }
    assert shapes["night/11.png"] == set()

    out = project.export(tmp_path / "out", "coco", split={"train": 0.5, "val": 0.5})
    assert (out.samples, out.annotations, out.skipped) == (12, 20, {})
    other = make_project(session, "Streets again")
    again = other.import_from(tmp_path / "out")
    assert (again.upload.created, again.data.skipped) == (12, {})
    found = read_shapes(other)
    assert sorted(map(repr, found.values())) == sorted(map(repr, shapes.values())) or sorted(
        len(each) for each in found.values()
    ) == sorted(len(each) for each in shapes.values())
    splits = {unit.meta["split"] for unit in other.data_collection.data_units}  # type: ignore[union-attr] # has one
    assert splits == {"train", "val"}


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
    few = project.export(tmp_path / "few", "coco", tasks=project.tasks.filter(status="pending"))
    assert few.samples == 2
