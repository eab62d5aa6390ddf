"""`export()` and `import_from()` of a project refuse what can't work before any request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import synapse
from synapse import formats
from synapse.errors import UsageError
from synapse.formats import DataSet, write


@pytest.fixture
def project() -> Iterator[Any]:
    with synapse.Session("http://127.0.0.1:9", "no-token") as session:
        row = {"id": 1, "data_collection": None, "configuration": {}}
        yield session.identity.load(synapse.Project, [row])[0]
        assert session.request_count == 0


@pytest.mark.parametrize(
    "options",
    [
        {"images": "symlink"},
        {"workers": 0},
        {"split": {"train": 2}},
        {"classes": "car"},
        {"classes": {"car": 1}},
        {"classes": [1]},
        {"format": "cocoo"},
    ],
    ids=lambda options: "".join(f"{name}={value}" for name, value in options.items()),
)
def test_impossible_arguments_of_an_export(project: Any, tmp_path: Path, options: Any) -> None:
    with pytest.raises(UsageError):
        project.export(tmp_path / "set", **options)
    assert not (tmp_path / "set").exists()


def test_projects_without_pictures_take_no_data_set(project: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't take pictures"):
        project.import_from(tmp_path, "coco")
    with pytest.raises(UsageError, match="is not a folder: nothing has this name"):
        project.import_from(tmp_path / "missing")


def test_misspelt_options_are_named(project: Any, tmp_path: Path) -> None:
    """The error names the option and what the format has, before a folder is made."""
    with pytest.raises(TypeError, match=r"tsk= is not .* 'yolo'; did you mean 'task'\?"):
        project.export(tmp_path / "set", "yolo", tsk="detect")
    with pytest.raises(TypeError, match=r"clases= .*did you mean 'classes'\?"):
        project.export(tmp_path / "set", "coco", clases=["car"])
    with pytest.raises(TypeError, match=r"zzz= is not .* 'coco'\. There are: category_ids, .*"):
        project.export(tmp_path / "set", "coco", zzz=1)
    with pytest.raises(TypeError, match=r"tsk= is not"):
        formats.write(DataSet([], []), tmp_path / "set", "yolo", tsk="detect")
    assert not (tmp_path / "set").exists()
    with pytest.raises(TypeError, match=r"clipp= is not .* 'coco'; did you mean 'clip'\?"):
        formats.read(tmp_path, "coco", clipp=True)


def test_other_things_than_a_folder_are_refused_with_advice(project: Any, tmp_path: Path) -> None:
    inner = tmp_path / "sets" / "inner"
    file = inner / "annotations" / "instances_train.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"images": [], "annotations": [], "categories": []}')
    archive = tmp_path / "sets.zip"
    archive.write_bytes(b"PK")
    answers = {
        None: "folder=None is not a path",
        3: "folder=3 is not a path",
        archive: "Unpack the archive",
        file: f"Pass the folder of the data set: {str(inner)!r}",
        tmp_path / "sets": f"did you mean {str(inner)!r}",
    }
    for folder, answer in answers.items():
        with pytest.raises(UsageError, match=re.escape(answer)):
            project.import_from(folder)
    with pytest.raises(UsageError, match="did you mean 'coco'"):
        write(DataSet([], []), tmp_path / "out", "COCO")
