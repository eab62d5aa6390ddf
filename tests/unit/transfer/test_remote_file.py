"""Remote files, read like local ones."""

from __future__ import annotations

import gc
import hashlib
import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from synapse import errors
from synapse.transfer.remote_file import open_stream, read_whole
from synapse.transport import Transport
from synapse.transport.options import Options
from synapse.transport.retry import RetryPolicy

CONTENT = bytes(range(256)) * 8_000  # 2 MB
SIZE = len(CONTENT)
MD5 = hashlib.md5(CONTENT).hexdigest()
QUICK = Options(retry=RetryPolicy(attempts=1, base=0.001))
TAG = {"ETag": '"one"'}


@pytest.fixture
def quick(server: Any, connect: Callable[..., Transport]) -> Transport:
    return connect(server.url, options=QUICK)


def whole(server: Any, content: bytes = CONTENT, **headers: str) -> None:
    server.reply(200, content, headers={**TAG, **headers})


def rest(server: Any, start: int, content: bytes = CONTENT, **headers: str) -> None:
    span = f"bytes {start}-{len(content) - 1}/{len(content)}"
    server.reply(206, content[start:], headers={**TAG, "Content-Range": span, **headers})


def broken(server: Any, sent: int) -> None:
    headers = {**TAG, "Content-Length": str(SIZE)}
    server.reply(200, CONTENT[:sent], headers=headers, then="close")


def ranges(server: Any) -> list[str | None]:
    return [received.headers.get("range") for received in server.requests]


def test_opening_makes_no_request(server: Any, quick: Transport) -> None:
    with open_stream(quick, "/a") as file:
        assert (file.readable(), file.seekable(), file.writable()) == (True, True, False)
        assert file.tell() == 0
    assert server.requests == []


def test_read_in_pieces(server: Any, quick: Transport) -> None:
    whole(server)
    with open_stream(quick, "/a") as file:
        pieces = list(iter(lambda: file.read(100_000), b""))
    assert b"".join(pieces) == CONTENT
    assert len(server.requests) == 1


def test_lines(server: Any, quick: Transport) -> None:
    whole(server, b"one\ntwo\n")
    with open_stream(quick, "/a") as file:
        assert list(io.TextIOWrapper(file, encoding="utf-8")) == ["one\n", "two\n"]


def test_known_size_asks_for_no_more(server: Any, quick: Transport) -> None:
    with open_stream(quick, "/a", size=0) as file:
        assert file.read() == b""
    assert server.requests == []


def test_goes_on_after_a_fault(server: Any, quick: Transport) -> None:
    broken(server, 1_000_000)
    rest(server, 1_000_000)
    with open_stream(quick, "/a") as file:
        assert file.read() == CONTENT
    assert ranges(server) == [None, "bytes=1000000-"]
    assert server.last.headers["if-range"] == '"one"'


def test_goes_on_where_ranges_are_unknown(server: Any, quick: Transport) -> None:
    broken(server, 1_000_000)
    whole(server)
    with open_stream(quick, "/a") as file:
        assert file.read() == CONTENT


@pytest.mark.parametrize("ranged", [True, False])
def test_another_file_is_not_mixed_in(server: Any, quick: Transport, ranged: bool) -> None:
    broken(server, 1_000_000)
    other = {"ETag": '"two"'}
    if ranged:
        rest(server, 1_000_000, **other)
    else:
        whole(server, **other)
    with (
        open_stream(quick, "/a", name="a.bin") as file,
        pytest.raises(errors.Conflict, match=r"^file 'a\.bin': the file changed since"),
    ):
        file.read()


def test_length_of_another_file_is_noticed(server: Any, quick: Transport) -> None:
    whole(server)
    with open_stream(quick, "/a", size=7) as file, pytest.raises(errors.Conflict):
        file.read()


def test_gives_up(server: Any, quick: Transport) -> None:
    for _ in range(5):
        server.answer(then="close")
    with open_stream(quick, "/a") as file, pytest.raises(errors.ConnectionFailed):
        file.read()


def test_refusal(server: Any, quick: Transport) -> None:
    server.reply(404, {"detail": "Not found."})
    with open_stream(quick, "/a") as file, pytest.raises(errors.NotFound):
        file.read()


class TestSeeking:
    def test_from_the_end(self, server: Any, quick: Transport) -> None:
        rest(server, SIZE - 10)
        with open_stream(quick, "/a", size=SIZE) as file:
            file.seek(-10, io.SEEK_END)
            assert file.read() == CONTENT[-10:]
        assert ranges(server) == [f"bytes={SIZE - 10}-"]

    def test_from_here(self, server: Any, quick: Transport) -> None:
        whole(server)
        rest(server, 1_000_004)
        with open_stream(quick, "/a") as file:
            assert file.read(4) == CONTENT[:4]
            file.seek(1_000_000, io.SEEK_CUR)
            assert file.tell() == 1_000_004
            assert file.read(4) == CONTENT[1_000_004:1_000_008]

    def test_size_is_asked_for(self, server: Any, quick: Transport) -> None:
        whole(server)
        with open_stream(quick, "/a") as file:
            assert file.seek(0, io.SEEK_END) == SIZE
            assert file.read() == b""

    def test_size_that_nobody_knows(self, server: Any, quick: Transport) -> None:
        server.answer(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc", then="close")
        with open_stream(quick, "/a") as file, pytest.raises(io.UnsupportedOperation):
            file.seek(0, io.SEEK_END)

    def test_behind_the_end(self, server: Any, quick: Transport) -> None:
        server.reply(416, {"detail": "The range is outside the file."})
        with open_stream(quick, "/a") as file:
            file.seek(SIZE + 1)
            assert file.read() == b""

    def test_before_the_start(self, quick: Transport) -> None:
        with open_stream(quick, "/a") as file, pytest.raises(ValueError, match="position -1"):
            file.seek(-1)

    def test_zip(self, server: Any, quick: Transport) -> None:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("large.bin", CONTENT)
            archive.writestr("small.txt", "small")
        made = content.getvalue()
        for _ in range(8):
            whole(server, made)  # a server without ranges: earlier bytes are skipped
        with open_stream(quick, "/a", size=len(made)) as file, zipfile.ZipFile(file) as archive:
            assert archive.read("small.txt") == b"small"


class TestClosing:
    def test_in_the_middle_gives_the_connection_up(self, server: Any, quick: Transport) -> None:
        server.reply(200, CONTENT, headers={**TAG, "Content-Length": str(10**9)}, then="stall")
        with open_stream(quick, "/a") as file:
            file.read(10)
        with pytest.raises(ValueError, match="closed"):
            file.read(1)

    def test_forgotten(self, server: Any, quick: Transport) -> None:
        """An open socket would raise a ResourceWarning."""
        whole(server)
        file = open_stream(quick, "/a")
        file.read(10)
        del file
        gc.collect()

    def test_raw_file_too(self, quick: Transport) -> None:
        file = open_stream(quick, "/a")
        raw = file.raw
        file.close()
        for use in (raw.tell, lambda: raw.seek(0), lambda: raw.read(1)):
            with pytest.raises(ValueError, match="closed file"):
                use()


class TestWhole:
    def test_is_checked(self, server: Any, quick: Transport) -> None:
        whole(server)
        assert read_whole(quick, "/a", size=SIZE, checksum=MD5) == CONTENT

    def test_nothing_is_known(self, server: Any, quick: Transport) -> None:
        whole(server)
        assert read_whole(quick, "/a") == CONTENT

    def test_wrong_checksum(self, server: Any, quick: Transport) -> None:
        whole(server)
        with pytest.raises(
            errors.InvalidResponse, match=r"^file 'a': the received file has another size"
        ):
            read_whole(quick, "/a", checksum="0" * 32, name="a")

    def test_fault(self, server: Any, quick: Transport) -> None:
        broken(server, 1_000_000)
        rest(server, 1_000_000)
        assert read_whole(quick, "/a", checksum=MD5) == CONTENT
