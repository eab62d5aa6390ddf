"""`collection.upload()`: each kind of source, and the rows that fail."""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
import os
import signal
import sqlite3
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import synapse
from synapse import errors
from synapse.testing import assert_num_requests
from synapse.testing.tenants import EmulatorTenant
from synapse.transfer.bulk.file_listing import FileListing
from synapse.transfer.bulk.journal import Journal
from synapse.transfer.progress import Progress


@pytest.fixture
def collection(session: synapse.Session) -> synapse.DataCollection:
    """A collection of images, with a text or not."""
    return session.data_collections.create(
        name="Photos",
        category="image",
        file_specifications=[
            synapse.FileSpecification(name="image", file_type="image", is_primary=True),
            synapse.FileSpecification(name="note", file_type="text", is_required=False),
        ],
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three photos, one of them with a note, and something else."""
    source = tmp_path / "photos"
    (source / "sub").mkdir(parents=True)
    (source / "a.png").write_bytes(b"photo a")
    (source / "a.txt").write_bytes(b"note a")
    (source / "b.png").write_bytes(b"photo b")
    (source / "sub" / "c.png").write_bytes(b"photo c")
    (source / "thumbs.db").write_bytes(b"x")
    return source


@pytest.fixture
def photos(tmp_path: Path) -> Callable[[int], Path]:
    """Makes a folder of photos."""

    def make(count: int) -> Path:
        source = tmp_path / "many"
        source.mkdir()
        for number in range(count):
            (source / f"{number:03}.png").write_bytes(b"photo %d" % number)
        return source

    return make


def upload(collection: synapse.DataCollection, source: Any, **options: Any) -> Any:
    return collection.upload(source, progress=False, **options)


def there(collection: synapse.DataCollection) -> list[dict[str, str]]:
    """Return the units' files: the names by specification."""
    return [
        {name: str(file.path) for name, file in sorted(unit.files.items())}
        for unit in collection.data_units
    ]


FOLDER = [{"image": "a.png", "note": "a.txt"}, {"image": "b.png"}, {"image": "sub/c.png"}]


class TestSources:
    def test_folder(self, collection: synapse.DataCollection, folder: Path) -> None:
        report = upload(collection, folder)

        assert there(collection) == FOLDER
        assert (report.created, report.skipped, report.failed) == (3, 0, [])
        assert (report.files_sent, report.files_held, report.ignored) == (4, 0, 1)
        assert report.bytes == 7 * 3 + 6
        assert report.seconds > 0
        assert report.tasks == 0
        unit = collection.data_units[0]
        assert unit.files["note"].checksum == hashlib.md5(b"note a").hexdigest()
        assert unit.meta == {}

    def test_pattern(self, collection: synapse.DataCollection, folder: Path) -> None:
        assert upload(collection, f"{folder}/**/*.png").created == 3
        assert there(collection) == [{"image": name} for name in ("a.png", "b.png", "sub/c.png")]

    def test_paths(self, collection: synapse.DataCollection, folder: Path) -> None:
        assert upload(collection, (folder / name for name in ("b.png", "a.png"))).created == 2
        assert there(collection) == [{"image": "b.png"}, {"image": "a.png"}]

    def test_records(self, collection: synapse.DataCollection, folder: Path) -> None:
        records = [
            {"files": {"image": folder / "b.png", "note": folder / "a.txt"}, "meta": {"n": 1}},
            {
                "files": {"image": folder / "b.png"},
                "meta": {"n": 2, "kind": synapse.Category.IMAGE},
            },
        ]
        report = upload(collection, records)

        assert report.created == 2
        assert there(collection) == [{"image": "b.png", "note": "a.txt"}, {"image": "b.png"}]
        assert [unit.meta for unit in collection.data_units] == [
            {"n": 1},
            {"n": 2, "kind": "image"},
        ]

    @pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
    def test_manifest(self, collection: synapse.DataCollection, folder: Path, kind: str) -> None:
        rows = [{"image": "b.png", "weather": "rain"}, {"image": "sub/c.png", "weather": "sun"}]
        path = folder / f"list.{kind}"
        if kind == "csv":
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, ["image", "weather"])
                writer.writeheader()
                writer.writerows(rows)
        elif kind == "jsonl":
            path.write_text("\n".join(map(json.dumps, rows)))
        else:
            import pyarrow as pa
            from pyarrow import parquet

            parquet.write_table(pa.Table.from_pylist(rows), path)

        assert upload(collection, path).created == 2
        assert there(collection) == [{"image": "b.png"}, {"image": "sub/c.png"}]
        assert [unit.meta for unit in collection.data_units] == [
            {"weather": "rain"},
            {"weather": "sun"},
        ]

    def test_nothing(self, collection: synapse.DataCollection, tmp_path: Path) -> None:
        assert upload(collection, tmp_path).created == 0
        assert upload(collection, []).created == 0

    def test_function(self, collection: synapse.DataCollection, folder: Path) -> None:
        report = upload(
            collection, folder, match=lambda path: "image" if path.suffix == ".txt" else None
        )
        assert there(collection) == [{"image": "a.txt"}]
        assert report.ignored == 4


class TestCheckedBefore:
    def test_missing_required_one(self, session: synapse.Session, folder: Path) -> None:
        collection = session.data_collections.create(
            name="Both",
            category="image",
            file_specifications=[
                synapse.FileSpecification(name="image", file_type="image"),
                synapse.FileSpecification(name="note", file_type="text"),
            ],
        )
        with (
            assert_num_requests(session, 1),
            pytest.raises(errors.UsageError, match=r"2 records have no file for 'note'.*b, sub/c"),
        ):
            upload(collection, folder)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"workers": 0}, "workers=0 is not valid"),
            ({"workers": True}, "workers=True is not valid"),
            ({"on_error": "ignore"}, "on_error='ignore' is not valid"),
            ({"project": 1.5}, "Pass a Project or its id"),
        ],
    )
    def test_options(
        self,
        collection: synapse.DataCollection,
        folder: Path,
        options: dict[str, Any],
        message: str,
    ) -> None:
        with pytest.raises(errors.UsageError, match=message):
            upload(collection, folder, **options)
        assert collection.data_units.count() == 0

    def test_project_of_another_kind(
        self, collection: synapse.DataCollection, folder: Path
    ) -> None:
        with pytest.raises(errors.UsageError, match="Pass a Project or its id"):
            upload(collection, folder, project=collection)

    def test_collection_that_is_gone(
        self, collection: synapse.DataCollection, folder: Path
    ) -> None:
        collection.delete()
        with pytest.raises(errors.NotFound):
            upload(collection, folder)


class TestAgain:
    def test_nothing_is_done_twice(
        self,
        session: synapse.Session,
        collection: synapse.DataCollection,
        folder: Path,
    ) -> None:
        upload(collection, folder)
        with assert_num_requests(session, 2):
            report = upload(collection, folder)

        assert (report.created, report.skipped, report.files_sent, report.bytes) == (0, 3, 0, 0)
        assert there(collection) == FOLDER

    def test_tasks_can_come_later(
        self, session: synapse.Session, collection: synapse.DataCollection, folder: Path
    ) -> None:
        upload(collection, folder)
        for title in ("One", "Two"):
            project = session.projects.create(
                title=title, category="image", data_collection=collection
            )
            report = upload(collection, folder, project=project)
            assert (report.created, report.tasks, report.skipped) == (0, 3, 3)
            report = upload(collection, folder, project=project.id)
            assert (report.created, report.tasks, report.skipped) == (0, 0, 3)
            assert [task.data_unit_id for task in project.tasks] == [
                unit.id for unit in collection.data_units
            ]

    def test_file_that_changed(self, collection: synapse.DataCollection, folder: Path) -> None:
        upload(collection, folder)
        (folder / "b.png").write_bytes(b"another")
        os.utime(folder / "a.png")  # touched, but the same

        report = upload(collection, folder)

        assert (report.created, report.skipped, report.files_sent) == (1, 2, 1)
        assert there(collection) == [*FOLDER, {"image": "b.png"}]
        assert collection.data_units[3].files["image"].size == 7
        assert upload(collection, folder).skipped == 3

    def test_new_file(self, collection: synapse.DataCollection, folder: Path) -> None:
        upload(collection, folder)
        (folder / "d.png").write_bytes(b"photo d")
        report = upload(collection, folder)
        assert (report.created, report.skipped) == (1, 3)

    def test_what_the_server_has_is_not_sent(
        self, session: synapse.Session, collection: synapse.DataCollection, folder: Path
    ) -> None:
        session.data_files.upload(folder / "b.png")

        report = upload(collection, folder)

        assert (report.created, report.files_sent, report.files_held) == (3, 3, 1)
        assert report.bytes == 7 * 2 + 6

    def test_all_is_sent_if_one_wants(
        self, session: synapse.Session, collection: synapse.DataCollection, folder: Path
    ) -> None:
        session.data_files.upload(folder / "b.png")
        report = upload(collection, folder, skip_existing=False)
        assert (report.created, report.files_sent, report.files_held) == (3, 4, 0)

    def test_journal_of_ones_own(
        self, collection: synapse.DataCollection, folder: Path, tmp_path: Path
    ) -> None:
        journal = tmp_path / "journal"
        upload(collection, folder, journal=journal)
        assert journal.stat().st_size > 0
        moved = folder.rename(tmp_path / "moved")
        assert upload(collection, moved, journal=str(journal)).skipped == 3
        assert upload(collection, moved).skipped == 3
        (moved / "a.txt").unlink()
        assert upload(collection, moved).created == 1

    def test_record_that_comes_twice(
        self, collection: synapse.DataCollection, folder: Path
    ) -> None:
        record = {"files": {"image": folder / "b.png"}}
        report = upload(collection, [record, {**record, "meta": {"n": 1}}, record])
        assert (report.created, report.skipped) == (2, 1)

    def test_unit_that_was_deleted_is_made_again(
        self, session: synapse.Session, collection: synapse.DataCollection, folder: Path
    ) -> None:
        project = session.projects.create(title="P", category="image", data_collection=collection)
        upload(collection, folder, project=project)
        collection.data_units[1].delete()
        project.tasks[0].delete()

        report = upload(collection, folder, project=project)

        assert (report.created, report.skipped, report.files_sent) == (1, 2, 0)
        assert sorted(file["image"] for file in there(collection)) == [
            "a.png",
            "b.png",
            "sub/c.png",
        ]
        tasks = [task.data_unit_id for task in project.tasks if task.data_unit_id is not None]
        assert sorted(tasks) == [unit.id for unit in collection.data_units]

    def test_server_that_has_forgotten_everything(self, folder: Path, tmp_path: Path) -> None:
        """Another collection that got the same id is not mistaken for the one before."""
        from synapse.emulator import Emulator

        others = [{"files": {"image": folder / "b.png"}, "meta": {"n": n}} for n in range(5)]
        runs: list[Any] = []

        def run(port: int) -> tuple[Any, int]:
            with (
                Emulator(port=port) as fresh,
                synapse.Session(fresh.url, fresh.api_token) as session,
            ):
                made = session.data_collections.create(
                    name="P",
                    category="image",
                    file_specifications=[
                        synapse.FileSpecification(name="image", file_type="image")
                    ],
                )
                # As many units as the journal knows: what is counted tells nothing.
                upload(made, others, journal=tmp_path / f"{fresh.url[-5:]}{len(runs)}")
                report = upload(made, folder)
                runs.append(report)
                return (made.id, report.created), int(fresh.url.rpartition(":")[2].strip("/"))

        first, port = run(0)
        second, _ = run(port)
        assert first == second == (1, 3)


class TestNewJournal:
    """Another machine, or a container: the collection decides what is there."""

    @pytest.fixture
    def project(
        self, session: synapse.Session, collection: synapse.DataCollection
    ) -> synapse.Project:
        return session.projects.create(title="P", category="image", data_collection=collection)

    @pytest.fixture
    def fresh(self, tmp_path: Path) -> Callable[[], Path]:
        """Returns the path of a new journal."""
        numbers = itertools.count()
        return lambda: tmp_path / f"journal-{next(numbers)}"

    def check_once(self, collection: synapse.DataCollection, project: synapse.Project) -> None:
        assert there(collection) == FOLDER
        units = [task.data_unit_id for task in project.tasks]
        assert sorted(map(str, units)) == sorted(str(unit.id) for unit in collection.data_units)

    def test_nothing_is_done_twice(
        self,
        session: synapse.Session,
        collection: synapse.DataCollection,
        project: synapse.Project,
        folder: Path,
        fresh: Any,
    ) -> None:
        upload(collection, folder, project=project, journal=fresh())
        journal = fresh()
        # Collection, newest unit, units, newest task, tasks.
        with assert_num_requests(session, 5):
            report = upload(collection, folder, project=project, journal=journal)
        assert (report.created, report.tasks, report.skipped, report.files_sent) == (0, 0, 3, 0)
        with assert_num_requests(session, 3):
            report = upload(collection, folder, project=project, journal=journal)
        assert (report.created, report.tasks, report.skipped) == (0, 0, 3)
        self.check_once(collection, project)

    def test_empty_state_folder(
        self,
        collection: synapse.DataCollection,
        project: synapse.Project,
        folder: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for machine in "abc":
            monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / machine))
            report = upload(collection, folder, project=project)
            assert report.created == report.tasks == (3 if machine == "a" else 0)
        self.check_once(collection, project)

    def test_sources_of_the_same_files(
        self,
        collection: synapse.DataCollection,
        project: synapse.Project,
        folder: Path,
        tmp_path: Path,
    ) -> None:
        upload(collection, folder, project=project)
        rows = [{"image": "a.png", "note": "a.txt"}, {"image": "b.png"}, {"image": "sub/c.png"}]
        manifest = folder / "x.jsonl"
        manifest.write_text("\n".join(map(json.dumps, rows)))
        for source in (f"{folder}/**/*.[pt]*", manifest):
            report = upload(collection, source, project=project)
            assert (report.created, report.tasks, report.skipped) == (0, 0, 3)
        manifest.unlink()
        moved = folder.rename(tmp_path / "moved")
        assert upload(collection, moved, project=project).skipped == 3
        self.check_once(collection, project)

    def test_copy_with_decomposed_names(
        self, collection: synapse.DataCollection, tmp_path: Path, fresh: Any
    ) -> None:
        for form in ("NFC", "NFD"):
            source = tmp_path / form
            source.mkdir()
            (source / unicodedata.normalize(form, "\u00e9\uac00.png")).write_bytes(b"photo")
        journal = fresh()
        assert upload(collection, tmp_path / "NFC", journal=journal).created == 1
        assert upload(collection, tmp_path / "NFD", journal=journal).skipped == 1
        assert upload(collection, tmp_path / "NFD", journal=fresh()).skipped == 1
        assert collection.data_units.count() == 1

    def test_equal_records_are_counted(
        self, collection: synapse.DataCollection, folder: Path, tmp_path: Path, fresh: Any
    ) -> None:
        paths = [tmp_path / name / "1.png" for name in "xyz"]
        for path in paths:
            path.parent.mkdir()
            path.write_bytes(b"photo")
        assert upload(collection, paths[:2], journal=fresh()).created == 2
        report = upload(collection, paths, journal=fresh())
        assert (report.created, report.skipped) == (1, 2)

    def test_other_content_name_or_meta_is_new(
        self, collection: synapse.DataCollection, folder: Path, fresh: Any
    ) -> None:
        first = {"files": {"image": folder / "a.png"}, "meta": {"n": 1}}
        assert upload(collection, [first], journal=fresh()).created == 1
        (folder / "sub" / "a.png").write_bytes(b"another")
        others = [
            {"files": {"image": folder / "a.png"}, "meta": {"n": True}},
            {"files": {"image": folder / "a.png"}},
            {"files": {"image": folder / "b.png"}, "meta": {"n": 1}},
            {"files": {"image": folder / "sub" / "a.png"}, "meta": {"n": 1}},
            {"files": {"image": folder / "a.png", "note": folder / "a.txt"}, "meta": {"n": 1}},
        ]
        report = upload(collection, [*others, first], journal=fresh())
        assert (report.created, report.skipped) == (5, 1)

    def test_two_machines_take_turns(
        self,
        session: synapse.Session,
        collection: synapse.DataCollection,
        project: synapse.Project,
        folder: Path,
        fresh: Any,
    ) -> None:
        one, other = fresh(), fresh()
        upload(collection, folder, project=project, journal=one)
        for number in range(3):
            (folder / f"new{number}.png").write_bytes(b"new %d" % number)
            report = upload(collection, folder, project=project, journal=other)
            assert (report.created, report.tasks) == (1, 1)
            assert report.skipped == 3 + number
            one, other = other, one
        assert collection.data_units.count() == project.tasks.count() == 6
        assert upload(collection, folder, project=project, journal=other).skipped == 6
        # What a journal has seen is not read again.
        with assert_num_requests(session, 3):
            upload(collection, folder, project=project, journal=other)

    def test_tasks_of_another_machine(
        self,
        collection: synapse.DataCollection,
        project: synapse.Project,
        folder: Path,
        fresh: Any,
    ) -> None:
        one, other = fresh(), fresh()
        upload(collection, folder, journal=one)
        report = upload(collection, folder, project=project, journal=other)
        assert (report.created, report.tasks, report.skipped) == (0, 3, 3)
        report = upload(collection, folder, project=project, journal=one)
        assert (report.created, report.tasks, report.skipped) == (0, 0, 3)
        project.tasks[0].delete()
        report = upload(collection, folder, project=project, journal=fresh())
        assert (report.created, report.tasks, report.skipped) == (0, 1, 3)
        self.check_once(collection, project)

    def test_run_that_ended_early_in_between(
        self,
        collection: synapse.DataCollection,
        project: synapse.Project,
        folder: Path,
        fresh: Any,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        upload(collection, folder, project=project, journal=fresh())
        journal = fresh()

        def interrupt(*_: Any, **__: Any) -> None:
            raise KeyboardInterrupt

        for name in ("claim", "load"):
            with monkeypatch.context() as patch:
                patch.setattr(Journal, name, interrupt)
                with pytest.raises(KeyboardInterrupt):
                    upload(collection, folder, project=project, journal=journal)
        report = upload(collection, folder, project=project, journal=journal)
        assert (report.created, report.tasks, report.skipped) == (0, 0, 3)
        self.check_once(collection, project)

    def test_units_that_were_deleted_are_made_again(
        self, collection: synapse.DataCollection, project: synapse.Project, folder: Path, fresh: Any
    ) -> None:
        upload(collection, folder, project=project, journal=fresh())
        journal = fresh()
        upload(collection, [folder / "b.png"], journal=journal)
        for unit in list(collection.data_units):
            unit.delete()
        report = upload(collection, folder, journal=journal)
        assert (report.created, report.skipped, report.files_sent) == (3, 0, 0)
        assert there(collection) == FOLDER

    def test_units_again_if_one_wants(
        self, collection: synapse.DataCollection, folder: Path, fresh: Any
    ) -> None:
        upload(collection, folder)
        report = upload(collection, folder, journal=fresh(), skip_existing="files")
        assert (report.created, report.files_sent, report.files_held) == (3, 0, 4)
        report = upload(collection, folder, journal=fresh(), skip_existing=False)
        assert (report.created, report.files_sent) == (3, 4)
        journal = fresh()
        assert upload(collection, folder, journal=journal).skipped == 3
        assert collection.data_units.count() == 9
        # The journal has seen the other six.
        (folder / "new").mkdir()
        (folder / "b.png").rename(folder / "new" / "b.png")
        names = [folder / "a.png", folder / "new" / "b.png"]
        again = upload(
            collection,
            [{"files": {"image": name}} for name in names],
            journal=journal,
            skip_existing="files",
        )
        assert again.created == 2

    @pytest.mark.parametrize("damage", ["header", "middle"])
    def test_damaged_journal_moved_away(
        self, collection: synapse.DataCollection, folder: Path, fresh: Any, damage: str
    ) -> None:
        journal = fresh()
        upload(collection, folder, journal=journal)
        content = bytearray(journal.read_bytes())
        start = 0 if damage == "header" else 4096
        content[start : start + 4096] = b"x" * 4096
        journal.write_bytes(content)
        with pytest.raises(errors.UsageError, match=r"is damaged.*Move the file away"):
            upload(collection, folder, journal=journal)
        journal.rename(journal.with_name("away"))
        assert upload(collection, folder, journal=journal).skipped == 3


class TestFailures:
    @pytest.fixture
    def mixed(self, photos: Callable[[int], Path]) -> Path:
        """A hundred photos, one of which is empty."""
        source = photos(100)
        (source / "050.png").write_bytes(b"")
        return source

    def test_one_of_a_hundred(
        self, session: synapse.Session, collection: synapse.DataCollection, mixed: Path
    ) -> None:
        project = session.projects.create(title="P", category="image", data_collection=collection)

        report = upload(collection, mixed, project=project)

        assert (report.created, report.tasks) == (99, 99)
        (failure,) = report.failed
        assert failure.path == str(mixed / "050.png")
        assert isinstance(failure.error, errors.UsageError)
        assert "empty" in str(failure.error)
        assert collection.data_units.count() == project.tasks.count() == 99

        (mixed / "050.png").write_bytes(b"mended")
        report = upload(collection, mixed, project=project)
        assert (report.created, report.tasks, report.skipped, report.failed) == (1, 1, 99, [])

    def test_first_one_stops_it(self, collection: synapse.DataCollection, mixed: Path) -> None:
        before = set(threading.enumerate())
        with pytest.raises(errors.UsageError, match=r"050\.png is empty"):
            upload(collection, mixed, on_error="raise", workers=2)
        assert set(threading.enumerate()) <= before

        (mixed / "050.png").write_bytes(b"mended")
        upload(collection, mixed)
        assert len({file["image"] for file in there(collection)}) == 100
        assert collection.data_units.count() == 100

    @pytest.mark.skipif(sys.platform == "win32", reason="it has other links and names")
    def test_files_that_cannot_be_read(
        self, collection: synapse.DataCollection, photos: Callable[[int], Path]
    ) -> None:
        source = photos(3)
        (source / "loop.png").symlink_to("loop.png")
        (source / "gone.png").symlink_to("nowhere")
        os.mkfifo(source / "pipe.png")
        (source / os.fsdecode(b"\xff.png")).write_bytes(b"no text")
        (source / os.fsdecode(b"\xfe")).mkdir()
        (source / os.fsdecode(b"\xfe") / "below.png").write_bytes(b"below no text")
        locked = source / "000.png"
        locked.chmod(0)
        is_locked = not os.access(locked, os.R_OK)

        report = upload(collection, source)

        failed = {Path(one.path).name: one.error for one in report.failed}
        unreadable = {"loop.png", "gone.png", "pipe.png", "below.png", os.fsdecode(b"\xff.png")}
        assert failed.keys() == unreadable | ({"000.png"} if is_locked else set())
        assert all(isinstance(error, errors.UsageError) for error in failed.values())
        assert "is not a file" in str(failed["pipe.png"])
        assert report.created == 3 - is_locked

    @pytest.mark.parametrize("step", [(Journal, "request"), (FileListing, "fill")])
    def test_full_disk(
        self,
        collection: synapse.DataCollection,
        folder: Path,
        step: tuple[type, str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def refuse(*_: Any) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        with monkeypatch.context() as patch:
            patch.setattr(*step, refuse)
            with pytest.raises(errors.SynapseError, match="disk is full"):
                upload(collection, folder)

        assert upload(collection, folder).created == 3
        assert there(collection) == FOLDER

    @pytest.mark.skipif(sys.platform == "win32", reason="its file systems have no such names")
    def test_names_of_any_kind(self, collection: synapse.DataCollection, tmp_path: Path) -> None:
        names = ["line\nbreak.png", "x" * 251 + ".png", "quo'te\".png", "größe 写真.png"]
        source = tmp_path / "odd"
        source.mkdir()
        for name in names:
            (source / name).write_bytes(name.encode())

        report = upload(collection, source)

        assert not report.failed
        units = {unit.files["image"].path: unit for unit in collection.data_units}
        assert units.keys() == set(names)
        for name, unit in units.items():
            assert unit.files["image"].checksum == hashlib.md5(str(name).encode()).hexdigest()

    def test_batch_with_a_refused_unit(
        self, collection: synapse.DataCollection, folder: Path, session: synapse.Session
    ) -> None:
        """The server knows better than the check before: the specification is gone meanwhile."""
        long = "x" * 200
        records = [
            {"files": {"image": folder / "a.png"}, "meta": {"n": 1}},
            {"files": {"image": folder / "b.png"}, "meta": {"n": "\x00"}},
            {"files": {"image": folder / "b.png"}, "meta": {"n": long}},
        ]
        report = upload(collection, records)

        (failure,) = report.failed
        assert failure.path == str(folder / "b.png")
        assert isinstance(failure.error, errors.ValidationError)
        assert "meta" in failure.error.fields
        assert [unit.meta["n"] for unit in collection.data_units] == [1, long]

    def test_project_that_is_not_there(
        self, collection: synapse.DataCollection, folder: Path
    ) -> None:
        report = upload(collection, folder, project=99_999)
        assert (report.created, report.tasks, len(report.failed)) == (3, 0, 3)
        assert all(isinstance(one.error, errors.ValidationError) for one in report.failed)

    def test_refused_token_ends_it(
        self, collection: synapse.DataCollection, folder: Path, emulator: EmulatorTenant
    ) -> None:
        session = emulator.session()
        mine = session.data_collections.get(collection.id)
        # A token that is taken away in the middle.
        with (
            emulator.fault("html", method="POST", path="data_files/", status=401),
            pytest.raises(errors.AuthenticationError),
        ):
            upload(mine, folder)

    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "html", "status": 413},
            {"kind": "html", "status": 404},
            {"kind": "html", "status": 405},
            {"kind": "429"},
            {"kind": "500"},
            {"kind": "empty"},
        ],
        ids=lambda fault: "-".join(map(str, fault.values())),
    )
    def test_server_that_does_not_say_what_it_has(
        self,
        emulator: EmulatorTenant,
        collection: synapse.DataCollection,
        folder: Path,
        fault: dict[str, Any],
    ) -> None:
        """Sending a file that is there does no harm."""
        mine = emulator.session(retries=0).data_collections.get(collection.id)
        with emulator.fault(**fault, method="POST", path="data_files/verify_checksums/", count=100):
            report = upload(mine, folder)
        assert (report.created, report.files_sent, report.failed) == (3, 4, [])

    def test_files_of_a_unit_are_asked_about_in_batches(
        self, session: synapse.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        names = [f"s{number}" for number in range(7)]
        collection = session.data_collections.create(
            name="Wide",
            category="image",
            file_specifications=[
                synapse.FileSpecification(name=name, file_type="data") for name in names
            ],
        )
        files = {name: tmp_path / name for name in names}
        for path in files.values():
            path.write_text(path.name)
        monkeypatch.setattr("synapse.transfer.bulk.file_sender._CHECKSUMS_PER_REQUEST", 3)

        # The collection, three times what is there, its newest unit, and the unit.
        with assert_num_requests(session, 7 + len(names)):
            upload(collection, [{"files": files}])

    def test_outage_ends_it(
        self, emulator: EmulatorTenant, collection: synapse.DataCollection, photos: Any
    ) -> None:
        source = photos(100)
        session = emulator.session(retries=0, timeout=(5, 1))
        collection = session.data_collections.get(collection.id)
        with (
            emulator.fault("500", method="POST", path="data_files/", count=10_000),
            pytest.raises(errors.ServerError),
        ):
            upload(collection, source)
        assert upload(collection, source).created == 100


class TestAtOnce:
    def test_two_runs(
        self, collection: synapse.DataCollection, photos: Callable[[int], Path]
    ) -> None:
        """The second one is refused, and the first goes on."""
        source = photos(20)
        begun, refused = threading.Event(), threading.Event()

        def progress(done: int, total: int) -> None:
            begun.set()
            refused.wait(30)

        reports: list[Any] = []
        first = threading.Thread(
            target=lambda: reports.append(collection.upload(source, progress=progress))
        )
        first.start()
        assert begun.wait(30)
        with pytest.raises(errors.JournalInUse):
            upload(collection, source)
        refused.set()
        first.join(60)

        assert reports[0].created == 20
        assert collection.data_units.count() == 20

    def test_ctrl_c(
        self, collection: synapse.DataCollection, photos: Callable[[int], Path]
    ) -> None:
        source = photos(60)
        before = set(threading.enumerate())
        count = 0

        def progress(done: int, total: int) -> None:
            nonlocal count
            count += 1
            if count == 10:
                signal.raise_signal(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            collection.upload(source, progress=progress, workers=2)
        assert set(threading.enumerate()) <= before

        report = upload(collection, source)
        assert report.files_sent <= 52, "what was sent before the stop was sent again"
        assert len({file["image"] for file in there(collection)}) == 60
        assert collection.data_units.count() == 60

    @pytest.mark.parametrize("ending", ["ctrl-c", "first failure"])
    def test_files_in_flight_have_not_failed(
        self, collection: synapse.DataCollection, photos: Callable[[int], Path], ending: str
    ) -> None:
        source = photos(60)
        if ending == "first failure":
            (source / "030.png").write_bytes(b"")

        class Interrupting(Progress):
            is_interrupted = ending != "ctrl-c"

            def changed(self) -> None:
                if self.files_done == 10 and not self.is_interrupted:
                    self.is_interrupted = True
                    signal.raise_signal(signal.SIGINT)

        progress = Interrupting()
        with pytest.raises(KeyboardInterrupt if ending == "ctrl-c" else errors.UsageError):
            collection.upload(source, progress=progress, workers=8, on_error="raise")

        assert progress.files == 60
        assert progress.files_failed == 0
        report = upload(collection, source)
        assert report.created + report.skipped == 60 - len(report.failed)

    def test_file_that_changes_before_it_is_sent(
        self, collection: synapse.DataCollection, photos: Callable[[int], Path]
    ) -> None:
        source = photos(20)
        late = source / "019.png"

        def progress(done: int, total: int) -> None:
            if late.stat().st_size < 20:  # it was hashed already
                late.write_bytes(b"another photo, which is longer")

        report = collection.upload(source, progress=progress, workers=1)

        assert not report.failed
        unit = next(one for one in collection.data_units if one.files["image"].path == late.name)
        assert unit.files["image"].checksum == hashlib.md5(late.read_bytes()).hexdigest()
        assert upload(collection, source).skipped == 20

    @pytest.mark.parametrize("kind", [ZeroDivisionError, BrokenPipeError, errors.UsageError])
    def test_progress_that_raises(
        self, collection: synapse.DataCollection, folder: Path, kind: type[Exception]
    ) -> None:
        error = kind("not a file's")

        def progress(done: int, total: int) -> None:
            raise error

        with pytest.raises(kind) as caught:
            collection.upload(folder, progress=progress)
        assert caught.value is error
        assert upload(collection, folder).failed == []
        assert there(collection) == FOLDER

    @pytest.mark.parametrize("kind", [OSError, TimeoutError, errors.UsageError])
    @pytest.mark.parametrize("hook", ["began", "changed"])
    def test_progress_of_your_own_that_raises(
        self, collection: synapse.DataCollection, folder: Path, kind: type[Exception], hook: str
    ) -> None:
        error = kind("not a file's")

        class Failing(Progress):
            def changed(self) -> None:
                if self.done and hook == "changed":
                    raise error

            def began(self, file: object) -> None:
                if hook == "began":
                    raise error

        with pytest.raises(kind) as caught:
            collection.upload(folder, progress=Failing())
        assert caught.value is error
        assert upload(collection, folder).failed == []

    def test_progress_of_records(self, collection: synapse.DataCollection, folder: Path) -> None:
        said: list[tuple[int, int]] = []
        collection.upload(
            [{"files": {"image": folder / "a.png"}}, {"files": {"image": folder / "b.png"}}],
            progress=lambda done, total: said.append((done, total)),
        )
        assert said[-1] == (14, 14)
        assert {total for _, total in said} == {14}

    def test_progress(self, collection: synapse.DataCollection, folder: Path) -> None:
        said: list[tuple[int, int]] = []
        collection.upload(folder, progress=lambda done, total: said.append((done, total)))
        assert said[-1] == (27, 27)
        assert said == sorted(said)


@pytest.mark.slow
def test_generator_goes_hand_in_hand_with_sending(
    collection: synapse.DataCollection, tmp_path: Path
) -> None:
    """What is read ahead is bounded, whatever the number of records."""
    path = tmp_path / "a.png"
    path.write_bytes(b"photo")
    given = ahead = 0

    def records() -> Iterator[dict[str, Any]]:
        nonlocal given, ahead
        for given in range(1, 5001):
            if given % 1000 == 0:
                ahead = max(ahead, given - collection.data_units.count())
            yield {"files": {"image": path}, "meta": {"n": given}}

    report = upload(collection, records())

    assert report.created == 5000
    assert ahead < 3500, "the rest was read before anything was made"
