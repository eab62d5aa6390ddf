"""What a transfer would write."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from synapse.errors import UsageError
from synapse.transfer.bulk.preview import check_folder, preview_upload
from synapse.transfer.bulk.upload_item import Specification

SPECIFICATIONS = [Specification("image", "image"), Specification("mask", "data", is_required=False)]


def test_units_files_and_bytes(tmp_path: Path) -> None:
    for name, text in {"a.png": "12", "b.png": "345", "notes.txt": "", "c.png": ""}.items():
        (tmp_path / name).write_text(text)
    preview = preview_upload(SPECIFICATIONS, tmp_path, ignore="notes.txt", match={"*.png": "image"})
    assert (preview.units, preview.files, preview.bytes) == (2, 2, 5)
    assert preview.ignored == 1
    [failure] = preview.failed
    assert "c.png is empty" in str(failure)


def test_records_that_come_late() -> None:
    rows = [{"files": {"image": "nowhere.png"}}] * 1000
    preview = preview_upload(SPECIFICATIONS, iter([*rows, {"files": 5}]))
    assert preview.units == 0
    assert len(preview.failed) == 1001
    assert "record 1000" in str(preview.failed[-1])


def test_folders(tmp_path: Path) -> None:
    check_folder(tmp_path)
    check_folder(tmp_path / "a" / "b")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="file is a file"):
        check_folder(tmp_path / "file" / "below")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_locked_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="can't be written to"):
        check_folder(tmp_path / "a")
