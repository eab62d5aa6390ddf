"""`collection.download()` and `project.download()`: folders, names and contents."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import synapse
from synapse import errors
from synapse.testing.tenants import EmulatorTenant

CONTENT = b"some bytes"


@pytest.fixture
def collection(session: synapse.Session) -> synapse.DataCollection:
    """A collection whose units have two files, or one."""
    return session.data_collections.create(
        name="Photos",
        category="image",
        file_specifications=[
            synapse.FileSpecification(name="image", file_type="image"),
            synapse.FileSpecification(name="mask", file_type="image", is_required=False),
        ],
    )


@pytest.fixture
def make(
    session: synapse.Session, collection: synapse.DataCollection, tmp_path: Path
) -> Callable[..., synapse.DataUnit]:
    """Makes a unit with files of some names."""

    def one(meta: Any = None, **names: str) -> synapse.DataUnit:
        files = {}
        for specification, name in names.items():
            path = tmp_path / "upload"
            path.write_bytes(f"{specification} {name}".encode())
            uploaded = session.data_files.upload(path)
            files[specification] = {"checksum": uploaded.checksum, "path": name}
        return collection.data_units.create(files=files, meta=meta or {})

    return one


def found(folder: Path) -> dict[str, str]:
    """Return what is in a folder, by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".jsonl"
    }


def download(owner: Any, dest: Path, **options: Any) -> Any:
    return owner.download(dest, progress=False, **options)


def test_layout(
    collection: synapse.DataCollection, make: Callable[..., synapse.DataUnit], tmp_path: Path
) -> None:
    one = make({"n": 1}, image="a.png", mask="m.png")
    two = make(image="sub/a.png")
    dest = tmp_path / "new" / "folder"

    report = download(collection, dest)

    assert found(dest) == {
        f"{one.id}/a.png": "image a.png",
        f"{one.id}/m.png": "mask m.png",
        f"{two.id}/a.png": "image sub/a.png",
    }
    assert (report.downloaded, report.skipped, report.failed) == (3, 0, [])
    assert report.bytes == sum(map(len, found(dest).values()))
    assert report.folder == dest
    lines = [json.loads(line) for line in (dest / "units.jsonl").read_text().splitlines()]
    assert lines == [
        {
            "id": one.id,
            "files": {"image": f"{one.id}/a.png", "mask": f"{one.id}/m.png"},
            "meta": {"n": 1},
        },
        {"id": two.id, "files": {"image": f"{two.id}/a.png"}, "meta": {}},
    ]
    assert {path.name for path in dest.iterdir()} == {str(one.id), str(two.id), "units.jsonl"}


def test_what_comes_down_can_go_up(
    session: synapse.Session,
    collection: synapse.DataCollection,
    make: Callable[..., synapse.DataUnit],
    tmp_path: Path,
) -> None:
    make({"n": 1}, image="a.png", mask="m.png")
    make({"n": 2}, image="b.png")
    download(collection, tmp_path / "copy")
    other = session.data_collections.create(
        name="Copy",
        category="image",
        file_specifications=[
            synapse.FileSpecification(name=one.name, file_type="image", is_required=one.is_required)
            for one in collection.file_specifications
        ],
    )

    report = other.upload(tmp_path / "copy" / "units.jsonl", progress=False)

    assert (report.created, report.files_sent, report.files_held) == (2, 0, 3)
    assert [
        {name: file.checksum for name, file in unit.files.items()} for unit in other.data_units
    ] == [{name: file.checksum for name, file in u.files.items()} for u in collection.data_units]
    assert [unit.meta for unit in other.data_units] == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize(
    ("image", "mask", "expected"),
    [
        ("a.png", "a.png", {"a.image.png", "a.mask.png"}),
        ("a.png", "A.PNG", {"a.image.png", "A.mask.PNG"}),
        ("x/a.png", "y/a.png", {"a.image.png", "a.mask.png"}),
        ("../../a.png", "..\\b.png", {"a.png", "b.png"}),
        ("/etc/passwd", "C:\\boot.ini", {"passwd", "boot.ini"}),
        ("con.png", "line\nbreak.png", {"_con.png", "line_break.png"}),
        ("x" * 300 + ".png", "x" * 300 + ".png", None),
        ("é" * 127 + ".", "...", None),
    ],
)
def test_names(
    collection: synapse.DataCollection,
    make: Callable[..., synapse.DataUnit],
    tmp_path: Path,
    image: str,
    mask: str,
    expected: set[str] | None,
) -> None:
    """Nothing leaves the folder, nothing is overwritten, and it is the same every time."""
    unit = make(image=image, mask=mask)
    dest = tmp_path / "dest"

    assert download(collection, dest).failed == []

    files = found(dest)
    assert sorted(files.values()) == sorted([f"image {image}", f"mask {mask}"])
    if expected is not None:
        assert files.keys() == {f"{unit.id}/{name}" for name in expected}
    assert {path.name for path in tmp_path.iterdir()} == {"dest", "upload"}
    again = download(collection, dest)
    assert (again.downloaded, again.skipped) == (0, 2)
    assert found(dest) == files


def test_only_what_is_missing_or_wrong_is_fetched(
    collection: synapse.DataCollection, make: Callable[..., synapse.DataUnit], tmp_path: Path
) -> None:
    units = [make(image=f"{number}.png") for number in range(4)]
    dest = tmp_path / "dest"
    download(collection, dest)
    before = found(dest)
    paths = [dest / str(unit.id) / f"{number}.png" for number, unit in enumerate(units)]
    paths[0].unlink()
    paths[1].write_text("image X.png")  # as long, but not the same
    paths[2].write_text("shorter")
    kept = paths[3].stat().st_mtime_ns

    report = download(collection, dest)

    assert (report.downloaded, report.skipped, report.failed) == (3, 1, [])
    assert found(dest) == before
    assert paths[3].stat().st_mtime_ns == kept


def test_failed_one_does_not_stop_the_rest(
    emulator: EmulatorTenant,
    collection: synapse.DataCollection,
    make: Callable[..., synapse.DataUnit],
    tmp_path: Path,
) -> None:
    units = [make(image=f"{number}.png") for number in range(6)]
    lost = units[3].files["image"]
    session = emulator.session(retries=0)
    mine = session.data_collections.get(collection.id)
    path = f"files/*/{lost.path}"
    with emulator.fault("500", path=path, count=100):
        report = download(mine, tmp_path / "dest")

    (failure,) = report.failed
    assert failure.path == str(tmp_path / "dest" / str(units[3].id) / "3.png")
    assert isinstance(failure.error, errors.ServerError)
    assert report.downloaded == 5
    assert len(found(tmp_path / "dest")) == 5
    assert len((tmp_path / "dest" / "units.jsonl").read_text().splitlines()) == 6

    report = download(mine, tmp_path / "dest")
    assert (report.downloaded, report.skipped, report.failed) == (1, 5, [])


def test_folder_in_the_way(
    collection: synapse.DataCollection, make: Callable[..., synapse.DataUnit], tmp_path: Path
) -> None:
    unit = make(image="a.png")
    other = make(image="b.png")
    (tmp_path / "dest" / str(unit.id) / "a.png").mkdir(parents=True)

    report = download(collection, tmp_path / "dest")

    assert [Path(one.path).name for one in report.failed] == ["a.png"]
    assert isinstance(report.failed[0].error, errors.SynapseError)
    assert (tmp_path / "dest" / str(other.id) / "b.png").exists()


def test_dest_that_is_a_file(collection: synapse.DataCollection, tmp_path: Path) -> None:
    (tmp_path / "dest").write_text("a file")
    with pytest.raises(errors.UsageError, match="dest can't be a folder"):
        download(collection, tmp_path / "dest")


def test_empty_collection(collection: synapse.DataCollection, tmp_path: Path) -> None:
    assert download(collection, tmp_path / "dest").downloaded == 0
    assert (tmp_path / "dest" / "units.jsonl").read_text() == ""


def test_listing_that_fails_leaves_the_list_as_it_was(
    emulator: EmulatorTenant,
    collection: synapse.DataCollection,
    make: Callable[..., synapse.DataUnit],
    tmp_path: Path,
) -> None:
    make(image="a.png")
    dest = tmp_path / "dest"
    download(collection, dest)
    before = (dest / "units.jsonl").read_text()
    mine = emulator.session(retries=0).data_collections.get(collection.id)
    with (
        emulator.fault("500", path="data_units/", count=100),
        pytest.raises(errors.ServerError),
    ):
        download(mine, dest)
    assert (dest / "units.jsonl").read_text() == before
    assert {path.name for path in dest.iterdir() if path.is_file()} == {"units.jsonl"}


class TestProject:
    @pytest.fixture
    def project(
        self,
        session: synapse.Session,
        collection: synapse.DataCollection,
        make: Callable[..., synapse.DataUnit],
    ) -> synapse.Project:
        """A project with three tasks over two units, one of which is done."""
        units = [make({"n": number}, image=f"{number}.png") for number in range(2)]
        make(image="of no task.png")
        project = session.projects.create(title="P", category="image", data_collection=collection)
        project.tasks.bulk_create({"data_unit": unit} for unit in (*units, units[0]))
        project.tasks[1].annotate({"annotations": [{"label": "cat"}]})
        return project

    def test_annotations(self, project: synapse.Project, tmp_path: Path) -> None:
        report = download(project, tmp_path / "dest")

        tasks = list(project.tasks)
        units = [tasks[0].data_unit_id, tasks[1].data_unit_id]
        assert (report.downloaded, report.skipped, report.failed) == (2, 0, [])
        assert found(tmp_path / "dest") == {
            f"{units[0]}/0.png": "image 0.png",
            f"{units[1]}/1.png": "image 1.png",
        }
        text = (tmp_path / "dest" / "annotations.jsonl").read_text()
        assert [json.loads(line) for line in text.splitlines()] == [
            {
                "task": task.id,
                "status": "completed" if number == 1 else "pending",
                "data": {"annotations": [{"label": "cat"}]} if number == 1 else None,
                "data_unit": task.data_unit_id,
                "files": {"image": f"{task.data_unit_id}/{number % 2}.png"},
                "meta": {"n": number % 2},
            }
            for number, task in enumerate(tasks)
        ]

    def test_task_whose_unit_is_gone(self, project: synapse.Project, tmp_path: Path) -> None:
        project.tasks[1].data_unit.delete()

        report = download(project, tmp_path / "dest")

        assert (report.downloaded, report.failed) == (1, [])
        lines = (tmp_path / "dest" / "annotations.jsonl").read_text().splitlines()
        line = json.loads(lines[1])
        assert (line["data_unit"], line["files"]) == (None, {})

    def test_only_what_is_missing(self, project: synapse.Project, tmp_path: Path) -> None:
        download(project, tmp_path / "dest")
        assert download(project, tmp_path / "dest").skipped == 2


def test_bytes_are_those_that_were_sent(
    session: synapse.Session, collection: synapse.DataCollection, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(40):
        (source / f"{number}.png").write_bytes(hashlib.sha256(b"%d" % number).digest() * 5000)
    collection.upload(source, progress=False)

    report = download(collection, tmp_path / "dest", workers=16)

    assert report.downloaded == 40
    assert report.bytes == 40 * 160_000
    for path in (tmp_path / "dest").glob("*/*.png"):
        assert path.read_bytes() == (source / path.name).read_bytes()


def test_progress_that_raises(
    collection: synapse.DataCollection, make: Callable[..., synapse.DataUnit], tmp_path: Path
) -> None:
    make(image="one.png")
    error = BrokenPipeError("not a file's")

    def progress(done: int, total: int) -> None:
        raise error

    with pytest.raises(BrokenPipeError) as caught:
        collection.download(tmp_path / "dest", progress=progress)
    assert caught.value is error
    assert download(collection, tmp_path / "dest").failed == []


def test_list_that_cannot_be_written(
    collection: synapse.DataCollection, make: Callable[..., synapse.DataUnit], tmp_path: Path
) -> None:
    make(image="a.png")
    (tmp_path / "dest" / "units.jsonl").mkdir(parents=True)
    with pytest.raises(errors.UsageError, match=r"units\.jsonl can't be written"):
        download(collection, tmp_path / "dest")
    assert [path.name for path in (tmp_path / "dest").glob(".*")] == []


@pytest.mark.skipif(os.name == "nt", reason="it has no such modes")
def test_the_mask_of_the_process_is_never_another(
    collection: synapse.DataCollection,
    make: Callable[..., synapse.DataUnit],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For a moment, files of other threads would be readable by everybody."""
    unit = make(image="a.png")
    masks: list[int] = []
    before = os.umask(0o077)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(os, "umask", masks.append)
            download(collection, tmp_path / "dest")
    finally:
        os.umask(before)
    assert masks == []
    for path in (tmp_path / "dest" / "units.jsonl", tmp_path / "dest" / str(unit.id) / "a.png"):
        assert path.stat().st_mode & 0o777 == 0o600
