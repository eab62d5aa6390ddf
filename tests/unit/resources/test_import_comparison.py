"""Pictures of a data set, found again by their units."""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

from synapse.resources.import_comparison import ImportedSamples


def test_pictures_are_found_once_by_name_split_and_content(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"picture")
    digest = hashlib.md5(b"picture", usedforsecurity=False).hexdigest()
    file = SimpleNamespace(checksum=digest, size=7)
    other = SimpleNamespace(checksum=digest, size=8)
    meta = {"name": "a.png", "split": "val"}
    with closing(ImportedSamples()) as samples:
        samples.add(meta, "annotated", path, {"version": 2})
        assert samples.pop({"name": "a.png"}, file) is None
        assert samples.pop({"name": ["a.png"], "split": 3}, file) is None
        assert samples.pop(None, file) is None
        assert samples.pop(meta, other) is None
        assert samples.pop(meta, None) is None
        assert samples.pop(meta, file) == ("annotated", {"version": 2})
        assert samples.pop(meta, file) is None


def test_a_picture_that_is_gone_is_not_found(tmp_path: Path) -> None:
    with closing(ImportedSamples()) as samples:
        samples.add({"name": "a.png"}, "empty", tmp_path / "a.png", None)
        assert samples.pop({"name": "a.png"}, SimpleNamespace(checksum="0" * 32, size=1)) is None
