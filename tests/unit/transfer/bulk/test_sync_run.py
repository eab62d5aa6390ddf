"""Runs are tested against a server in tests/behaviour/transfer/test_sync.py."""

from typing import Any

import pytest

from synapse.transfer.bulk import sync_run
from synapse.transfer.bulk.sync_options import SyncOptions


def test_patterns_of_an_iterator_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {}
    monkeypatch.setattr(sync_run, "upload_many", lambda *_, **given: options.update(given))
    nothing: Any = None
    sync_run.sync_many(nothing, nothing, "folder", SyncOptions(), ignore=iter(["a", "b"]))
    assert options["ignore"] == ["a", "b"]
    assert options["make_run"].keywords["ignore"] == ["a", "b"]
