"""Collections, files and units: batches, bodies and invalid arguments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synapse.clients.backend import BackendClient
from synapse.errors import UsageError


def test_collection_is_expanded(backend_client: BackendClient, transport: Any) -> None:
    backend_client.get_data_collection(3)
    backend_client.get_data_collection(3, {"expand": "project"})

    params = [options["params"] for *_, options in transport.calls]
    assert params == [{"expand": "file_specifications"}, {"expand": "project"}]


def test_checksums_are_posted(backend_client: BackendClient, transport: Any) -> None:
    backend_client.verify_data_files_checksums(iter(["a", "b"]))

    ((method, path, options),) = transport.calls
    assert (method, path) == ("POST", "data_files/verify_checksums/")
    assert options["json"] == {"checksums": ["a", "b"]}


@pytest.mark.parametrize("data", [{}, {"files": {}}, {"files": None}, {"files": ["a"]}])
def test_unit_without_files(backend_client: BackendClient, data: Any) -> None:
    with pytest.raises(UsageError, match="needs files"):
        backend_client.upload_data_file(data, 1)


@pytest.mark.parametrize(
    "options", [{"batch_size": 0}, {"max_workers": 0}, {"batch_size": True}, {"batch_size": 1.5}]
)
def test_invalid_numbers(backend_client: BackendClient, options: dict[str, Any]) -> None:
    (name,) = options

    with pytest.raises(UsageError, match=f"{name}=.* is not valid"):
        backend_client.upload_data_collection(1, [], **options)


def test_units_and_tasks_are_created_by_batch(
    backend_client: BackendClient,
    transport: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        type(backend_client), "create_data_file", lambda self, path, chunked, **_: {"checksum": "c"}
    )
    transport.responses = [[{"id": 7}, {"id": 8}], [], [{"id": 9}], []]
    units = [{"files": {"image": tmp_path / f"{number}.jpg"}} for number in range(3)]

    backend_client.upload_data_collection(3, units, project_id=9, batch_size=2)

    assert transport.lines == ["POST data_units/", "POST tasks/"] * 2
    first, tasks, *_ = (options["json"] for *_, options in transport.calls)
    assert first[0] == {
        "data_collection": 3,
        "files": {"image": {"checksum": "c", "path": str(tmp_path / "0.jpg")}},
        "meta": {},
    }
    assert tasks == [{"project": 9, "data_unit": 7}, {"project": 9, "data_unit": 8}]
