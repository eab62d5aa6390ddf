"""Chunked uploads against the emulator, through a proxy that loses responses."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synapse.clients.backend import BackendClient
from synapse.errors import (
    AuthenticationError,
    BadRequest,
    Conflict,
    ConnectionFailed,
    RequestTimeout,
    SynapseError,
    UsageError,
)

CONTENT = bytes(range(250)) * 10
MD5 = hashlib.md5(CONTENT).hexdigest()
FIRST, SECOND, THIRD = (f"PUT bytes {span}/2500" for span in ("0-999", "1000-1999", "2000-2499"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of three chunks."""
    file = tmp_path / "video.bin"
    file.write_bytes(CONTENT)
    return file


@pytest.fixture
def proxied(proxy: Any, client_of: Callable[..., BackendClient]) -> BackendClient:
    """A client that reaches the emulator through the proxy."""
    return client_of(proxy.url)


def checksum_of(client: BackendClient, upload: dict[str, Any]) -> str:
    """Ask the server for the MD5 of what an upload brought."""
    return str(client._post("data_files/", {"chunked_upload": upload["id"]})["checksum"])


def open_upload(client: BackendClient) -> str:
    """Return the path of the one upload that the server has."""
    (row,) = client._get("chunked_upload/")["results"]
    return f"chunked_upload/{row['id']}/"


def put(client: BackendClient, path: str, start: int, content: bytes, total: int = 2500) -> Any:
    """Send a chunk by hand, as another sender does."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        + content
        + b"\r\n--x--\r\n"
    )
    headers = {
        "Content-Type": "multipart/form-data; boundary=x",
        "Content-Range": f"bytes {start}-{start + len(content) - 1}/{total}",
    }
    return client._put(path, body=body, headers=headers)


class TestUpload:
    def test_chunks_and_progress(self, proxied: BackendClient, proxy: Any, path: Path) -> None:
        seen: list[tuple[int, int]] = []

        upload = proxied.create_chunked_upload(
            path, chunk_size=1000, on_progress=lambda done, total: seen.append((done, total))
        )

        assert proxy.steps == [FIRST, SECOND, THIRD, "POST"]
        assert seen == [(1000, 2500), (2000, 2500), (2500, 2500)]
        assert (upload["status"], upload["offset"], upload["filename"]) == (2, 2500, "video.bin")
        assert checksum_of(proxied, upload) == MD5
        assert proxy.connections == 1

    def test_one_chunk_by_default(self, proxied: BackendClient, proxy: Any, path: Path) -> None:
        upload = proxied.create_chunked_upload(str(path))

        assert proxy.steps == ["PUT bytes 0-2499/2500", "POST"]
        assert checksum_of(proxied, upload) == MD5

    @pytest.mark.parametrize(
        ("size", "spans"), [(1, ["0-0"]), (2, ["0-1"]), (3, ["0-1", "2-2"]), (4, ["0-1", "2-3"])]
    )
    def test_last_chunk(
        self, proxied: BackendClient, proxy: Any, path: Path, size: int, spans: list[str]
    ) -> None:
        path.write_bytes(CONTENT[:size])

        upload = proxied.create_chunked_upload(path, chunk_size=2)

        assert proxy.steps == [*(f"PUT bytes {span}/{size}" for span in spans), "POST"]
        assert checksum_of(proxied, upload) == hashlib.md5(CONTENT[:size]).hexdigest()

    @pytest.mark.parametrize("name", ["a b.bin", "ünïcode ☃.bin", 'quo"te.bin', "new\nline.bin"])
    def test_name(self, client: BackendClient, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        path.write_bytes(CONTENT)

        upload = client.create_chunked_upload(path)

        assert upload["filename"] == name
        assert checksum_of(client, upload) == MD5


class TestRefusedBeforeAnyRequest:
    def test_empty_file(self, client: BackendClient, tmp_path: Path) -> None:
        path = tmp_path / "empty.bin"
        path.touch()

        with pytest.raises(UsageError, match=r"empty\.bin is empty"):
            client.create_chunked_upload(path)

        assert client.session.request_count == 0

    def test_missing_file(self, client: BackendClient, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="nowhere can't be read: No such file"):
            client.create_chunked_upload(tmp_path / "nowhere")

    def test_folder(self, client: BackendClient, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="is not a file"):
            client.create_chunked_upload(tmp_path)

    @pytest.mark.skipif(os.name == "nt", reason="such a name can't be made")
    def test_name_that_is_no_text(self, client: BackendClient, tmp_path: Path) -> None:
        path = tmp_path / os.fsdecode(b"\xff.bin")
        path.write_bytes(CONTENT)

        with pytest.raises(UsageError, match="not valid text"):
            client.create_chunked_upload(path)

        assert client.session.request_count == 0


# What is sent when the n-th answer is lost, by whether the request itself got through.
ARRIVED = {
    1: [FIRST, FIRST, SECOND, THIRD, "POST"],
    2: [FIRST, SECOND, "GET", THIRD, "POST"],
    3: [FIRST, SECOND, THIRD, "GET", "POST"],
    4: [FIRST, SECOND, THIRD, "POST", "GET"],
}
NOT_ARRIVED = {
    1: [FIRST, FIRST, SECOND, THIRD, "POST"],
    2: [FIRST, SECOND, "GET", SECOND, THIRD, "POST"],
    3: [FIRST, SECOND, THIRD, "GET", THIRD, "POST"],
    4: [FIRST, SECOND, THIRD, "POST", "GET", "POST"],
}


class TestLostAnswer:
    @pytest.mark.parametrize("number", [1, 2, 3, 4])
    @pytest.mark.parametrize(
        ("kind", "expected"), [("lost", ARRIVED), ("cut", ARRIVED), ("unsent", NOT_ARRIVED)]
    )
    def test_upload_goes_on(
        self,
        proxied: BackendClient,
        proxy: Any,
        path: Path,
        number: int,
        kind: str,
        expected: dict[int, list[str]],
    ) -> None:
        seen: list[int] = []
        proxy.fault(number, kind)

        upload = proxied.create_chunked_upload(
            path, chunk_size=1000, on_progress=lambda done, total: seen.append(done)
        )

        assert proxy.steps == expected[number]
        assert seen == [1000, 2000, 2500]
        assert upload["status"] == 2
        assert checksum_of(proxied, upload) == MD5

    @pytest.mark.parametrize(
        ("number", "expected"),
        [(2, [FIRST, SECOND, "GET", THIRD, "POST"]), (4, [FIRST, SECOND, THIRD, "POST", "GET"])],
    )
    def test_time_runs_out(
        self,
        proxy: Any,
        client_of: Callable[..., BackendClient],
        path: Path,
        number: int,
        expected: list[str],
    ) -> None:
        client = client_of(proxy.url, timeout={"read": 2})
        proxy.fault(number, "stalled")

        upload = client.create_chunked_upload(path, chunk_size=1000)

        assert proxy.steps == expected
        assert upload["status"] == 2

    def test_question_is_lost_too(self, proxied: BackendClient, proxy: Any, path: Path) -> None:
        proxy.fault(2)
        proxy.fault(3)

        upload = proxied.create_chunked_upload(path, chunk_size=1000)

        assert proxy.steps == [FIRST, SECOND, "GET", "GET", THIRD, "POST"]
        assert checksum_of(proxied, upload) == MD5

    @pytest.mark.parametrize("kind", ["lost", "cut", "unsent"])
    def test_every_third_answer_is_lost(
        self, proxied: BackendClient, proxy: Any, path: Path, kind: str
    ) -> None:
        proxy.fault_when(lambda passing: kind if len(proxy.passed) % 3 == 1 else None)

        upload = proxied.create_chunked_upload(path, chunk_size=500)

        proxy.fault_when(lambda passing: None)
        assert checksum_of(proxied, upload) == MD5

    @pytest.mark.parametrize("kind", ["lost", "unsent"])
    def test_first_chunk_never_gets_through(
        self, proxied: BackendClient, proxy: Any, path: Path, kind: str
    ) -> None:
        proxy.fault_when(lambda passing: kind)

        with pytest.raises(ConnectionFailed, match=r"file 'video\.bin'"):
            proxied.create_chunked_upload(path, chunk_size=1000)

        assert proxy.steps == [FIRST] * 5

    def test_later_chunk_never_gets_through(
        self, proxied: BackendClient, proxy: Any, path: Path
    ) -> None:
        """Though the server answers each time how far it is: that is no headway."""
        seen: list[int] = []
        proxy.fault_when(lambda passing: "unsent" if passing.step == SECOND else None)

        with pytest.raises(ConnectionFailed, match=r"file 'video\.bin'"):
            proxied.create_chunked_upload(
                path, chunk_size=1000, on_progress=lambda done, total: seen.append(done)
            )

        assert proxy.steps == [FIRST, *[SECOND, "GET"] * 4, SECOND]
        assert seen == [1000]

    def test_finishing_never_gets_through(
        self, proxied: BackendClient, proxy: Any, path: Path
    ) -> None:
        proxy.fault_when(lambda passing: "unsent" if passing.method == "POST" else None)

        with pytest.raises(ConnectionFailed):
            proxied.create_chunked_upload(path, chunk_size=1000)

        assert proxy.steps == [FIRST, SECOND, THIRD, *["POST", "GET"] * 4, "POST"]

    def test_refusal_is_not_repeated(self, proxy: Any, path: Path) -> None:
        stranger = BackendClient(proxy.url, "another-token")

        with stranger, pytest.raises(AuthenticationError):
            stranger.create_chunked_upload(path, chunk_size=1000)

        assert proxy.steps == [FIRST]

    def test_timeout_is_reported(
        self, proxy: Any, client_of: Callable[..., BackendClient], path: Path
    ) -> None:
        client = client_of(proxy.url, timeout={"read": 0.05})
        proxy.fault_when(lambda passing: "stalled")

        with pytest.raises(RequestTimeout) as caught:
            client.create_chunked_upload(path, chunk_size=1000)

        assert caught.value.status_code == 408


class TestAnotherSender:
    """What somebody else does to the same upload between two chunks."""

    def test_chunk_is_there_already(
        self, proxied: BackendClient, client: BackendClient, proxy: Any, path: Path
    ) -> None:
        def interfere(done: int, total: int) -> None:
            if done == 1000:
                put(client, open_upload(client), 1000, CONTENT[1000:2000])

        upload = proxied.create_chunked_upload(path, chunk_size=1000, on_progress=interfere)

        assert proxy.steps == [FIRST, SECOND, "GET", THIRD, "POST"]
        assert checksum_of(proxied, upload) == MD5

    def test_part_of_a_chunk_is_there_already(
        self, proxied: BackendClient, client: BackendClient, proxy: Any, path: Path
    ) -> None:
        def interfere(done: int, total: int) -> None:
            if done == 1000:
                put(client, open_upload(client), 1000, CONTENT[1000:1600])

        upload = proxied.create_chunked_upload(path, chunk_size=1000, on_progress=interfere)

        assert proxy.steps == [FIRST, SECOND, "GET", "PUT bytes 1600-2499/2500", "POST"]
        assert checksum_of(proxied, upload) == MD5

    def test_it_is_finished_already(
        self, proxied: BackendClient, client: BackendClient, proxy: Any, path: Path
    ) -> None:
        def interfere(done: int, total: int) -> None:
            if done == total:
                client._post(open_upload(client), {"md5": MD5})

        upload = proxied.create_chunked_upload(path, chunk_size=1000, on_progress=interfere)

        assert proxy.steps == [FIRST, SECOND, THIRD, "POST", "GET"]
        assert upload["status"] == 2

    def test_other_bytes_are_there(
        self, proxied: BackendClient, client: BackendClient, proxy: Any, path: Path
    ) -> None:
        """They can't be taken back: the file goes into another upload."""

        def interfere(done: int, total: int) -> None:
            if done == 1000:
                put(client, open_upload(client), 1000, b"?" * 1000)

        upload = proxied.create_chunked_upload(path, chunk_size=1000, on_progress=interfere)

        begun = [FIRST, SECOND, "GET", THIRD, "POST", "GET"]
        assert proxy.steps == [*begun, FIRST, SECOND, THIRD, "POST"]
        assert checksum_of(proxied, upload) == MD5

    def test_other_bytes_are_there_each_time(
        self, proxied: BackendClient, client: BackendClient, proxy: Any, path: Path
    ) -> None:
        def interfere(passing: Any) -> None:
            if passing.step == SECOND:
                put(client, passing.path[1:], 1000, b"?" * 1000)

        proxy.fault_when(interfere)

        with pytest.raises(BadRequest, match=r"file 'video\.bin': checksum does not match"):
            proxied.create_chunked_upload(path, chunk_size=1000)

        assert proxy.steps == [FIRST, SECOND, "GET", THIRD, "POST", "GET"] * 2

    def test_more_than_the_file_is_there(
        self, proxied: BackendClient, client: BackendClient, proxy: Any, path: Path
    ) -> None:
        def interfere(passing: Any) -> None:
            if passing.step == THIRD:
                put(client, passing.path[1:], 2000, b"?" * 1000, total=3000)

        proxy.fault_when(interfere)

        with pytest.raises(Conflict, match="wants byte 3000 next, but 2000 of 2500 were sent"):
            proxied.create_chunked_upload(path, chunk_size=1000)

        assert proxy.steps == [FIRST, SECOND, THIRD, "GET"] * 2


class TestFileChanges:
    @pytest.mark.parametrize(
        "content",
        [CONTENT + b"more", CONTENT[:2200], CONTENT[:500], b"", CONTENT[:-1] + b"x"],
        ids=["grows", "loses its end", "loses what was sent", "is emptied", "is written to"],
    )
    @pytest.mark.parametrize("when", [1000, 2500])
    def test_is_reported(
        self, client: BackendClient, path: Path, content: bytes, when: int
    ) -> None:
        os.utime(path, (0, 0))  # a file system's clock may be too coarse to tell two writes apart

        def change(done: int, total: int) -> None:
            if done == when:
                path.write_bytes(content)

        with pytest.raises(SynapseError, match=r"(changed|became shorter) while it was"):
            client.create_chunked_upload(path, chunk_size=1000, on_progress=change)

        assert client._get(open_upload(client))["status"] == 1

    def test_another_file_takes_its_place(self, client: BackendClient, path: Path) -> None:
        """What was opened is still there, and is what is sent."""

        def change(done: int, total: int) -> None:
            if done == 1000:
                other = path.with_name("other")
                other.write_bytes(b"?" * 2500)
                other.replace(path)

        upload = client.create_chunked_upload(path, chunk_size=1000, on_progress=change)

        assert checksum_of(client, upload) == MD5

    def test_progress_that_fails_ends_it(self, client: BackendClient, path: Path) -> None:
        def fail(done: int, total: int) -> None:
            raise RuntimeError("enough")

        with pytest.raises(RuntimeError, match="enough"):
            client.create_chunked_upload(path, chunk_size=1000, on_progress=fail)

        assert client._get(open_upload(client))["offset"] == 1000


class TestDataFile:
    def test_lost_answer_of_the_last_step(
        self, proxied: BackendClient, proxy: Any, path: Path
    ) -> None:
        """The file may be there: making it again is for the caller to decide."""
        proxy.fault(3)

        with pytest.raises(ConnectionFailed):
            proxied.create_data_file(path, use_chunked_upload=True)

        assert [passing.path for passing in proxy.passed].count("/data_files/") == 1

    def test_lost_answers_before(self, proxied: BackendClient, proxy: Any, path: Path) -> None:
        proxy.fault(1)
        proxy.fault(3)

        row = proxied.create_data_file(path, use_chunked_upload=True)

        assert (row["checksum"], row["size"]) == (MD5, 2500)
        assert row["meta"] == {"filename": "video.bin"}
