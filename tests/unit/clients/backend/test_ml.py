"""Models and ground truth: the file of a model, and the field with the URL."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.clients.backend import BackendClient, ml


def test_file_of_a_model_is_uploaded_first(
    backend_client: BackendClient, transport: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ml, "upload_in_chunks", lambda transport, file: {"id": f"upload of {file}"})
    data = {"name": "m", "file": "model.bin"}

    backend_client.create_model(data)
    backend_client.create_model({"name": "m", "chunked_upload": "x"})

    bodies = [options["json"] for *_, options in transport.calls]
    assert bodies == [
        {"name": "m", "chunked_upload": "upload of model.bin"},
        {"name": "m", "chunked_upload": "x"},
    ]
    assert data == {"name": "m", "file": "model.bin"}


def test_url_of_a_model_is_rewritten(backend_client: BackendClient, transport: Any) -> None:
    transport.responses = [{"id": 1, "file": "u", "files": "u"}]

    row = backend_client.get_model(1, url_conversion={"coerce": str.upper})

    assert row == {"id": 1, "file": "U", "files": "u"}
