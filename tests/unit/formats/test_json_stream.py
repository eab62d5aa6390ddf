"""JSON files that are larger than the memory, read item by item."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.errors import UsageError
from synapse.formats import json_stream
from synapse.formats.json_stream import read_items

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def collect(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in read_items(path):
        assert json.loads(item.text) == item.value
        if item.is_item:
            found.setdefault(item.key, []).append(item.value)
        else:
            found[item.key] = item.value
    return found


@given(
    st.dictionaries(st.text(), VALUES, max_size=5), st.sampled_from([None, 1]), st.integers(1, 40)
)
def test_every_document_is_read_like_json_load(
    tmp_path_factory: pytest.TempPathFactory, document: Any, indent: int | None, chunk: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(document, ensure_ascii=False, indent=indent), "utf-8", "replace")
    expected = json.loads(path.read_text("utf-8"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "_CHUNK", chunk)
        assert collect(path) == expected


def test_lists_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text('\ufeff [1, {"a": [2]}, 3.5e2 ]\n', encoding="utf-8")
    assert collect(path) == {"": [1, {"a": [2]}, 350.0]}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"images": [{"id": 1}, {"id"', "the file is cut"),
        ('{"images": [1, 2', "the file is cut"),
        ('{"images": "abc', "the file is cut"),
        ('{"images": [1 2]}', "',' or ']' is expected"),
        ('{"images" 1}', "':' is expected"),
        ('{"images": [{"id": 1,}], "others": [1, 2, 3, 4, 5]}', "character 2[01]"),
        ("{1: 2}", "a name in double quotes"),
        ("{} x", "text follows"),
        ("3", "neither an object nor a list"),
        ("", "neither an object nor a list"),
        ("[" * 100_000, "not valid JSON"),
        ('{"a": ' + "[" * 100_000, "not valid JSON"),
    ],
)
def test_damaged_files_are_named_with_the_place(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=reason) as caught:
        list(read_items(path))
    assert str(path) in str(caught.value)


def test_other_encodings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"name": "ü"}', encoding="latin-1")
    with pytest.raises(UsageError, match="not UTF-8"):
        list(read_items(path))


def test_window_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "_CHUNK", 100)
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"images": [{"id": number} for number in range(1000)]}))
    with path.open() as file:
        window = json_stream._Window(path, file)
        longest = max(len(window._text) for _ in window.read())
    assert longest < 250


def test_wrong_files_are_not_read_to_their_end(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": [x' + "1" * 10_000_000)
    with path.open() as file:
        with pytest.raises(UsageError, match="character 7"):
            list(json_stream._Window(path, file).read())
        assert file.tell() < 2_000_000


def test_values_beyond_the_limit_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_stream, "_CHUNK", 10)
    monkeypatch.setattr(json_stream, "_MAX_ITEM", 50)
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"images": ["x" * 200]}))
    with pytest.raises(UsageError, match="longer than 50 characters"):
        list(read_items(path))
