"""Models, created with or without a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse.errors import UsageError

from .conftest import ScriptedSession


def test_a_model_without_a_file_is_one_request(scripted: ScriptedSession) -> None:
    scripted.reply({"id": 3, "name": "Detector"}, status=201)

    assert scripted.session.models.create(name="Detector", project=1).id == 3
    assert scripted.body == {"name": "Detector", "project": 1}
    assert scripted.requests == [("POST", "/models/")]


def test_a_misspelled_field_is_refused_before_the_upload(
    scripted: ScriptedSession, tmp_path: Path
) -> None:
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"weights")

    with pytest.raises(UsageError, match="did you mean 'name'"):
        scripted.session.models.create(nmae="Detector", file=weights)

    assert scripted.requests == []
