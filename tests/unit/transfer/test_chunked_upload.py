"""Uploads in chunks, with unusual and broken responses."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synapse import errors
from synapse.transfer import checksum
from synapse.transfer.checksum import Checksums
from synapse.transfer.chunked_upload import upload_in_chunks
from synapse.transfer.upload import upload
from synapse.transfer.upload_state import state_folder
from synapse.transport import Transport
from synapse.transport.options import Options
from synapse.transport.retry import RetryPolicy

MIB = 1024 * 1024
CONTENT = bytes(range(256)) * 4096 * 5  # 5 MiB
MD5 = hashlib.md5(CONTENT).hexdigest()
GIVEN = Checksums("f" * 32, "f" * 40)
QUICK = Options(retry=RetryPolicy(attempts=2, base=0.001))
ID = "0b1c"


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "large.bin"
    file.write_bytes(CONTENT)
    return file


@pytest.fixture
def quick(server: Any, connect: Callable[..., Transport]) -> Transport:
    """A transport with very short pauses."""
    return connect(server.url, options=QUICK)


def row(offset: int, status: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "id": ID,
        "url": f"http://x/chunked_upload/{ID}/",
        "offset": offset,
        "status": status,
        **more,
    }


def steps(server: Any) -> list[str]:
    """Return method, upload and byte range of each request."""
    found = []
    for received in server.requests:
        span = received.headers.get("content-range", "").removeprefix("bytes ").partition("/")[0]
        own = ID if received.target.rstrip("/").endswith(ID) else ""
        found.append(" ".join(filter(None, [received.method, own, span])))
    return found


def accept(server: Any, *offsets: int) -> None:
    """Script a server that accepts all chunks."""
    for offset in offsets:
        server.reply(200, row(offset))
    server.reply(200, row(len(CONTENT), 2))


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "error", "hint"),
        [
            (401, errors.AuthenticationError, "credentials"),
            (403, errors.PermissionDenied, "rights"),
            (413, errors.PayloadTooLarge, "smaller"),
            (500, errors.ServerError, ""),
            (507, errors.ServerError, "storage is full"),
        ],
    )
    def test_is_typed_and_not_repeated(
        self, server: Any, quick: Transport, path: Path, status: int, error: Any, hint: str
    ) -> None:
        server.reply(status, {"detail": "No."})
        with pytest.raises(error, match=r"file 'large\.bin'") as caught:
            upload_in_chunks(quick, path)
        assert caught.value.status_code == status
        assert hint in (caught.value.hint or "")
        assert len(server.requests) == 1

    def test_full_storage_is_gone_on_with_later(
        self, server: Any, quick: Transport, path: Path
    ) -> None:
        server.reply(200, row(MIB))
        server.reply(507, {"detail": "Full."})
        with pytest.raises(errors.ServerError):
            upload_in_chunks(quick, path, chunk_size=4 * MIB)
        server.reply(200, row(MIB))
        accept(server, 2 * MIB, 5 * MIB)
        assert upload_in_chunks(quick, path, chunk_size=4 * MIB)["status"] == 2
        assert steps(server)[2:] == [
            f"GET {ID}",
            f"PUT {ID} {MIB}-{2 * MIB - 1}",
            f"PUT {ID} {2 * MIB}-{5 * MIB - 1}",
            f"POST {ID}",
        ]
        assert json.loads(server.last.body) == {"md5": MD5}

    def test_too_large_chunks_become_smaller(
        self, server: Any, quick: Transport, path: Path
    ) -> None:
        server.reply(200, row(MIB))
        server.reply(413, {"detail": "Too large."})
        accept(server, 3 * MIB, 5 * MIB)
        upload_in_chunks(quick, path)
        assert steps(server) == [
            f"PUT 0-{MIB - 1}",
            f"PUT {ID} {MIB}-{5 * MIB - 1}",
            f"PUT {ID} {MIB}-{3 * MIB - 1}",
            f"PUT {ID} {3 * MIB}-{5 * MIB - 1}",
            f"POST {ID}",
        ]

    def test_throttled(self, server: Any, quick: Transport, path: Path) -> None:
        """The upload survives more failures than the transport retries."""
        server.reply(200, row(MIB))
        for _ in range(3):
            server.reply(429, {"detail": "Later."}, headers={"Retry-After": "0"})
        server.reply(200, row(MIB))
        accept(server, 5 * MIB)
        assert upload_in_chunks(quick, path)["status"] == 2

    def test_throttled_session_that_repeats_nothing(
        self, server: Any, transport: Transport, path: Path
    ) -> None:
        server.reply(429, {"detail": "Later."}, headers={"Retry-After": "7"})
        with pytest.raises(errors.RateLimited):
            upload_in_chunks(transport, path)
        assert len(server.requests) == 1

    def test_throttled_for_longer_than_is_waited(
        self, server: Any, quick: Transport, path: Path
    ) -> None:
        server.reply(429, {"detail": "Later."}, headers={"Retry-After": "3600"})
        with pytest.raises(errors.RateLimited) as caught:
            upload_in_chunks(quick, path)
        assert caught.value.retry_after == 3600


class TestUseless:
    """An unusable upload is started again, once."""

    def expire(self, server: Any) -> None:
        server.reply(200, row(MIB))
        server.reply(410, {"detail": "Upload has expired"})

    def test_expired(self, server: Any, quick: Transport, path: Path) -> None:
        self.expire(server)
        accept(server, MIB, 5 * MIB)
        upload_in_chunks(quick, path)
        last = f"PUT {ID} {MIB}-{5 * MIB - 1}"
        assert steps(server) == [f"PUT 0-{MIB - 1}", last, f"PUT 0-{MIB - 1}", last, f"POST {ID}"]
        assert list(state_folder().iterdir()) == []

    def test_expired_again(self, server: Any, quick: Transport, path: Path) -> None:
        self.expire(server)
        self.expire(server)
        with pytest.raises(errors.ClientError, match="Upload has expired") as caught:
            upload_in_chunks(quick, path)
        assert caught.value.status_code == 410
        assert len(server.requests) == 4
        assert list(state_folder().iterdir()) == []

    def test_expired_since_the_process_died(
        self, server: Any, quick: Transport, path: Path
    ) -> None:
        """A resumed upload that has expired costs one short chunk, and isn't the one restart."""
        server.reply(200, row(MIB))
        server.reply(500, {"detail": "Broken."})
        with pytest.raises(errors.ServerError):
            upload_in_chunks(quick, path)
        server.reply(200, row(MIB))
        server.reply(410, {"detail": "Upload has expired"})
        self.expire(server)
        accept(server, MIB, 5 * MIB)
        upload_in_chunks(quick, path)
        assert steps(server)[2:5] == [
            f"GET {ID}",
            f"PUT {ID} {MIB}-{2 * MIB - 1}",
            f"PUT 0-{MIB - 1}",
        ]

    def test_expired_at_the_end(self, server: Any, quick: Transport, path: Path) -> None:
        server.reply(200, row(MIB))
        server.reply(200, row(5 * MIB))
        server.reply(410, {"detail": "Upload has expired"})
        accept(server, MIB, 5 * MIB)
        assert upload_in_chunks(quick, path)["status"] == 2

    def test_unknown_by_now(self, server: Any, quick: Transport, path: Path) -> None:
        server.reply(200, row(MIB))
        server.reply(500, {"detail": "Broken."})
        with pytest.raises(errors.ServerError):
            upload_in_chunks(quick, path)
        server.reply("404 Not Found", b"<html></html>", headers={"Content-Type": "text/html"})
        accept(server, MIB, 5 * MIB)
        assert upload_in_chunks(quick, path)["status"] == 2

    def test_wrong_checksum(self, server: Any, quick: Transport, path: Path) -> None:
        server.reply(200, row(MIB))
        server.reply(200, row(5 * MIB))
        server.reply(400, {"detail": "checksum does not match"})
        server.reply(200, row(5 * MIB))
        accept(server, MIB, 5 * MIB)
        assert upload_in_chunks(quick, path)["status"] == 2
        sent = [one.body for one in server.requests if one.method == "POST"]
        assert [json.loads(body) for body in sent] == [{"md5": MD5}] * 2

    def test_wrong_checksum_again(self, server: Any, quick: Transport, path: Path) -> None:
        for _ in range(2):
            server.reply(200, row(MIB))
            server.reply(200, row(5 * MIB))
            server.reply(400, {"detail": "checksum does not match"})
            server.reply(200, row(5 * MIB))
        with pytest.raises(errors.BadRequest, match="checksum does not match"):
            upload_in_chunks(quick, path)
        assert len(server.requests) == 8

    def test_checksum_that_was_given_and_is_no_longer_true(
        self, server: Any, quick: Transport, path: Path
    ) -> None:
        server.reply(200, row(MIB))
        server.reply(200, row(5 * MIB))
        server.reply(400, {"detail": "checksum does not match"})
        server.reply(200, row(5 * MIB))
        with pytest.raises(errors.SynapseError, match="changed after its checksum was taken"):
            upload(quick, "data_files/", path, chunked=True, checksums=GIVEN)


class TestOffsets:
    def test_goes_back_where_the_server_lost_some(
        self, server: Any, quick: Transport, path: Path
    ) -> None:
        server.reply(200, row(MIB))
        server.reply(400, {"detail": "Offsets do not match", "expected_offset": 1000})
        server.reply(200, row(1000))
        accept(server, 5 * MIB)
        upload_in_chunks(quick, path)
        assert steps(server)[-2:] == [f"PUT {ID} 1000-{5 * MIB - 1}", f"POST {ID}"]
        assert json.loads(server.last.body) == {"md5": MD5}

    def test_server_that_goes_back_and_forth(
        self, server: Any, quick: Transport, path: Path
    ) -> None:
        for _ in range(5):
            server.reply(200, row(MIB))
            server.reply(200, row(1000))
        with pytest.raises(errors.ServerError, match="wants byte 1000 next"):
            upload_in_chunks(quick, path)

    def test_server_that_stays_where_it_is(self, server: Any, quick: Transport, path: Path) -> None:
        server.reply(200, row(MIB))
        server.reply(200, row(MIB))
        with pytest.raises(errors.Conflict, match=f"wants byte {MIB} next"):
            upload_in_chunks(quick, path)

    @pytest.mark.parametrize("answer", [{}, [], {"offset": "7"}, {"offset": None}])
    def test_answer_that_is_no_upload(
        self, server: Any, quick: Transport, path: Path, answer: Any
    ) -> None:
        for _ in range(5):
            server.reply(200, answer)
        with pytest.raises(errors.InvalidResponse, match="is not a chunked upload"):
            upload_in_chunks(quick, path)

    @pytest.mark.parametrize("more", [{}, {"id": None}, {"url": "http://["}, {"id": "../x"}])
    def test_upload_without_an_id(
        self, server: Any, quick: Transport, path: Path, more: dict[str, Any]
    ) -> None:
        for _ in range(5):
            server.reply(200, {"offset": MIB, "status": 1, **more})
        with pytest.raises(errors.InvalidResponse, match="id is missing"):
            upload_in_chunks(quick, path)

    def test_upload_whose_id_is_in_its_url_alone(
        self, server: Any, quick: Transport, path: Path
    ) -> None:
        for offset, status in ((MIB, 1), (5 * MIB, 1), (5 * MIB, 2)):
            server.reply(
                200, {"offset": offset, "status": status, "url": f"http://x/chunked_upload/{ID}/"}
            )
        server.reply(201, {"id": 7, "checksum": MD5})
        assert upload(quick, "data_files/", path, chunked=True)["id"] == 7
        assert json.loads(server.last.body)["chunked_upload"] == ID

    def test_only_the_id_of_the_url_counts(self, server: Any, quick: Transport, path: Path) -> None:
        here = {"url": "http://elsewhere.example/api/chunked_upload/7f/?x=1", "offset": MIB}
        server.reply(200, here)
        server.reply(200, {**here, "offset": 5 * MIB})
        server.reply(200, row(5 * MIB, 2))
        upload_in_chunks(quick, path)
        assert {one.target for one in server.requests[1:]} == {"/chunked_upload/7f/"}


class TestChecksum:
    def test_is_worked_out_once(
        self, server: Any, quick: Transport, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each byte is hashed once, in one thread, even if sent again."""
        hashed: list[tuple[str, int]] = []
        algorithms: list[str | None] = []

        class Counting:
            def __init__(self, algorithm: str | None) -> None:
                algorithms.append(algorithm)
                self._digest = digest(algorithm)

            def update(self, block: bytes) -> None:
                hashed.append((threading.current_thread().name, len(block)))
                self._digest.update(block)

            @property
            def checksums(self) -> Checksums:
                return self._digest.checksums

        digest = checksum._Digest
        monkeypatch.setattr(checksum, "_Digest", Counting)
        server.reply(200, row(MIB))
        server.answer(then="close")
        server.reply(200, row(MIB))
        server.answer(then="close")
        server.reply(200, row(MIB))
        accept(server, 5 * MIB)
        upload_in_chunks(quick, path)
        assert json.loads(server.last.body) == {"md5": MD5}
        assert sum(count for _, count in hashed) == len(CONTENT)
        assert {name for name, _ in hashed} == {"synapse-md5"}
        assert algorithms == ["md5"]  # a second digest would take longer than the sending

    def test_thread_ends_with_the_upload(self, server: Any, quick: Transport, path: Path) -> None:
        server.reply(200, row(MIB))
        server.reply(500, {"detail": "Broken."})
        with pytest.raises(errors.ServerError):
            upload_in_chunks(quick, path)
        assert "synapse-md5" not in {thread.name for thread in threading.enumerate()}

    def test_that_is_known_is_not_worked_out(
        self, server: Any, quick: Transport, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("synapse.transfer.checksum.Hasher.add", None)
        accept(server, MIB, 5 * MIB)
        server.reply(201, {"id": 1, "checksum": "f" * 32})
        made = upload(quick, "data_files/", path, chunked=True, checksums=GIVEN)
        assert made["id"] == 1
        assert json.loads(server.requests[2].body) == {"md5": "f" * 32}


def test_sparse_file_of_5_gib(server: Any, quick: Transport, tmp_path: Path) -> None:
    """Offsets above 32 bits. The server has most bytes already, to keep the test fast."""
    size = 5 * 1024 * MIB + 7
    path = tmp_path / "sparse.bin"
    with path.open("wb") as file:
        file.truncate(size)
        file.seek(size - 3)
        file.write(b"end")
    server.reply(200, row(size - 2 * MIB))
    server.reply(200, row(size))
    server.reply(200, row(size, 2))
    server.reply(201, {"id": 1, "checksum": "f" * 32})
    seen: list[tuple[int, int]] = []
    upload(
        quick,
        "data_files/",
        path,
        checksums=GIVEN,
        progress=lambda *numbers: seen.append(numbers),
    )
    assert steps(server)[1] == f"PUT {ID} {size - 2 * MIB}-{size - 1}"
    assert server.requests[1].headers["content-range"].endswith(f"/{size}")
    assert b"\x00end\r\n--" in server.requests[1].body
    assert seen == [(size - 2 * MIB, size), (size, size)]
