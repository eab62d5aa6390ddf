"""A project with pictures, for the libraries that train."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

import synapse
from synapse.annotations import Box, write_document
from synapse.testing.tenants import EmulatorTenant


@pytest.fixture
def tasks(
    session: synapse.Session,
    emulator: EmulatorTenant,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
) -> Any:
    """Twelve tasks with a picture each, and a box whose place is the picture's number."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("SYNAPSE_BASE_URL", emulator.url)
    monkeypatch.setenv("SYNAPSE_API_TOKEN", emulator.api_token)
    files = [synapse.FileSpecification(name="image_1", file_type="image", is_required=False)]
    collection = session.data_collections.create(
        name="Streets", category="image", file_specifications=files
    )
    project = session.projects.create(
        title="Streets",
        category="image",
        data_collection=collection,
        configuration={"classification": {"bounding_box": ["bus", "car"]}},
    )
    for number in range(12):
        stream = io.BytesIO()
        Image.new("RGB", (64, 48), (number, 0, 0)).save(stream, "PNG")
        file = session.data_files.upload(io.BytesIO(stream.getvalue()), name=f"{number}.png")
        unit = collection.data_units.create(
            files={"image_1": {"checksum": file.checksum, "path": f"{number}.png"}}
        )
        box = Box(number, 20, 30, 20, label="bus" if number % 2 else "car")
        document = write_document([box], sizes={"image_1": (64, 48)})
        project.tasks.create(data_unit=unit).annotate(document)
    return project.tasks.order_by("id")
