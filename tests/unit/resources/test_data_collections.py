"""Data collections and their specifications."""

from __future__ import annotations

from synapse.resources.data_collections import DataCollection, FileSpecification
from synapse.resources.enums import Category, FileType

from .conftest import ScriptedSession


def test_creating_with_specifications(scripted: ScriptedSession) -> None:
    scripted.reply({"id": 2, "name": "Texts", "category": "text"}, status=201)

    collection = scripted.session.data_collections.create(
        name="Texts",
        category=Category.TEXT,
        file_specifications=[FileSpecification(name="text", file_type="text")],
    )

    assert collection.id == 2
    assert scripted.body["category"] == "text"
    (specification,) = scripted.body["file_specifications"]
    assert (specification["name"], specification["file_type"]) == ("text", "text")
    assert specification["is_required"] is True


def test_specifications_from_the_server(scripted: ScriptedSession) -> None:
    row = {"id": 2, "file_specifications": [{"name": "photo", "file_type": "image", "new": 1}]}

    (specification,) = scripted.session.identity.load(DataCollection, [row])[0].file_specifications

    assert (specification.name, specification.file_type) == ("photo", FileType.IMAGE)
    assert specification.extra == {"new": 1}
