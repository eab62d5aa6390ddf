"""Where the state of uploads is kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from synapse.transfer.upload_state import state_folder


@pytest.mark.skipif(os.name == "nt", reason="it has its own place")
def test_of_a_user_without_a_home_is_not_in_the_current_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    # What it does where there is neither the variable nor an entry for the user.
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)

    assert state_folder().is_absolute()


def test_is_where_the_variable_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder() == tmp_path / "synapse" / "uploads"
