"""Upload of one file as a form, over a real connection."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from synapse import errors
from synapse.transfer import multipart
from synapse.transfer.checksum import Checksums
from synapse.transfer.form_upload import find_stored_checksums, validate_stored
from synapse.transfer.local_file import LocalFile
from synapse.transfer.upload import upload, upload_file
from synapse.transport import Transport

CONTENT = b"a picture"
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(CONTENT)
    return path


class TestSource:
    def check(self, server: Any, name: str, content: bytes = CONTENT) -> None:
        sent = server.last
        assert (sent.method, sent.target) == ("POST", "/data_files/")
        assert int(sent.headers["content-length"]) == len(sent.body)
        assert sent.headers["content-type"].startswith("multipart/form-data; boundary=")
        assert f'filename="{name}"'.encode() in sent.body
        assert b"\r\n\r\n" + content + b"\r\n--" in sent.body

    @pytest.mark.parametrize("kind", [str, Path])
    def test_path(self, server: Any, transport: Transport, photo: Path, kind: type) -> None:
        server.reply(201, {"id": 1, "checksum": MD5})
        assert upload_file(transport, "data_files/", kind(photo)) == {"id": 1, "checksum": MD5}
        self.check(server, "photo.png")

    def test_name(self, server: Any, transport: Transport, photo: Path) -> None:
        server.reply(201, {"checksum": MD5})
        upload_file(transport, "data_files/", photo, name="other.png")
        self.check(server, "other.png")

    def test_empty_file(self, server: Any, transport: Transport, tmp_path: Path) -> None:
        path = tmp_path / "empty.txt"
        path.touch()
        server.reply(201, {"checksum": hashlib.md5(b"").hexdigest()})
        upload_file(transport, "data_files/", path)
        self.check(server, "empty.txt", b"")

    def test_file_object(self, server: Any, transport: Transport, photo: Path) -> None:
        server.reply(201, {"checksum": MD5})
        with photo.open("rb") as file:
            upload_file(transport, "data_files/", file)
            assert not file.closed
        self.check(server, "photo.png")

    def test_file_object_from_its_position(
        self, server: Any, transport: Transport, photo: Path
    ) -> None:
        server.reply(201, {"checksum": hashlib.md5(CONTENT[2:]).hexdigest()})
        with photo.open("rb") as file:
            file.seek(2)
            upload_file(transport, "data_files/", file)
        self.check(server, "photo.png", CONTENT[2:])

    def test_bytes_in_memory(self, server: Any, transport: Transport) -> None:
        server.reply(201, {"checksum": MD5})
        upload_file(transport, "data_files/", io.BytesIO(CONTENT), name="a.png")
        self.check(server, "a.png")

    @pytest.mark.parametrize("kind", ["path", "file"])
    def test_fields(self, server: Any, transport: Transport, photo: Path, kind: str) -> None:
        server.reply(201, {"checksum": MD5})
        with contextlib.ExitStack() as opened:
            source = photo if kind == "path" else opened.enter_context(photo.open("rb"))
            upload_file(transport, "data_files/", source, fields={"plugin": "7"})
        assert b'name="plugin"\r\n\r\n7\r\n' in server.last.body


class TestUnusable:
    """Unusable sources are refused before a connection is made."""

    def refuse(self, server: Any, transport: Transport, source: Any, **options: Any) -> str:
        with pytest.raises(errors.UsageError) as caught:
            upload_file(transport, "data_files/", source, **options)
        assert server.connections == 0
        return str(caught.value)

    def test_missing(self, server: Any, transport: Transport, tmp_path: Path) -> None:
        path = tmp_path / "missing.png"
        message = self.refuse(server, transport, path)
        assert message == f"{path} can't be read: No such file or directory."

    def test_directory(self, server: Any, transport: Transport, tmp_path: Path) -> None:
        assert self.refuse(server, transport, tmp_path) == f"{tmp_path} is not a file."

    def test_pipe_by_path(self, server: Any, transport: Transport, tmp_path: Path) -> None:
        path = tmp_path / "pipe"
        os.mkfifo(path)
        assert self.refuse(server, transport, path) == f"{path} is not a file."

    def test_path_with_a_nul(self, server: Any, transport: Transport) -> None:
        assert "'a\\x00b' is not a valid path" in self.refuse(server, transport, "a\x00b")

    @pytest.mark.parametrize("name", [None, ""])
    def test_nameless(self, server: Any, transport: Transport, name: str | None) -> None:
        message = self.refuse(server, transport, io.BytesIO(b"x"), name=name)
        assert "Pass one: upload(file, name=...)" in message

    def test_nameless_by_number(self, server: Any, transport: Transport) -> None:
        with tempfile.TemporaryFile() as file:
            assert "Pass one" in self.refuse(server, transport, file)

    def test_name_that_is_no_text(self, server: Any, transport: Transport, tmp_path: Path) -> None:
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
        path.write_bytes(CONTENT)
        message = self.refuse(server, transport, path)
        assert message.startswith("The file name 'caf\\udce9.png' is not valid text")

    def test_text_file(self, server: Any, transport: Transport, photo: Path) -> None:
        with photo.open(encoding="utf-8") as file:
            assert "Open it with 'rb'" in self.refuse(server, transport, file)

    def test_closed_file(self, server: Any, transport: Transport, photo: Path) -> None:
        with photo.open("rb") as file:
            pass
        assert "closed file" in self.refuse(server, transport, file)

    def test_pipe(self, server: Any, transport: Transport) -> None:
        reading, writing = os.pipe()
        with open(reading, "rb") as file, open(writing, "wb"):  # noqa: PTH123
            assert "can't be read from its start" in self.refuse(
                server, transport, file, name="stdin"
            )

    def test_no_file_at_all(self, server: Any, transport: Transport) -> None:
        assert "A bytes can't be uploaded" in self.refuse(server, transport, b"bytes", name="a")


class TestAnswer:
    @pytest.mark.parametrize(
        "answer", [{"checksum": "0" * 32}, {"checksum": None}, {}, [], "ok", None]
    )
    def test_that_is_not_about_what_was_sent(
        self, server: Any, transport: Transport, photo: Path, answer: Any
    ) -> None:
        server.reply(201, answer)
        with pytest.raises(errors.InvalidResponse) as caught:
            upload_file(transport, "data_files/", photo)
        error = caught.value
        assert f"whose checksum is {MD5}" in error.detail
        assert (error.response, error.resource) == (answer, "file 'photo.png'")
        assert (error.status_code, error.hint) == (200, "Upload the file again.")

    @pytest.mark.parametrize("is_right", [True, False])
    def test_that_has_a_sha1(
        self, server: Any, transport: Transport, photo: Path, is_right: bool
    ) -> None:
        sha1 = hashlib.sha1(CONTENT).hexdigest()
        server.reply(201, {"id": 1, "checksum": sha1 if is_right else "f" * 40})
        if is_right:
            assert upload_file(transport, "data_files/", photo)["id"] == 1
            return
        with pytest.raises(errors.InvalidResponse, match=f"whose checksum is {sha1}"):
            upload_file(transport, "data_files/", photo)

    def test_that_has_a_sha1_of_a_file_that_changed(
        self, transport: Transport, photo: Path
    ) -> None:
        with LocalFile(photo) as file:
            photo.write_bytes(b"other bytes")
            row = {"checksum": hashlib.sha1(b"other byt").hexdigest()}
            with pytest.raises(errors.SynapseError, match="changed while it was sent"):
                validate_stored(row, Checksums(MD5, ""), file)

    def test_without_a_checksum_where_none_is_due(
        self, server: Any, transport: Transport, photo: Path
    ) -> None:
        server.reply(201, {"id": 1})
        assert upload_file(transport, "releases/", photo, has_checksum=False) == {"id": 1}

    def test_that_is_no_object_where_no_checksum_is_due(
        self, server: Any, transport: Transport, photo: Path
    ) -> None:
        server.reply(201, [])
        with pytest.raises(errors.InvalidResponse):
            upload_file(transport, "releases/", photo, has_checksum=False)

    def test_refusal_names_the_file(self, server: Any, transport: Transport, photo: Path) -> None:
        server.reply(400, {"file": ["Too blurred."]})
        with pytest.raises(errors.ValidationError, match=r"^file 'photo\.png': file: Too blurred"):
            upload_file(transport, "data_files/", photo)

    def test_refusal_before_all_was_sent(
        self, server: Any, transport: Transport, tmp_path: Path
    ) -> None:
        path = tmp_path / "large.bin"
        path.write_bytes(b"x" * 3_000_000)
        server.reply(413, {"detail": "Too large."}, early=True)
        with pytest.raises(errors.PayloadTooLarge):
            upload_file(transport, "data_files/", path)

    @pytest.mark.parametrize("chunked", [None, False])
    def test_too_large_for_one_request(
        self, server: Any, transport: Transport, photo: Path, chunked: bool | None
    ) -> None:
        """A form that is too large is sent in chunks, unless chunked=False."""
        server.reply(413, {"detail": "Too large."})
        if chunked is False:
            with pytest.raises(errors.PayloadTooLarge):
                upload(transport, "data_files/", photo, chunked=False)
            return
        server.reply(200, {"id": "7", "offset": len(CONTENT), "status": 1})
        server.reply(200, {"id": "7", "offset": len(CONTENT), "status": 2})
        server.reply(201, {"id": 1, "checksum": MD5})
        assert upload(transport, "data_files/", photo)["id"] == 1
        assert server.requests[1].target == "/chunked_upload/"

    @pytest.mark.parametrize("in_one_piece", [False, True])
    def test_a_file_that_shrinks_on_the_way(
        self,
        server: Any,
        transport: Transport,
        photo: Path,
        monkeypatch: pytest.MonkeyPatch,
        in_one_piece: bool,
    ) -> None:
        monkeypatch.setattr(multipart, "_SINGLE_WRITE_LIMIT", 10_000 if in_one_piece else 0)

        class Shrinking(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                return super().read(size)[:2] if self.tell() < 2 else b""

        server.reply(201, {})
        with pytest.raises(errors.SynapseError, match="7 of 9 bytes are missing"):
            upload_file(transport, "data_files/", Shrinking(CONTENT), name="a")
        if in_one_piece:
            assert server.requests == []  # the file is read first
            return
        server.wait_until_idle()
        # The closing boundary is missing, so that the server refuses the body.
        assert server.last.body.endswith(b"\r\n\r\na ")

    def test_connection_that_breaks_closes_the_file(
        self, server: Any, transport: Transport, photo: Path
    ) -> None:
        server.answer(then="close")  # an open file would be a ResourceWarning, which is an error
        with pytest.raises(errors.ConnectionFailed, match=r"^file 'photo\.png'"):
            upload_file(transport, "data_files/", photo)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"checksums": ["a"]}, {"a"}),
        ({"existing_checksums": ["a"]}, {"a"}),
        ({"existing_checksums": ["a"], "checksums": ["a"]}, {"a"}),
        (["a", 1], {"a"}),
        ({"checksums": None}, set()),
        (None, set()),
    ],
)
def test_stored_checksums(answer: Any, expected: set[str]) -> None:
    transport: Any = SimpleNamespace(request=lambda *path, **options: answer)

    assert find_stored_checksums(transport, "data_files/", ["a", "b"], resource="x") == expected
