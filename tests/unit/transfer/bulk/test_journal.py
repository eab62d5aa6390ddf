"""Journals: results of earlier runs, locks, refused files."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.errors import JournalInUse, UsageError
from synapse.transfer.bulk.journal import Journal
from synapse.transfer.bulk.upload_item import ExistingUnit, ItemFile, UploadItem
from synapse.transfer.filenames import compose


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "journal.sqlite"


def open_journal(
    path: Path, collection: str = "1", created: str = "today", project: str | None = "9"
) -> Journal:
    where = ("http://localhost/", collection)
    return Journal(path, collection=where, created=created, project=project)


def build_item(
    name: str = "a.png", *, size: int = 3, changed: int = 5, checksum: str = ""
) -> UploadItem:
    return UploadItem(name, [ItemFile("image", f"/x/{name}", name, size, changed, checksum)], {})


def load(journal: Journal, item: UploadItem) -> UploadItem:
    journal.load([item], is_unique=True)
    return item


def test_nothing_is_known_at_first(path: Path) -> None:
    journal = open_journal(path)
    item = load(journal, build_item())
    assert (
        item.unit,
        item.task,
        item.pending_unit,
        item.pending_task,
        item.is_from_earlier_run,
    ) == (
        *(None, None, None, None),
        False,
    )
    assert item.checksums == {"image": ""}
    journal.close()


def test_steps(path: Path) -> None:
    journal = open_journal(path)
    item = build_item(checksum="abc")
    journal.mark_sent(item)
    journal.close()

    journal = open_journal(path)
    assert load(journal, build_item()).checksums == {"image": "abc"}
    asked = journal.request("unit", [item], 41)
    journal.close()

    journal = open_journal(path)
    again = load(journal, build_item())
    assert again.pending_unit == asked
    assert again.pending_unit.newest == 41
    assert not again.is_from_earlier_run
    item.unit = 42
    journal.create("unit", [item])
    journal.close()

    journal = open_journal(path)
    again = load(journal, build_item())
    assert (again.unit, again.is_from_earlier_run, again.pending_unit, again.task) == (
        42,
        True,
        None,
        None,
    )
    assert journal.has_unit(42)
    assert not journal.has_unit(41)
    at = journal.request("task", [item]).at
    journal.close()

    journal = open_journal(path)
    again = load(journal, build_item())
    assert again.pending_task is not None
    assert again.pending_task.at == at
    item.task = 7
    journal.create("task", [item])
    assert journal.count_known() == (1, 1)
    journal.close()

    journal = open_journal(path)
    assert load(journal, build_item()).task == 7
    journal.close()
    journal = open_journal(path, project="10")
    assert load(journal, build_item()).task is None
    journal.close()
    journal = open_journal(path, project=None)
    assert load(journal, build_item()).unit == 42
    journal.close()


def test_refused_ones_are_asked_for_anew(path: Path) -> None:
    journal = open_journal(path)
    item = build_item(checksum="abc")
    journal.request("unit", [item], 0)
    journal.refuse("unit", [item])
    assert load(journal, build_item()).pending_unit is None
    item.unit = 1
    journal.create("unit", [item])
    journal.request("task", [item])
    journal.refuse("task", [item])
    assert load(journal, build_item()).pending_task is None
    journal.close()


@pytest.mark.parametrize("changed", [{"size": 4}, {"changed": 6}])
def test_file_that_was_written_to(path: Path, changed: Any) -> None:
    journal = open_journal(path)
    item = build_item(checksum="abc")
    journal.request("unit", [item], 0)
    item.unit, item.task = 42, 7
    journal.create("unit", [item])
    journal.request("task", [item])
    journal.create("task", [item])

    other = load(journal, build_item(**changed))
    assert (other.unit, other.checksums) == (None, {"image": ""})
    other.files[0].checksum = "abc"  # only touched
    journal.load_by_checksums(other)
    assert (other.unit, other.task) == (42, 7)
    journal.flush()
    assert load(journal, build_item(**changed)).unit == 42

    third = build_item(size=9, checksum="def")
    journal.load_by_checksums(third)
    assert third.unit is None
    assert load(journal, build_item(**changed)).unit is None
    assert journal.count_known() == (0, 0)
    journal.close()


def test_request_writes_its_own_items_and_other_sent_ones(path: Path) -> None:
    journal = open_journal(path)
    items = [build_item(f"{letter}.png", checksum=letter * 32) for letter in "ab"]
    for item in items:
        journal.mark_sent(item)
    journal.request("unit", items[:1], 4)

    first, second = (load(journal, build_item(f"{letter}.png")) for letter in "ab")
    assert (first.checksums, second.checksums) == ({"image": "a" * 32}, {"image": "b" * 32})
    assert first.pending_unit is not None
    assert (first.pending_unit.newest, second.pending_unit) == (4, None)
    journal.close()


def test_record_that_comes_twice(path: Path) -> None:
    journal = open_journal(path)
    records = [build_item("a"), build_item("b"), build_item("a")]
    assert journal.load(records, is_unique=False) == [False, False, True]
    assert journal.load([build_item("b")], is_unique=False) == [True]
    journal.close()
    journal = open_journal(path)
    assert journal.load([build_item("b")], is_unique=False) == [False]
    journal.close()


def test_what_the_server_has_lost(path: Path) -> None:
    journal = open_journal(path)
    records = [build_item(name, checksum=name) for name in "abc"]
    journal.request("unit", records, 0)
    for number, item in enumerate(records, start=1):
        item.unit, item.task = number, number * 10
    journal.create("unit", records)
    journal.request("task", records)
    journal.create("task", records)
    assert journal.count_known() == (3, 3)

    journal.retain_units([2, 3, 99])
    assert journal.count_known() == (2, 2)
    assert load(journal, build_item("a")).unit is None
    assert load(journal, build_item("a")).checksums == {"image": "a"}
    journal.retain_tasks([30])
    assert journal.count_known() == (2, 1)
    assert load(journal, build_item("b")).task is None
    assert load(journal, build_item("c")).task == 30
    journal.close()


def build_existing(name: str, unit: int, checksum: str = "abc") -> ExistingUnit:
    return ExistingUnit(unit, build_item(name).content, {"image": checksum})


def test_units_of_other_uploads(path: Path) -> None:
    journal = open_journal(path)
    assert journal.has_seen(0, 0)
    assert not journal.has_seen(5, 3)
    assert journal.newest_seen == 0
    journal.add_existing([build_existing(name, unit) for unit, name in enumerate("aab", 3)], 5)
    assert (journal.has_seen(5, 3), journal.has_seen(6, 4), journal.has_seen(5, 4)) == (
        *(True, False),
        False,
    )
    assert (journal.newest_seen, journal.count_known()) == (5, (3, 0))

    assert journal.claim([build_item("a", checksum="x"), build_item("c", checksum="abc")]) == []
    items = [build_item("b", checksum="abc"), build_item("a", checksum="abc")]
    assert journal.claim(items) == items
    assert [(item.unit, item.is_from_earlier_run) for item in items] == [(5, True), (3, True)]
    assert journal.count_known() == (3, 0)
    journal.close()

    journal = open_journal(path)
    assert journal.newest_seen == 5
    assert load(journal, build_item("a")).unit == 3
    assert journal.has_unit(5)
    assert not journal.has_unit(4)
    journal.add_existing([build_existing("b", 5), build_existing("c", 6)], 6)
    assert journal.count_known() == (4, 0)
    journal.retain_units([3, 4, 5])
    assert journal.count_known() == (3, 0)
    journal.close()
    journal = open_journal(path, created="later")
    assert (journal.newest_seen, journal.count_known()) == (0, (0, 0))
    journal.close()


def test_unit_of_a_lost_response_is_no_other_upload(path: Path) -> None:
    journal = open_journal(path)
    item = build_item("a", checksum="abc")
    journal.request("unit", [item])
    journal.add_existing([build_existing("a", 7)], 7)
    item.unit = 7
    journal.create("unit", [item])
    assert journal.count_known() == (1, 0)
    assert journal.claim([build_item("a", checksum="abc")]) == []
    journal.close()


_CONTENTS = st.lists(st.sampled_from(["a1", "a2", "b1", "\u00e91", "e\u03011"]), max_size=8)


@given(existing=_CONTENTS, wanted=_CONTENTS, size=st.integers(1, 8))
def test_each_content_is_there_as_often_as_wanted(
    existing: list[str], wanted: list[str], size: int
) -> None:
    """Claims pair equal contents, each unit once, whatever the batches."""
    journal = Journal(None, collection=("s", "1"), created="", project=None)
    journal.add_existing(
        (build_existing(name[:-1], unit, name[-1]) for unit, name in enumerate(existing, 1)),
        len(existing),
    )
    items = [
        UploadItem(name, [ItemFile("image", "", name[:-1], 3, 5, name[-1], origin=f"{n}")], {})
        for n, name in enumerate(wanted)
    ]
    claimed = [
        item
        for start in range(0, len(items), size)
        for item in journal.claim(items[start : start + size])
    ]
    journal.close()
    count = Counter(map(compose, existing)) & Counter(map(compose, wanted))
    assert Counter(compose(item.label) for item in claimed) == count
    units = [item.unit for item in claimed]
    assert len(set(units)) == len(units)
    assert all(compose(existing[(item.unit or 0) - 1]) == compose(item.label) for item in claimed)


def test_another_collection_of_that_id(path: Path) -> None:
    journal = open_journal(path)
    item = build_item(checksum="abc")
    journal.request("unit", [item], 0)
    item.unit = 42
    journal.create("unit", [item])
    journal.close()
    journal = open_journal(path, created="later")
    assert load(journal, build_item()).unit is None
    journal.close()


def test_of_another_collection_is_left_alone(path: Path) -> None:
    journal = open_journal(path)
    journal.mark_sent(build_item(checksum="abc"))
    journal.close()

    with pytest.raises(UsageError, match=r"of another collection \(1 of http://localhost/\)"):
        open_journal(path, collection="2")

    journal = open_journal(path)
    assert load(journal, build_item()).checksums == {"image": "abc"}
    journal.close()


def test_of_another_version_is_left_alone(path: Path) -> None:
    journal = open_journal(path)
    journal.mark_sent(build_item(checksum="abc"))
    journal.close()

    def set_format(value: str) -> None:
        with sqlite3.connect(path) as database:
            database.execute("UPDATE facts SET value = ? WHERE name = 'format'", (value,))
        database.close()

    set_format("2")
    with pytest.raises(UsageError, match="by another version of the SDK"):
        open_journal(path)
    set_format("1")

    journal = open_journal(path)
    assert load(journal, build_item()).checksums == {"image": "abc"}
    journal.close()


def test_one_at_a_time(path: Path) -> None:
    journal = open_journal(path)
    # Another journal doesn't know what the first upload is about to create.
    with pytest.raises(JournalInUse, match=r"using the journal.*Wait") as caught:
        open_journal(path)
    assert "journal=" not in str(caught.value)
    with pytest.raises(JournalInUse):
        open_journal(path)
    journal.close()
    open_journal(path).close()


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
            open_journal(path)
        process.kill()
        process.wait()
    Journal(path, collection=("s", "1"), created="", project="9").close()


def test_what_is_no_journal(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(UsageError, match=r"photo\.png is damaged, or is another file"):
        open_journal(path)
    assert path.read_bytes() == b"no database" * 100
    with pytest.raises(UsageError, match="can't be opened"):
        open_journal(tmp_path)
    with pytest.raises(UsageError, match="can't be opened"):
        open_journal(path / "below")


@pytest.mark.parametrize("facts", ["", "{}", "[1]", "7", "null", '["a", "b"]'])
def test_damaged_header(path: Path, facts: str) -> None:
    open_journal(path).close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE facts SET value = ? WHERE name = 'collection'", (facts,))
    database.close()
    with pytest.raises(UsageError, match=r"is damaged.*Move the file away.*aren't created again"):
        open_journal(path)


@pytest.mark.parametrize("table", ["records(title)", "tasks(title)", "facts(name, value)"])
def test_database_of_something_else_is_left_alone(tmp_path: Path, table: str) -> None:
    path = tmp_path / "other.sqlite"
    database = sqlite3.connect(path)
    database.execute(f"CREATE TABLE {table}")
    database.commit()
    database.close()
    before = path.read_bytes()

    with pytest.raises(UsageError, match="can't be used"):
        open_journal(path)

    assert path.read_bytes() == before
