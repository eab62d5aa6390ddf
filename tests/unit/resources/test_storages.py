"""Storages, whose secrets stay out of objects and pickles."""

from __future__ import annotations

import pickle

from synapse.resources.enums import StorageProvider

from .conftest import ScriptedSession

ROW = {"id": 2, "name": "main", "provider": "minio", "category": "internal", "is_default": True}


def test_the_default_storage(scripted: ScriptedSession) -> None:
    scripted.reply(ROW)

    assert scripted.session.storages.default().provider is StorageProvider.MINIO
    assert scripted.requests == [("GET", "/storages/default/")]


def test_the_configuration_is_not_kept(scripted: ScriptedSession) -> None:
    scripted.reply(ROW)
    storage = scripted.session.storages.default()
    scripted.reply({**ROW, "configuration": {"secret_key": "s3cret"}})

    assert storage.load_configuration() == {"secret_key": "s3cret"}
    assert scripted.requests[-1] == ("GET", "/storages/2/?with_configuration=true")
    assert b"s3cret" not in pickle.dumps(storage)
    assert "s3cret" not in repr(storage)
