"""The bridge to `datasets`, without that library."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from synapse.errors import MissingExtra, UsageError
from synapse.integrations import huggingface
from synapse.session import Session


def test_library_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with Session("http://127.0.0.1:9", "token") as session:
        with pytest.raises(MissingExtra) as caught:
            session.tasks.to_hf()
        assert session.request_count == 0
    assert caught.value.extra == "hf"


def test_folder_of_an_earlier_data_set_is_refused(tmp_path: Path) -> None:
    assert huggingface._choose_folder(tmp_path) == (tmp_path, False)
    (tmp_path / "data.arrow").touch()
    with pytest.raises(UsageError, match="from_file"):
        huggingface._choose_folder(tmp_path)


def test_temporary_folder_is_removed_by_its_owner() -> None:
    folder, is_temporary = huggingface._choose_folder(None)
    assert is_temporary
    huggingface._remove(folder, os.getpid() + 1)
    assert folder.is_dir()
    huggingface._remove(folder, os.getpid())
    assert not folder.exists()


def test_batches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface, "_BATCH_BYTES", 10)
    monkeypatch.setattr(huggingface, "_BATCH_ROWS", 3)
    examples = [{"image": {"bytes": bytes(size)}} for size in (1, 2, 3, 10, 1)]

    batches = huggingface._batch(iter(examples))
    assert [len(batch) for batch in batches] == [3, 1, 1]
