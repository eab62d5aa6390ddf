"""Uploads and downloads of resources; tests/behaviour/transfer tests the transfers themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse.errors import UsageError
from synapse.resources.data_collections import DataCollection
from synapse.resources.models import Model

from .conftest import ScriptedSession


@pytest.fixture
def collection(scripted: ScriptedSession) -> DataCollection:
    """A data collection."""
    return scripted.session.identity.load(DataCollection, [{"id": 2, "name": "Texts"}])[0]


@pytest.mark.parametrize("project", [1.5, True, ["1"]])
def test_a_project_that_is_not_one(
    scripted: ScriptedSession, collection: DataCollection, tmp_path: Path, project: object
) -> None:
    scripted.reply({"id": 2, "created": "2026-01-01T00:00:00Z", "file_specifications": []})

    with pytest.raises(UsageError, match=r"project=.* is not valid\. Pass a Project or its id"):
        collection.upload(tmp_path, project=project, progress=False)


def test_a_collection_instead_of_a_project(
    scripted: ScriptedSession, collection: DataCollection, tmp_path: Path
) -> None:
    scripted.reply({"id": 2, "created": "2026-01-01T00:00:00Z", "file_specifications": []})

    with pytest.raises(UsageError, match="Pass a Project or its id"):
        collection.upload(tmp_path, project=collection, progress=False)

    assert scripted.requests == [("GET", "/data_collections/2/?expand=file_specifications")]


def test_an_empty_collection_is_downloaded(
    scripted: ScriptedSession, collection: DataCollection, tmp_path: Path
) -> None:
    scripted.reply({"results": [], "count": 0, "next": None})

    report = collection.download(tmp_path / "copy", progress=False)

    assert (report.downloaded, report.failed) == (0, [])
    assert (tmp_path / "copy" / "units.jsonl").read_text() == ""


def test_a_model_without_a_file(scripted: ScriptedSession, tmp_path: Path) -> None:
    model = scripted.session.identity.load(Model, [{"id": 3, "file": None}])[0]

    with pytest.raises(UsageError, match="Model 3 has no file to download"):
        model.download(tmp_path)


def test_a_models_file(scripted: ScriptedSession, tmp_path: Path) -> None:
    url = f"{scripted.url}media/weights.bin"
    model = scripted.session.identity.load(Model, [{"id": 3, "file": url}])[0]
    scripted.reply(b"weights")

    assert model.download(tmp_path, progress=False).read_bytes() == b"weights"
    assert scripted.requests == [("GET", "/media/weights.bin")]
