"""Collections, files and units through the namespace, against the emulator."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from synapse.clients.backend import BackendClient
from synapse.errors import UsageError, ValidationError
from synapse.testing import assert_num_requests

CONTENT = b"\x00\xff what is in the file \r\n"
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "photo.jpg"
    file.write_bytes(CONTENT)
    return file


@pytest.fixture
def collection(client: BackendClient) -> int:
    """The id of a collection whose units have an image and may have a note."""
    body = {
        "name": "Photos",
        "category": "image",
        "file_specifications": [
            {"name": "image", "file_type": "image", "is_required": True},
            {"name": "note", "file_type": "text", "is_required": False},
        ],
    }
    return int(client._post("data_collections/", body)["id"])


@pytest.fixture
def photos(tmp_path: Path) -> Callable[[int], list[dict[str, Any]]]:
    """Makes files, and what `upload_data_collection` takes for them."""

    def make(count: int) -> list[dict[str, Any]]:
        made = []
        for number in range(count):
            file = tmp_path / f"{number}.jpg"
            file.write_bytes(b"photo %d" % number)
            made.append({"files": {"image": file}, "meta": {"number": number}})
        return made

    return make


class TestCollections:
    @pytest.mark.parametrize("name", ["list_data_collection", "list_data_collections"])
    def test_list(self, client: BackendClient, collection: int, name: str) -> None:
        page = getattr(client, name)(params={"category": "image"})

        assert [row["id"] for row in page["results"]] == [collection]
        assert getattr(client, name)({"category": "video"})["count"] == 0

    def test_get_has_specifications(self, client: BackendClient, collection: int) -> None:
        row = client.get_data_collection(collection)

        assert [one["name"] for one in row["file_specifications"]] == ["image", "note"]


class TestFiles:
    @pytest.mark.parametrize("in_chunks", [False, True])
    @pytest.mark.parametrize("kind", [Path, str])
    def test_create(self, client: BackendClient, path: Path, in_chunks: bool, kind: Any) -> None:
        row = client.create_data_file(kind(path), use_chunked_upload=in_chunks)

        assert (row["checksum"], row["size"]) == (MD5, len(CONTENT))
        assert requests.get(row["url"], timeout=10, headers=_token(client)).content == CONTENT

    def test_file_on_its_own_gets_a_unit(self, client: BackendClient, path: Path) -> None:
        row = client.create_data_file(path)

        unit = client.get_data_unit(row["data_unit_id"])
        (file,) = unit["files"].values()
        assert (file["checksum"], file["path"]) == (MD5, "photo.jpg")

    def test_empty(self, client: BackendClient, tmp_path: Path) -> None:
        (tmp_path / "empty").touch()

        with pytest.raises(ValidationError, match="file 'empty'"):
            client.create_data_file(tmp_path / "empty")
        with pytest.raises(UsageError, match="empty is empty"):
            client.create_data_file(tmp_path / "empty", use_chunked_upload=True)

    @pytest.mark.parametrize("name", ["verify_data_files_checksums", "data_files_verify_checksums"])
    def test_verify_checksums(self, client: BackendClient, path: Path, name: str) -> None:
        client.create_data_file(path)

        answer = getattr(client, name)(iter(["0" * 32, MD5]))

        assert answer == {"checksums": [MD5], "existing_checksums": [MD5]}


def _token(client: BackendClient) -> dict[str, str]:
    secret = client.session.transport.settings.credentials["api_token"]
    return {"SYNAPSE-Access-Token": f"Token {secret.reveal()}"}


class TestUnits:
    @pytest.mark.parametrize("in_chunks", [False, True])
    def test_upload_and_create(
        self, client: BackendClient, collection: int, path: Path, in_chunks: bool
    ) -> None:
        given = {"files": {"image": path}, "meta": {"camera": 1}}

        body = client.upload_data_file(given, collection, use_chunked_upload=in_chunks)
        unit = client.create_data_units(body)

        assert body == {
            "data_collection": collection,
            "files": {"image": {"checksum": MD5, "path": str(path)}},
            "meta": {"camera": 1},
        }
        assert unit["meta"] == {"camera": 1}
        assert unit["files"]["image"]["checksum"] == MD5
        assert client.get_data_unit(unit["id"]) == unit
        assert given == {"files": {"image": path}, "meta": {"camera": 1}}

    @pytest.mark.parametrize("given", [{}, {"meta": None}, {"meta": {}}])
    def test_no_meta(
        self, client: BackendClient, collection: int, path: Path, given: dict[str, Any]
    ) -> None:
        body = client.upload_data_file({"files": {"image": path}, **given}, collection)

        assert body["meta"] == {}

    def test_create_several_and_list(
        self, client: BackendClient, collection: int, path: Path
    ) -> None:
        body = client.upload_data_file({"files": {"image": path}}, collection)

        made = client.create_data_units([body, body])

        page = client.list_data_units({"data_collection": collection})
        assert page["results"] == made
        assert client.list_data_units({"id": made[1]["id"]})["results"] == made[1:]

    def test_refused(self, client: BackendClient, collection: int) -> None:
        with pytest.raises(ValidationError, match=r"new DataUnit: .*image") as caught:
            client.create_data_units({"data_collection": collection, "files": {}})

        assert set(caught.value.fields) == {"files"}


class TestUploadDataCollection:
    def test_units_in_order(
        self, client: BackendClient, collection: int, photos: Callable[..., Any]
    ) -> None:
        client.upload_data_collection(collection, photos(7), batch_size=3, process_pool=4)

        made = client.list_data_units({"data_collection": collection})["results"]
        assert [unit["meta"]["number"] for unit in made] == list(range(7))
        assert [unit["files"]["image"]["checksum"] for unit in made] == [
            hashlib.md5(b"photo %d" % number).hexdigest() for number in range(7)
        ]

    def test_with_a_project(
        self, client: BackendClient, collection: int, photos: Callable[..., Any]
    ) -> None:
        project = client.create_project(
            {"title": "P", "category": "image", "data_collection": collection}
        )["id"]

        client.upload_data_collection(collection, photos(5), project, batch_size=2)

        made = client.list_data_units({"data_collection": collection})["results"]
        tasks = client.list_tasks({"project": project}, list_all=True)
        assert [task["data_unit"] for task in tasks] == [unit["id"] for unit in made]

    def test_requests(
        self, client: BackendClient, collection: int, photos: Callable[..., Any]
    ) -> None:
        """One for each file, and one for each batch."""
        with assert_num_requests(client.session, 5 + 3):
            client.upload_data_collection(collection, photos(5), batch_size=2)

    def test_source_is_read_batch_by_batch(
        self, client: BackendClient, collection: int, photos: Callable[..., Any]
    ) -> None:
        there: list[int] = []

        def source() -> Iterator[Any]:
            for photo in photos(4):
                there.append(client.list_data_units({"data_collection": collection})["count"])
                yield photo

        client.upload_data_collection(collection, source(), batch_size=2)

        assert there == [0, 0, 2, 2]

    def test_bad_file_ends_it(
        self, client: BackendClient, collection: int, photos: Callable[..., Any], tmp_path: Path
    ) -> None:
        units = photos(4)
        units[3]["files"]["image"] = tmp_path / "nowhere"

        with pytest.raises(UsageError, match="nowhere can't be read"):
            client.upload_data_collection(collection, units, batch_size=2)

        assert client.list_data_units({"data_collection": collection})["count"] == 2
        assert not [one for one in threading.enumerate() if "synapse-upload" in one.name]

    def test_refused_batch_leaves_those_before(
        self, client: BackendClient, collection: int, photos: Callable[..., Any]
    ) -> None:
        units = photos(4)
        units[2]["files"] = {"unknown": units[2]["files"]["image"]}

        with pytest.raises(ValidationError, match='no file specification "unknown"'):
            client.upload_data_collection(collection, units, batch_size=2)

        assert client.list_data_units({"data_collection": collection})["count"] == 2
