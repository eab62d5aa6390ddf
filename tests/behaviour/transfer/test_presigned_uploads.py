"""Uploads straight to the storage, by URLs that the server gives."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import synapse
from synapse.errors import ClientError, PermissionDenied, SynapseError, UsageError
from synapse.testing import assert_num_requests
from synapse.testing.tenants import EmulatorTenant
from synapse.transfer.progress import Progress
from synapse.transfer.upload_state import state_folder

CONTENT = bytes(range(250)) * 4000  # 1 MB
SHA1 = hashlib.sha1(CONTENT).hexdigest()
ANNOUNCE = "data_files/presigned_upload/upload/"
CONFIRM = "data_files/presigned_upload/confirm_upload/"


@pytest.fixture(autouse=True)
def own_state(state_home: Path) -> None:
    """State of one test isn't another's."""


@pytest.fixture(autouse=True)
def storage(session: synapse.Session) -> synapse.Storage:
    """The default storage, which takes presigned uploads."""
    return session.storages.create(
        name="bucket", provider="minio", category="internal", configuration={}, is_default=True
    )


@pytest.fixture
def in_parts(emulator: EmulatorTenant) -> Iterator[None]:
    with emulator.behave(multipart_above=100_000, part_size=300_000):
        yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "video.bin"
    file.write_bytes(CONTENT)
    return file


@pytest.fixture
def steps(emulator: EmulatorTenant) -> Any:
    """A session, and the requests to the server that it makes."""
    made: list[str] = []

    def note(event: synapse.Event) -> None:
        made.append(f"{event.method} {event.url.removeprefix(emulator.url + '/')}")

    return emulator.session(on_request=note), made


def list_files(session: synapse.Session) -> list[Any]:
    """Return the uploaded files: each has a unit of its own."""
    collections = session.data_collections.filter(name="Uploaded files")
    return [unit.files["file"] for one in collections for unit in one.data_units]


def make_collection(session: synapse.Session) -> synapse.DataCollection:
    return session.data_collections.create(
        name="Photos",
        category="image",
        file_specifications=[synapse.FileSpecification(name="image", file_type="image")],
    )


def make_photos(folder: Path, count: int, size: int = 50) -> Path:
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:03}.png").write_bytes(b"photo %3d " % number * (size // 10))
    return folder


class TestOneFile:
    def test_goes_to_the_storage(self, steps: Any, path: Path) -> None:
        session, made = steps

        uploaded = session.data_files.upload(path)

        assert (uploaded.checksum, uploaded.size) == (SHA1, len(CONTENT))
        assert made == ["GET storages/", f"POST {ANNOUNCE}", f"POST {CONFIRM}"]
        (file,) = list_files(session)
        assert (file.path, file.read()) == ("video.bin", CONTENT)
        assert isinstance(uploaded.id, int)

    def test_in_parts(self, session: synapse.Session, path: Path, in_parts: None) -> None:
        with assert_num_requests(session, 3 + 4):
            uploaded = session.data_files.upload(path)

        assert uploaded.checksum == SHA1
        (file,) = list_files(session)
        assert file.read() == CONTENT
        assert list(state_folder().iterdir()) == []

    def test_storage_is_asked_for_once(self, session: synapse.Session, path: Path) -> None:
        session.data_files.upload(path)
        path.write_bytes(b"other")
        with assert_num_requests(session, 3):
            session.data_files.upload(path)

    def test_unit_of_the_file(self, session: synapse.Session, path: Path) -> None:
        uploaded = session.data_files.upload(path)
        unit = make_collection(session).data_units.create(
            files={"image": {"checksum": uploaded.checksum, "path": "a.png"}}
        )
        assert unit.files["image"].read() == CONTENT

    def test_memory(self, emulator: EmulatorTenant, tmp_path: Path) -> None:
        path = tmp_path / "large.bin"
        with path.open("wb") as file:
            file.truncate(60 * 1024 * 1024)
        with emulator.behave(multipart_above=1, part_size=16 * 1024 * 1024):
            session = emulator.session(uploads="presigned")
            tracemalloc.start()
            session.data_files.upload(path, progress=False)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()

        assert peak < 12 * 1024 * 1024

    @pytest.mark.parametrize("chunked", [True, False])
    def test_chunked_sends_to_the_server(self, steps: Any, path: Path, chunked: bool) -> None:
        session, made = steps

        session.data_files.upload(path, chunked=chunked)

        assert f"POST {ANNOUNCE}" not in made

    @pytest.mark.parametrize(
        ("uploads", "is_presigned"), [("auto", True), ("direct", False), ("presigned", True)]
    )
    def test_option(
        self, emulator: EmulatorTenant, path: Path, uploads: Any, is_presigned: bool
    ) -> None:
        made: list[str] = []
        session = emulator.session(uploads=uploads, on_request=lambda event: made.append(event.url))

        session.data_files.upload(path)

        assert any(url.endswith(ANNOUNCE) for url in made) is is_presigned
        assert any(url.endswith("/storages/") for url in made) is (uploads == "auto")

    def test_empty_file(self, session: synapse.Session, path: Path) -> None:
        path.write_bytes(b"")
        with assert_num_requests(session, 0), pytest.raises(UsageError, match="is empty"):
            session.data_files.upload(path)

    def test_progress(self, session: synapse.Session, path: Path, in_parts: None) -> None:
        seen: list[tuple[int, int]] = []

        session.data_files.upload(path, progress=lambda *numbers: seen.append(numbers))

        size = len(CONTENT)
        assert seen == [(n, size) for n in (300_000, 600_000, 900_000, 1_000_000)]

    def test_file_that_changes(self, session: synapse.Session, path: Path, in_parts: None) -> None:
        def change(done: int, size: int) -> None:
            path.write_bytes(CONTENT + b"!")

        with pytest.raises(SynapseError, match="changed while it was sent"):
            session.data_files.upload(path, progress=change)
        assert list_files(session) == []
        assert list(state_folder().iterdir()) == []


class TestExpiry:
    @pytest.mark.parametrize("after", [0, 1, 3])
    def test_urls_are_renewed_and_parts_are_kept(
        self, emulator: EmulatorTenant, steps: Any, path: Path, in_parts: None, after: int
    ) -> None:
        session, made = steps
        expired = emulator.emulator.fault(
            "html", status=403, method="PUT", path="_storage/*", after=after
        )

        with expired, assert_num_requests(session, 3 + 4 + 2):
            uploaded = session.data_files.upload(path)

        assert expired.served == 1
        assert uploaded.checksum == SHA1
        assert made.count(f"POST {ANNOUNCE}") == 2
        (file,) = list_files(session)
        assert file.read() == CONTENT

    def test_each_expiry_renews_once(
        self, emulator: EmulatorTenant, steps: Any, path: Path, in_parts: None
    ) -> None:
        session, made = steps
        refused = emulator.emulator.fault(
            "html", status=403, method="PUT", path="_storage/*", count=2
        )

        with refused, pytest.raises(PermissionDenied):
            session.data_files.upload(path)

        assert made.count(f"POST {ANNOUNCE}") == 2
        assert list_files(session) == []

    def test_urls_that_expire_at_once(self, emulator: EmulatorTenant, path: Path) -> None:
        session = emulator.session()
        with (
            emulator.behave(upload_lifetime=0),
            pytest.raises(PermissionDenied, match="has expired"),
        ):
            session.data_files.upload(path)

    def test_upload_that_expires_before_the_confirmation(
        self, emulator: EmulatorTenant, path: Path, in_parts: None
    ) -> None:
        """The storage has all parts; they aren't sent again."""
        made: list[str] = []

        def expire(event: synapse.Event) -> None:
            made.append(event.url)
            if event.url.endswith(CONFIRM) and made.count(event.url) == 1:
                with emulator.behave(upload_lifetime=0, multipart_above=100_000, part_size=300_000):
                    self.renew(emulator, session, path)

        session = emulator.session(on_request=expire)
        before = session.request_count
        session.data_files.upload(path)

        assert session.request_count - before == 3 + 4 + 2
        (file,) = list_files(session)
        assert file.read() == CONTENT

    def renew(self, emulator: EmulatorTenant, session: synapse.Session, path: Path) -> None:
        """Let the announced upload expire."""
        import json

        (state,) = state_folder().iterdir()
        key = json.loads(state.read_text().splitlines()[0])["target"]["file_key"]
        file = {"filename": path.name, "size": len(CONTENT), "file_key": key}
        file["content_type"] = "application/octet-stream"
        with emulator.session() as other:
            answer = other.transport.request("POST", ANNOUNCE, json={"files": [file]})
        assert answer["files"][0]["file_key"] == key


class TestManyFiles:
    def test_upload(self, steps: Any, tmp_path: Path) -> None:
        session, made = steps
        collection = make_collection(session)
        folder = make_photos(tmp_path / "photos", 25)
        made.clear()
        before = session.request_count

        report = collection.upload(folder, progress=False)

        assert (report.created, report.files_sent, report.failed) == (25, 25, [])
        assert report.bytes == 25 * 50
        # In batches, the number of which depends on the speed of this machine.
        kinds = ["POST data_files/verify_checksums/", f"POST {ANNOUNCE}", f"POST {CONFIRM}"]
        sent = [step for step in made if "data_files" in step]
        assert list(dict.fromkeys(sent)) == kinds
        assert len(sent) < 25
        assert made.count("GET storages/") == 1
        assert session.request_count - before == len(made) + 25
        assert not collection.download(tmp_path / "copy", progress=False).failed
        copies = {path.name: path.read_bytes() for path in (tmp_path / "copy").glob("*/*.png")}
        assert copies == {path.name: path.read_bytes() for path in folder.iterdir()}

    def test_large_files(
        self, session: synapse.Session, tmp_path: Path, in_parts: None, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr("synapse.transfer.bulk.file_sender._ANNOUNCED_SIZE", 100_000)
        folder = make_photos(tmp_path / "photos", 3, 400_000)
        (folder / "small.png").write_bytes(b"small")
        collection = make_collection(session)

        report = collection.upload(folder, progress=False)

        assert (report.created, report.files_sent, report.failed) == (4, 4, [])
        assert report.bytes == 3 * 400_000 + 5
        assert list(state_folder().iterdir()) == []

    def test_files_that_the_server_has(self, steps: Any, tmp_path: Path) -> None:
        session, made = steps
        folder = make_photos(tmp_path / "photos", 5)
        make_collection(session).upload(folder, progress=False)
        made.clear()

        report = make_collection(session).upload(folder, progress=False)

        assert (report.created, report.files_held, report.files_sent) == (5, 5, 0)
        assert f"POST {ANNOUNCE}" not in made

    def test_without_asking_for_stored_files(
        self, session: synapse.Session, tmp_path: Path
    ) -> None:
        folder = make_photos(tmp_path / "photos", 5)
        make_collection(session).upload(folder, progress=False)

        report = make_collection(session).upload(folder, progress=False, skip_existing=False)

        assert (report.created, report.files_held, report.files_sent) == (5, 0, 5)

    def test_failed_file_stops_no_other(
        self, emulator: EmulatorTenant, session: synapse.Session, tmp_path: Path
    ) -> None:
        folder = make_photos(tmp_path / "photos", 5)
        collection = make_collection(session)
        refused = emulator.emulator.fault("html", status=400, method="PUT", path="_storage/*")

        with refused:
            report = collection.upload(folder, progress=False)

        (failure,) = report.failed
        assert (report.created, report.files_sent) == (4, 4)
        assert isinstance(failure.error, ClientError)
        assert Path(failure.path).parent == folder

        report = collection.upload(folder, progress=False)
        assert (report.created, report.skipped, report.failed) == (1, 4, [])

    @pytest.mark.parametrize("kind", ["500", "503", "lost", "cut", "reset"])
    @pytest.mark.parametrize(
        ("method", "path"), [("POST", ANNOUNCE), ("POST", CONFIRM), ("PUT", "_storage/*")]
    )
    def test_request_fails(
        self, emulator: EmulatorTenant, tmp_path: Path, kind: str, method: str, path: str
    ) -> None:
        folder = make_photos(tmp_path / "photos", 5)
        session = emulator.session(retries=0, timeout=(5, 2))
        collection = make_collection(session)

        with emulator.emulator.fault(kind, method=method, path=path) as fault:
            report = collection.upload(folder, progress=False)

        assert fault.served == 1
        if (kind, method) == ("500", "PUT"):  # a refusal of one file
            assert (report.created, len(report.failed)) == (4, 1)
            report = collection.upload(folder, progress=False)
        assert report.failed == []
        units = list(collection.data_units)
        assert sorted(unit.files["image"].path for unit in units) == sorted(
            path.name for path in folder.iterdir()
        )

    def test_refused_confirmation(
        self, emulator: EmulatorTenant, session: synapse.Session, tmp_path: Path
    ) -> None:
        folder = make_photos(tmp_path / "photos", 5)
        collection = make_collection(session)
        with emulator.emulator.fault("html", status=200, method="PUT", path="_storage/*"):
            report = collection.upload(folder, progress=False)  # one that the storage lost

        (failure,) = report.failed
        assert "The file was not sent" in str(failure.error)
        assert (report.created, report.files_sent) == (4, 4)
        assert collection.upload(folder, progress=False).created == 1

    def test_on_error_raise(
        self, emulator: EmulatorTenant, session: synapse.Session, tmp_path: Path
    ) -> None:
        folder = make_photos(tmp_path / "photos", 5)
        collection = make_collection(session)
        with (
            emulator.emulator.fault("html", status=400, method="PUT", path="_storage/*"),
            pytest.raises(ClientError),
        ):
            collection.upload(folder, progress=False, on_error="raise")

    def test_progress(self, session: synapse.Session, tmp_path: Path) -> None:
        folder = make_photos(tmp_path / "photos", 5)
        with Progress() as progress:
            make_collection(session).upload(folder, progress=progress)

        assert (progress.done, progress.confirmed, progress.files_done) == (250, 250, 5)


class TestChecksums:
    """A server may name its files by SHA-1, whatever the way of the upload."""

    @pytest.mark.parametrize("uploads", ["direct", "presigned"])
    def test_everything_works(
        self, emulator: EmulatorTenant, tmp_path: Path, path: Path, uploads: Any
    ) -> None:
        session = emulator.session(uploads=uploads)
        folder = make_photos(tmp_path / "photos", 5)
        collection = make_collection(session)
        with emulator.behave(checksums="sha1"):
            assert session.data_files.upload(path).checksum == SHA1
            assert session.data_files.upload(path, chunked=True).checksum == SHA1
            assert collection.upload(folder, progress=False).created == 5
            copy = tmp_path / "copy"
            assert collection.download(copy, progress=False).downloaded == 5
            assert collection.download(copy, progress=False).skipped == 5
            file = next(iter(collection.data_units)).files["image"]
            assert file.checksum == hashlib.sha1(file.read()).hexdigest()
            assert file.download(tmp_path / "a.png").read_bytes() == file.read()

    @pytest.mark.parametrize("uploads", ["direct", "presigned"])
    @pytest.mark.parametrize("kinds", [("md5", "sha1"), ("sha1", "sha1"), ("sha1", "md5")])
    def test_units_of_another_machine_are_found(
        self, emulator: EmulatorTenant, tmp_path: Path, uploads: Any, kinds: tuple[str, str]
    ) -> None:
        session = emulator.session(uploads=uploads)
        folder = make_photos(tmp_path / "photos", 5)
        collection = make_collection(session)
        with emulator.behave(checksums=kinds[0]):
            assert collection.upload(folder, progress=False).created == 5
        with emulator.behave(checksums=kinds[1]):
            report = collection.upload(folder, progress=False, journal=tmp_path / "journal")

        assert (report.created, report.skipped, report.files_sent) == (0, 5, 0)

    @pytest.mark.parametrize("uploads", ["direct", "presigned"])
    def test_lost_units_are_found(
        self, emulator: EmulatorTenant, tmp_path: Path, uploads: Any
    ) -> None:
        session = emulator.session(uploads=uploads, timeout=(5, 2))
        folder = make_photos(tmp_path / "photos", 5)
        collection = make_collection(session)
        with emulator.behave(checksums="sha1"):
            lost = emulator.fault("lost", method="POST", path="data_units/")
            report = collection.upload(folder, progress=False)

        assert lost.served == 1
        assert (report.created, report.failed) == (5, [])
        assert collection.data_units.count() == 5
