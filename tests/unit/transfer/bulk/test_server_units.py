from typing import Any

import pytest

from synapse.errors import SynapseError
from synapse.transfer.bulk.server_units import ServerUnits, SyncEntries, SyncEntry
from synapse.transfer.bulk.sync_key import SyncKey
from synapse.transfer.bulk.upload_item import ItemFile, Specification, UploadItem

MD5 = {name: f"{name * 32}" for name in "abc"}


def make_units(*rows: tuple[int, str, str], meta: Any = None) -> ServerUnits:
    units = ServerUnits(SyncKey("path", [Specification("image", "image")]))
    units.add_units(
        {
            "id": unit,
            "files": {"image": {"path": path, "checksum": MD5[content]}},
            "meta": meta or {},
        }
        for unit, path, content in rows
    )
    return units


def make_item(path: str, content: str, meta: Any = None) -> UploadItem:
    file = ItemFile("image", path, path, checksum=MD5[content], sha1=content * 40)
    return UploadItem(path, [file], meta or {}, sync_key=path)


def test_finds_the_first_equal_unit_and_all_of_the_key() -> None:
    units = make_units((1, "x", "a"), (2, "x", "b"), (3, "y", "b"), (4, "x", "b"))
    assert units.find_units(make_item("x", "b")) == (2, [1, 2, 4])
    assert units.find_units(make_item("x", "c")) == (None, [1, 2, 4])
    assert units.find_units(make_item("z", "a")) == (None, [])


def test_values_that_others_added_to_meta_are_no_change() -> None:
    units = make_units((1, "x", "a"), meta={"id": 1.0, "server": True})
    assert units.find_units(make_item("x", "a"))[0] == 1
    assert units.find_units(make_item("x", "a", {"id": 1}))[0] == 1
    assert units.find_units(make_item("x", "a", {"id": 2}))[0] is None
    assert units.find_units(make_item("x", "a", {"name": "n"}))[0] is None


@pytest.mark.parametrize("checksum", [None, "", "f" * 64])
def test_content_that_cannot_be_compared_is_an_error(checksum: Any) -> None:
    units = make_units((1, "x", "a"))
    file = {"path": "x", "checksum": checksum}
    units.add_units([{"id": 2, "files": {"image": file}, "meta": {}}])
    assert units.find_units(make_item("x", "a"))[0] == 1
    with pytest.raises(SynapseError, match="x can't be compared with unit 2"):
        units.find_units(make_item("x", "b"))


def test_tasks_of_units() -> None:
    units = make_units()
    units.add_tasks([{"id": 8, "data_unit": 1}, {"id": 7, "data_unit": 1}, {"id": 9}])
    assert units.find_task([2, 1]) == 7
    assert units.find_task([2]) is None


def test_lists_what_the_source_lacks_up_to_an_id() -> None:
    rows = [(number, f"{number:04}", "a") for number in range(1, 2502)]
    units = make_units(*rows, (5000, "0002", "b"), (5001, "0003", "b"))
    units.add_entry("0001")
    gone = [*units.read_keys_without_entry(5000)]
    assert len(gone) == 2500
    assert gone[:2] == [("0002", 5000, 2), ("0003", 3, 1)]
    assert units.read_units("0002", 5000) == [2, 5000]
    assert units.count_units(5000) == 1


def test_entries_are_read_in_order() -> None:
    units = make_units()
    for number in range(2500):
        assert units.add_entry(f"{number}", "gone", number)
    assert not units.add_entry("7", "gone")
    units.mark_deleted("2400")
    entries = SyncEntries(units, "gone")
    assert len(entries) == 2500
    assert [entry.unit for entry in entries] == [*range(2500)]
    assert entries[2400] == SyncEntry("2400", 2400, None, True)
    assert entries[-1].key == "2499"
    assert [entry.key for entry in entries[1:3]] == ["1", "2"]
    assert repr(entries) == "<2,500 gone units>"


def test_former_units_and_equal_ones() -> None:
    units = make_units((1, "x", "a"), (2, "x", "b"), (3, "x", "a"), (4, "y", "a"), (5, "y", "b"))
    item = make_item("x", "a")
    units.add_entry("x")
    item.unit = 1
    units.set_state(item, "unchanged")
    former = [(one.unit, one.replacement, one.is_same) for one in units.read_former(5, 0, 10)]
    assert former == [(2, 1, False), (3, 1, True)]
    assert [one.unit for one in units.read_former(2, 0, 10)] == [2]
    assert [one.unit for one in units.read_former(5, 2, 10)] == [3]
    units.note_twice()
    assert [*SyncEntries(units, "twice")] == [SyncEntry("x", 3)]


def test_names_that_are_no_text() -> None:
    units = make_units((1, "\udcff", "a"))
    assert [key for key, *_ in units.read_keys_without_entry(1)] == ["\udcff"]
