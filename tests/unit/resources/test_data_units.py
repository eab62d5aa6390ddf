"""Data units, whose files are given in several forms."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse.errors import UsageError
from synapse.resources.data_files import DataFile
from synapse.resources.unit_files import UnitFile

from .conftest import ScriptedSession


def test_files_are_sent_by_checksum_and_name(scripted: ScriptedSession) -> None:
    row = {"id": 6, "checksum": "c1", "meta": {"filename": "a.txt"}}
    uploaded = scripted.session.identity.load(DataFile, [row])[0]
    scripted.reply({"id": 1}, status=201)

    scripted.session.data_units.create(
        data_collection=2,
        files={
            "text": uploaded,
            "copy": UnitFile(checksum="c2", path="b.txt"),
            "plain": {"checksum": "c3"},
        },
    )

    assert scripted.body == {
        "data_collection": 2,
        "files": {
            "text": {"checksum": "c1", "path": "a.txt"},
            "copy": {"checksum": "c2", "path": "b.txt"},
            "plain": {"checksum": "c3"},
        },
    }


@pytest.mark.parametrize("path", ["a.txt", Path("a.txt")])
def test_a_path_must_be_uploaded_first(scripted: ScriptedSession, path: object) -> None:
    with pytest.raises(UsageError, match=r"'a\.txt' is a path\. Upload the file"):
        scripted.session.data_units.create(data_collection=2, files={"text": path})

    assert scripted.requests == []
