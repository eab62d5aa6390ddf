from typing import Any

import pytest

from synapse.errors import UsageError
from synapse.transfer.bulk.sync_key import SyncKey
from synapse.transfer.bulk.upload_item import ItemFile, Specification, UploadItem

SPECIFICATIONS = [
    Specification("note", "text", is_required=False),
    Specification("depth", "image"),
    Specification("image", "image", is_primary=True),
]


def make_item(meta: Any = None, **files: str) -> UploadItem:
    return UploadItem(
        "one", [ItemFile(name, path, path) for name, path in files.items()], meta or {}
    )


@pytest.mark.parametrize(
    ("files", "key"),
    [
        ({"note": "n", "depth": "d", "image": "i"}, "i"),
        ({"note": "n", "depth": "d"}, "d"),
        ({"note": "n"}, "n"),
        ({"image": "cafe\u0301"}, "caf\u00e9"),
    ],
)
def test_path_of_the_main_file(files: dict[str, str], key: str) -> None:
    reader = SyncKey("path", SPECIFICATIONS)
    row = {"files": {name: {"path": path} for name, path in files.items()}}
    assert reader.read_item(make_item(**files)) == reader.read_row(row) == key


@pytest.mark.parametrize("row", [{}, {"files": []}, {"files": {"image": None}}, {"files": {}}])
def test_rows_without_a_path(row: Any) -> None:
    assert SyncKey("path", SPECIFICATIONS).read_row(row) is None


@pytest.mark.parametrize(
    ("value", "key"),
    [
        (7, "7"),
        (7.0, "7"),
        (0.5, "0.5"),
        ("x", "x"),
        ("", None),
        (True, None),
        (None, None),
        ([7], None),
    ],
)
def test_values_of_meta(value: Any, key: str | None) -> None:
    reader = SyncKey("meta.id", [])
    assert reader.read_row({"meta": {"id": value}}) == key
    if key is None:
        with pytest.raises(UsageError, match=r"one has no text or number as meta\.id"):
            reader.read_item(make_item({"id": value}))
    else:
        assert reader.read_item(make_item({"id": value})) == key


def test_dots_lead_into_mappings_unless_they_are_in_the_name() -> None:
    reader = SyncKey("meta.a.b", [])
    assert reader.read_row({"meta": {"a": {"b": 1}}}) == "1"
    assert reader.read_row({"meta": {"a.b": 2, "a": {"b": 1}}}) == "2"
    assert reader.read_row({"meta": {"a": 1}}) is None
    assert reader.read_row({"meta": None}) is None


@pytest.mark.parametrize("text", ["", "name", "meta", "meta.", "meta.a.", None])
def test_other_keys_are_refused(text: Any) -> None:
    with pytest.raises(UsageError, match="key="):
        SyncKey(text, [])
