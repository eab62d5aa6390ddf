"""What an upload remembers."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from synapse.errors import JournalInUse, UsageError
from synapse.transfer.bulk.journal import Journal
from synapse.transfer.bulk.upload_item import ItemFile, UploadItem


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite"


def opened(
    path: Path, collection: str = "1", created: str = "today", project: str | None = "9"
) -> Journal:
    where = ("http://localhost/", collection)
    return Journal(path, collection=where, created=created, project=project)


def record(
    name: str = "a.png", *, size: int = 3, changed: int = 5, checksum: str = ""
) -> UploadItem:
    return UploadItem(name, [ItemFile("image", f"/x/{name}", name, size, changed, checksum)], {})


def recalled(journal: Journal, one: UploadItem) -> UploadItem:
    journal.load([one], is_unique=True)
    return one


def test_nothing_is_known_at_first(path: Path) -> None:
    journal = opened(path)
    one = recalled(journal, record())
    assert (one.unit, one.task, one.pending_unit, one.pending_task, one.is_from_earlier_run) == (
        *(None, None, None, None),
        False,
    )
    assert one.checksums == {"image": ""}
    journal.close()


def test_steps(path: Path) -> None:
    journal = opened(path)
    one = record(checksum="abc")
    journal.mark_sent(one)
    journal.close()

    journal = opened(path)
    assert recalled(journal, record()).checksums == {"image": "abc"}
    asked = journal.request_units([one], 41)
    journal.close()

    journal = opened(path)
    again = recalled(journal, record())
    assert again.pending_unit == asked
    assert again.pending_unit.newest == 41
    assert not again.is_from_earlier_run
    one.unit = 42
    journal.create_units([one])
    journal.close()

    journal = opened(path)
    again = recalled(journal, record())
    assert (again.unit, again.is_from_earlier_run, again.pending_unit, again.task) == (
        42,
        True,
        None,
        None,
    )
    assert journal.has_unit(42)
    assert not journal.has_unit(41)
    at = journal.request_tasks([one]).at
    journal.close()

    journal = opened(path)
    again = recalled(journal, record())
    assert again.pending_task is not None
    assert again.pending_task.at == at
    one.task = 7
    journal.create_tasks([one])
    assert journal.count_created() == (1, 1)
    journal.close()

    journal = opened(path)
    assert recalled(journal, record()).task == 7
    journal.close()
    journal = opened(path, project="10")
    assert recalled(journal, record()).task is None
    journal.close()
    journal = opened(path, project=None)
    assert recalled(journal, record()).unit == 42
    journal.close()


def test_refused_ones_are_asked_for_anew(path: Path) -> None:
    journal = opened(path)
    one = record(checksum="abc")
    journal.request_units([one], 0)
    journal.refuse_units([one])
    assert recalled(journal, record()).pending_unit is None
    one.unit = 1
    journal.create_units([one])
    journal.request_tasks([one])
    journal.refuse_tasks([one])
    assert recalled(journal, record()).pending_task is None
    journal.close()


@pytest.mark.parametrize("changed", [{"size": 4}, {"changed": 6}])
def test_file_that_was_written_to(path: Path, changed: Any) -> None:
    journal = opened(path)
    one = record(checksum="abc")
    journal.request_units([one], 0)
    one.unit, one.task = 42, 7
    journal.create_units([one])
    journal.request_tasks([one])
    journal.create_tasks([one])

    other = recalled(journal, record(**changed))
    assert (other.unit, other.checksums) == (None, {"image": ""})
    other.files[0].checksum = "abc"  # only touched
    journal.load_by_checksums(other)
    assert (other.unit, other.task) == (42, 7)
    journal.flush()
    assert recalled(journal, record(**changed)).unit == 42

    third = record(size=9, checksum="def")
    journal.load_by_checksums(third)
    assert third.unit is None
    assert recalled(journal, record(**changed)).unit is None
    assert journal.count_created() == (0, 0)
    journal.close()


def test_record_that_comes_twice(path: Path) -> None:
    journal = opened(path)
    records = [record("a"), record("b"), record("a")]
    assert journal.load(records, is_unique=False) == [False, False, True]
    assert journal.load([record("b")], is_unique=False) == [True]
    journal.close()
    journal = opened(path)
    assert journal.load([record("b")], is_unique=False) == [False]
    journal.close()


def test_what_the_server_has_lost(path: Path) -> None:
    journal = opened(path)
    records = [record(name, checksum=name) for name in "abc"]
    journal.request_units(records, 0)
    for number, one in enumerate(records, start=1):
        one.unit, one.task = number, number * 10
    journal.create_units(records)
    journal.request_tasks(records)
    journal.create_tasks(records)
    assert journal.count_created() == (3, 3)

    journal.retain_units([2, 3, 99])
    assert journal.count_created() == (2, 2)
    assert recalled(journal, record("a")).unit is None
    assert recalled(journal, record("a")).checksums == {"image": "a"}
    journal.retain_tasks([30])
    assert journal.count_created() == (2, 1)
    assert recalled(journal, record("b")).task is None
    assert recalled(journal, record("c")).task == 30
    journal.close()


def test_another_collection_of_that_id(path: Path) -> None:
    journal = opened(path)
    one = record(checksum="abc")
    journal.request_units([one], 0)
    one.unit = 42
    journal.create_units([one])
    journal.close()
    journal = opened(path, created="later")
    assert recalled(journal, record()).unit is None
    journal.close()


def test_of_another_collection_is_left_alone(path: Path) -> None:
    journal = opened(path)
    journal.mark_sent(record(checksum="abc"))
    journal.close()

    with pytest.raises(UsageError, match=r"of another collection \(1 of http://localhost/\)"):
        opened(path, collection="2")

    journal = opened(path)
    assert recalled(journal, record()).checksums == {"image": "abc"}
    journal.close()


def test_of_another_version_is_left_alone(path: Path) -> None:
    journal = opened(path)
    journal.mark_sent(record(checksum="abc"))
    journal.close()

    def set_format(value: str) -> None:
        with sqlite3.connect(path) as database:
            database.execute("UPDATE facts SET value = ? WHERE name = 'format'", (value,))
        database.close()

    set_format("2")
    with pytest.raises(UsageError, match="by another version of the SDK"):
        opened(path)
    set_format("1")

    journal = opened(path)
    assert recalled(journal, record()).checksums == {"image": "abc"}
    journal.close()


def test_one_at_a_time(path: Path) -> None:
    journal = opened(path)
    with pytest.raises(JournalInUse, match="using the journal"):
        opened(path)
    journal.close()
    opened(path).close()


def test_lock_goes_with_the_process(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from synapse.transfer.bulk.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]), collection=('s', '1'), created='', project='9')\n"
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with pytest.raises(JournalInUse):
            opened(path)
        process.kill()
        process.wait()
    Journal(path, collection=("s", "1"), created="", project="9").close()


def test_what_is_no_journal(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(UsageError, match=r"photo\.png can't be used"):
        opened(path)
    assert path.read_bytes() == b"no database" * 100
    with pytest.raises(UsageError, match="can't be opened"):
        opened(tmp_path)
    with pytest.raises(UsageError, match="can't be opened"):
        opened(path / "below")


@pytest.mark.parametrize("table", ["records(title)", "tasks(title)", "facts(name, value)"])
def test_database_of_something_else_is_left_alone(tmp_path: Path, table: str) -> None:
    path = tmp_path / "other.sqlite"
    database = sqlite3.connect(path)
    database.execute(f"CREATE TABLE {table}")
    database.commit()
    database.close()
    before = path.read_bytes()

    with pytest.raises(UsageError, match="can't be used"):
        opened(path)

    assert path.read_bytes() == before
