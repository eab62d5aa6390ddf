"""Models and ground truth, against the emulator."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from synapse import DataUnit, Project
from synapse.clients.backend import BackendClient
from synapse.emulator import Emulator
from synapse.errors import ValidationError

WEIGHTS = b"weights " * 100


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "weights.bin"
    file.write_bytes(WEIGHTS)
    return file


@pytest.fixture
def truths(backend: Emulator, emulator: Any, unit: DataUnit, project: Project) -> list[int]:
    """The ids of two versions; the first has an event."""
    item = {"data_unit": unit.id, "data": {"n": 1}, "category": "train", "project": project.id}
    return [
        backend.add_ground_truths(emulator.tenant, [item], version="1"),
        backend.add_ground_truths(emulator.tenant, [], version="2"),
    ]


class TestModels:
    def test_create_with_a_file(self, client: BackendClient, project: Project, path: Path) -> None:
        data = {"name": "Detector", "project": project.id, "version": "1", "file": path}

        made = client.create_model(data)

        assert data["file"] is path
        assert (made["name"], made["project"]) == ("Detector", project.id)
        path_of_url = made["file"].partition("?")[0]
        assert path_of_url.endswith(f"/files/{hashlib.sha256(WEIGHTS).hexdigest()}/weights.bin")
        assert client.get_model(made["id"], url_conversion={}) == made

    def test_file_is_local(self, client: BackendClient, path: Path) -> None:
        made = client.create_model({"name": "Detector", "file": path})

        row = client.get_model(made["id"])

        assert {**row, "file": made["file"]} == made
        assert (row["file"].name, row["file"].read_bytes()) == ("weights.bin", WEIGHTS)

    def test_create_with_an_upload(self, client: BackendClient, path: Path) -> None:
        upload = client.create_chunked_upload(path, chunk_size=300)

        made = client.create_model({"name": "Detector", "chunked_upload": upload["id"]})

        assert hashlib.sha256(WEIGHTS).hexdigest() in made["file"]

    @pytest.mark.parametrize("given", [{}, {"file": None}])
    def test_create_without_a_file(self, client: BackendClient, given: Any) -> None:
        assert client.create_model({"name": "Detector", **given})["file"] is None

    def test_refused(self, client: BackendClient) -> None:
        with pytest.raises(ValidationError, match="new Model: ") as caught:
            client.create_model({"project": 999})

        assert set(caught.value.fields) == {"name", "project"}

    def test_list_and_get(self, client: BackendClient, project: Project) -> None:
        made = client.create_model({"name": "One", "project": project.id})
        client.create_model({"name": "Two"})

        assert client.list_models(params={"project": project.id})["results"] == [made]
        assert client.list_models()["count"] == 2
        assert client.get_model(made["id"], {"fields": "name"}) == {"name": "One"}


class TestGroundTruth:
    def test_versions(self, client: BackendClient, truths: list[int]) -> None:
        page = client.list_ground_truth_versions({"ordering": "id"})

        assert [row["id"] for row in page["results"]] == truths
        assert [row["event_count"] for row in page["results"]] == [1, 0]
        assert client.get_ground_truth_version(truths[0]) == page["results"][0]
        assert client.get_ground_truth_version(truths[1], {"fields": "version"}) == {"version": "2"}

    def test_versions_by_dataset(self, client: BackendClient, truths: list[int]) -> None:
        dataset = client.get_ground_truth_version(truths[0])["ground_truth_dataset"]

        page = client.list_ground_truth_versions(params={"ground_truth_dataset": dataset})

        assert page["count"] == 2

    @pytest.mark.parametrize(("number", "count"), [(0, 1), (1, 0)])
    def test_events(
        self, client: BackendClient, unit: DataUnit, truths: Any, number: int, count: int
    ) -> None:
        page = client.list_ground_truth_events(
            {"ground_truth_dataset_versions": truths[number : number + 1]}
        )

        assert page["count"] == count
        for row in page["results"]:
            assert (row["data"], row["data_unit"]) == ({"n": 1}, unit.id)
            assert row["files"]["text"]["path"] == "sample.txt"

    def test_events_of_several_versions(self, client: BackendClient, truths: list[int]) -> None:
        rows = client.list_ground_truth_events(
            {"ground_truth_dataset_versions": truths}, list_all=True
        )

        assert [row["ground_truth_dataset_version"] for row in rows] == truths[:1]
        assert [row["files"]["text"]["path"].name for row in rows] == ["sample.txt"]

    def test_ground_truths(
        self, client: BackendClient, project: Project, unit: DataUnit, truths: list[int]
    ) -> None:
        (row,) = client.list_ground_truths({"project": project.id})["results"]

        assert (row["data"], row["data_unit"], row["category"]) == ({"n": 1}, unit.id, "train")
