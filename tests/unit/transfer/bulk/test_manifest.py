"""Manifests, one format at a time; tests of sources have the errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse.errors import UsageError
from synapse.transfer.bulk.manifest import is_manifest, read_manifest


def refuse_note(note: str) -> None:
    raise AssertionError(note)


ITEM = {"files": {"image": "1.png"}, "meta": {"n": "7"}}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "image,mask,n\n1.png,,7\n"),
        ("a.CSV", "\ufeffimage,n\n1.png,7\n"),
        ("a.jsonl", '\n{"image": "1.png", "n": "7"}\n'),
        ("a.ndjson", '\n{"files": {"image": "1.png"}, "meta": {"n": "7"}}\n'),
    ],
)
def test_formats(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")

    assert is_manifest(path)
    assert list(read_manifest(path, ["image", "mask"], refuse_note)) == [(f"{name}:2", ITEM)]


def test_unknown_extension() -> None:
    assert not is_manifest(Path("a.txt"))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a\.csv can't be read: No such file"):
        list(read_manifest(tmp_path / "a.csv", ["image"], refuse_note))
