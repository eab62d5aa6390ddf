"""Plugins, jobs, logs and storages: encodings and defaults of requests."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from synapse.clients.backend import BackendClient
from synapse.errors import UsageError


@pytest.mark.parametrize("data", [{}, {"file": None}])
def test_release_without_a_file(
    backend_client: BackendClient, transport: Any, data: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match="needs a file"):
        backend_client.create_plugin_release({"plugin": 1, "version": "1", **data})

    assert transport.calls == []


@pytest.mark.parametrize("token", ["s3cret/part", "s3cret\n", "..", ""])
def test_invalid_token_is_not_shown(
    backend_client: BackendClient, transport: Any, token: str
) -> None:
    with pytest.raises(UsageError) as caught:
        backend_client.health_check_agent(token)

    assert "s3cret" not in f"{caught.value} {caught.value!r}"
    assert transport.calls == []


def test_file_of_a_log_entry_is_sent_inside(
    backend_client: BackendClient, transport: Any, tmp_path: Path
) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("words")
    entries = [{"message": "a"}, {"message": "b", "file": path}]

    backend_client.create_logs(entries)
    backend_client.create_logs(entries[1])

    bodies = [options["json"] for *_, options in transport.calls]
    assert bodies[0][0] == {"message": "a"}
    assert bodies[0][1] == bodies[1] == {"message": "b", "file": bodies[1]["file"]}
    assert bodies[1]["file"].startswith("data:")
    assert entries[1]["file"] is path


def test_storage_is_read_with_configuration(backend_client: BackendClient, transport: Any) -> None:
    backend_client.get_storage(3)
    backend_client.get_storage(3, {"with_configuration": "false"})

    params = [options["params"]["with_configuration"] for *_, options in transport.calls]
    assert params == ["true", "false"]


@pytest.mark.parametrize("is_open", [False, True])
def test_release_with_credentials(
    backend_client: BackendClient, transport: Any, tmp_path: Path, is_open: bool
) -> None:
    path = tmp_path / "release.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("id_rsa", "key")
    data = {"plugin": 1, "version": "1", "file": io.BytesIO(path.read_bytes()) if is_open else path}

    with pytest.raises(UsageError, match="look like credentials: id_rsa"):
        backend_client.create_plugin_release(data)

    assert transport.calls == []
    backend_client.create_plugin_release(data, allow_credentials=True)
    assert len(transport.calls) == 1
