"""Download of one file, from a scripted server."""

from __future__ import annotations

import errno
import fcntl
import gzip
import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synapse import errors
from synapse.transfer.download import download
from synapse.transport import Transport
from synapse.transport.options import Options
from synapse.transport.retry import RetryPolicy

CONTENT = bytes(range(256)) * 12_000  # 3 MB: more than one block
MD5 = hashlib.md5(CONTENT).hexdigest()
SIZE = len(CONTENT)
QUICK = Options(retry=RetryPolicy(attempts=1, base=0.001))
TAG = {"ETag": '"one"', "Content-Type": "application/octet-stream"}


@pytest.fixture
def quick(server: Any, connect: Callable[..., Transport]) -> Transport:
    """A transport with very short pauses."""
    return connect(server.url, options=QUICK)


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / "file.bin"


def whole(server: Any, content: bytes = CONTENT, **headers: str) -> None:
    server.reply(200, content, headers={**TAG, **headers})


def broken(server: Any, sent: int, start: int = 0, **headers: str) -> None:
    """Script a connection that ends inside the body."""
    given = {**TAG, "Content-Length": str(SIZE - start), **headers}
    if start:
        given["Content-Range"] = f"bytes {start}-{SIZE - 1}/{SIZE}"
    status = 206 if start else 200
    server.reply(status, CONTENT[start : start + sent], headers=given, then="close")


def rest(server: Any, start: int, content: bytes = CONTENT, **headers: str) -> None:
    span = f"bytes {start}-{len(content) - 1}/{len(content)}"
    server.reply(206, content[start:], headers={**TAG, "Content-Range": span, **headers})


def asked(server: Any) -> list[tuple[str | None, str | None]]:
    """Return range and condition of each request."""
    return [(one.headers.get("range"), one.headers.get("if-range")) for one in server.requests]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class TestWhole:
    def test_by_path(self, server: Any, quick: Transport, dest: Path) -> None:
        whole(server)
        assert download(quick, f"{server.url}files/a.bin", dest, size=SIZE, checksum=MD5) == dest
        assert dest.read_bytes() == CONTENT
        assert names_in(dest.parent) == ["file.bin"]
        assert asked(server) == [(None, None)]

    def test_may_be_read_by_whoever_may_read_others(
        self, server: Any, quick: Transport, dest: Path
    ) -> None:
        whole(server)
        download(quick, "/a.bin", dest)
        (dest.parent / "other").touch()
        assert dest.stat().st_mode == (dest.parent / "other").stat().st_mode

    def test_takes_the_place_of_what_is_there(
        self, server: Any, quick: Transport, dest: Path
    ) -> None:
        dest.write_bytes(b"old")
        whole(server)
        download(quick, "/a.bin", dest)
        assert dest.read_bytes() == CONTENT

    def test_without_knowing_anything(self, server: Any, quick: Transport, dest: Path) -> None:
        head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
        server.answer(head + CONTENT, then="close")
        download(quick, "/a.bin", dest)
        assert dest.read_bytes() == CONTENT

    def test_empty(self, server: Any, quick: Transport, dest: Path) -> None:
        whole(server, b"")
        download(quick, "/a.bin", dest, size=0, checksum=hashlib.md5(b"").hexdigest())
        assert dest.read_bytes() == b""

    @pytest.mark.parametrize("known", [True, False])
    def test_compressed_file_stays_as_it_is(
        self, server: Any, quick: Transport, dest: Path, known: bool
    ) -> None:
        content = gzip.compress(CONTENT)
        whole(server, content, **{"Content-Encoding": "gzip"})
        checksum = hashlib.md5(content).hexdigest() if known else None
        download(quick, "/a.gz", dest, checksum=checksum)
        assert dest.read_bytes() == content
        assert server.last.headers["accept-encoding"] == "identity"

    def test_longest_name(self, server: Any, quick: Transport, dest: Path) -> None:
        whole(server)
        path = download(quick, "/a.bin", dest.with_name("x" * 255))
        assert path.read_bytes() == CONTENT
        assert len(names_in(dest.parent)) == 1

    @pytest.mark.parametrize(
        ("url", "name", "expected"),
        [
            ("/files/a%20b.png?x=/y", None, "a b.png"),
            ("/files/a.png", "../../evil.sh", "evil.sh"),
            ("/files/..%2f..%2fevil.sh", None, "evil.sh"),
            ("/files/", None, "file"),
            ("/files/a", "C:\\Windows\\con.txt", "_con.txt"),
        ],
    )
    def test_into_a_folder(
        self,
        server: Any,
        quick: Transport,
        dest: Path,
        url: str,
        name: str | None,
        expected: str,
    ) -> None:
        whole(server)
        path = download(quick, url, dest.parent, name=name)
        assert path == dest.parent / expected
        assert names_in(dest.parent) == [expected]

    def test_progress(self, server: Any, quick: Transport, dest: Path) -> None:
        seen: list[tuple[int, int]] = []
        whole(server)
        download(quick, "/a.bin", dest, progress=lambda *numbers: seen.append(numbers))
        assert seen[-1] == (SIZE, SIZE)
        assert seen == sorted(set(seen))
        assert len(seen) > 3


class TestBroken:
    def test_goes_on_where_it_was(self, server: Any, quick: Transport, dest: Path) -> None:
        broken(server, 2_000_000)
        broken(server, 500_000, start=2_000_000)
        rest(server, 2_500_000)
        download(quick, "/a.bin", dest, size=SIZE, checksum=MD5)
        assert dest.read_bytes() == CONTENT
        assert asked(server) == [
            (None, None),
            ("bytes=2000000-", '"one"'),
            ("bytes=2500000-", '"one"'),
        ]

    @pytest.mark.parametrize("checksum", [MD5, None])
    def test_starts_again_where_ranges_are_unknown(
        self, server: Any, quick: Transport, dest: Path, checksum: str | None
    ) -> None:
        broken(server, 2_000_000)
        whole(server)
        download(quick, "/a.bin", dest, checksum=checksum)
        assert dest.read_bytes() == CONTENT

    @pytest.mark.parametrize("other", [CONTENT[::-1], b"short"])
    def test_starts_again_where_the_file_is_another(
        self, server: Any, quick: Transport, dest: Path, other: bytes
    ) -> None:
        broken(server, 2_000_000)
        whole(server, other, ETag='"two"')
        download(quick, "/a.bin", dest)
        assert dest.read_bytes() == other

    def test_starts_again_where_the_condition_is_ignored(
        self, server: Any, quick: Transport, dest: Path
    ) -> None:
        other = CONTENT[::-1]
        broken(server, 2_000_000)
        rest(server, 2_000_000, other, ETag='"two"')
        whole(server, other, ETag='"two"')
        download(quick, "/a.bin", dest)
        assert dest.read_bytes() == other
        assert asked(server)[2] == (None, None)

    def test_starts_again_where_nothing_would_tell(
        self, server: Any, quick: Transport, dest: Path
    ) -> None:
        """Without entity tag and checksum, the download starts again."""
        broken(server, 2_000_000, ETag='W/"weak"')
        whole(server)
        download(quick, "/a.bin", dest)
        assert dest.read_bytes() == CONTENT
        assert asked(server) == [(None, None)] * 2

    def test_a_date_tells(self, server: Any, quick: Transport, dest: Path) -> None:
        date = {"ETag": 'W/"weak"', "Last-Modified": "Sat, 31 Jan 2026 12:00:00 GMT"}
        broken(server, 2_000_000, **date)
        rest(server, 2_000_000, **date)
        download(quick, "/a.bin", dest)
        assert dest.read_bytes() == CONTENT
        assert asked(server)[1] == ("bytes=2000000-", date["Last-Modified"])

    @pytest.mark.parametrize("span", ["bytes 0-9/3072000", "", "bytes */3072000", "what"])
    def test_answer_that_begins_elsewhere(
        self, server: Any, quick: Transport, dest: Path, span: str
    ) -> None:
        broken(server, 2_000_000)
        rest(server, 2_000_000, **{"Content-Range": span})
        rest(server, 2_000_000)
        download(quick, "/a.bin", dest, checksum=MD5)
        assert dest.read_bytes() == CONTENT

    def test_stall(self, server: Any, connect: Callable[..., Transport], dest: Path) -> None:
        from synapse.config import Timeout

        transport = connect(server.url, options=QUICK, timeout=Timeout(5, 0.2))
        headers = {**TAG, "Content-Length": str(SIZE)}
        server.reply(200, CONTENT[:1_048_576], headers=headers, then="stall")
        rest(server, 1_048_576)
        download(transport, "/a.bin", dest, checksum=MD5)
        assert dest.read_bytes() == CONTENT

    def test_no_headway(self, server: Any, quick: Transport, dest: Path) -> None:
        for _ in range(5):
            server.answer(then="close")
        with pytest.raises(errors.ConnectionFailed, match=r"file 'file\.bin'"):
            download(quick, "/a.bin", dest)
        assert names_in(dest.parent) == []

    @pytest.mark.parametrize("status", [429, 502, 503, 504])
    def test_passing_refusal(self, server: Any, quick: Transport, dest: Path, status: int) -> None:
        server.reply(status, {"detail": "Later."}, headers={"Retry-After": "0"})
        whole(server)
        download(quick, "/a.bin", dest)
        assert dest.read_bytes() == CONTENT

    @pytest.mark.parametrize(
        ("status", "error"),
        [(401, errors.AuthenticationError), (404, errors.NotFound), (500, errors.ServerError)],
    )
    def test_refusal(
        self, server: Any, quick: Transport, dest: Path, status: int, error: Any
    ) -> None:
        dest.write_bytes(b"old")
        server.reply(status, {"detail": "No."})
        with pytest.raises(error, match=r"file 'file\.bin': No\."):
            download(quick, "/a.bin", dest)
        assert dest.read_bytes() == b"old"
        assert names_in(dest.parent) == ["file.bin"]


class TestEarlierCall:
    """A later call resumes a part file, if the checksum is known."""

    def leave(self, dest: Path, content: bytes) -> Path:
        part = dest.with_name(f".{dest.name}.part")
        part.write_bytes(content)
        return part

    @pytest.mark.parametrize("known", [SIZE, None])
    def test_is_gone_on_with(
        self, server: Any, quick: Transport, dest: Path, known: int | None
    ) -> None:
        self.leave(dest, CONTENT[:2_000_000])
        rest(server, 2_000_000)
        download(quick, "/a.bin", dest, size=known, checksum=MD5)
        assert dest.read_bytes() == CONTENT
        assert asked(server) == [("bytes=2000000-", None)]

    def test_needs_the_checksum(self, server: Any, quick: Transport, dest: Path) -> None:
        self.leave(dest, CONTENT[:2_000_000])
        whole(server)
        download(quick, "/a.bin", dest, size=SIZE)
        assert dest.read_bytes() == CONTENT
        assert asked(server) == [(None, None)]

    def test_was_all_there(self, server: Any, quick: Transport, dest: Path) -> None:
        self.leave(dest, CONTENT)
        download(quick, "/a.bin", dest, size=SIZE, checksum=MD5)
        assert dest.read_bytes() == CONTENT
        assert server.requests == []

    def test_was_all_there_as_the_server_says(
        self, server: Any, quick: Transport, dest: Path
    ) -> None:
        self.leave(dest, CONTENT)
        server.reply(416, {"detail": "The range is outside the file."})
        download(quick, "/a.bin", dest, checksum=MD5)
        assert dest.read_bytes() == CONTENT

    @pytest.mark.parametrize("left", [CONTENT[:5][::-1], b"?" * (SIZE + 1)])
    def test_was_of_another_file(
        self, server: Any, quick: Transport, dest: Path, left: bytes
    ) -> None:
        self.leave(dest, left)
        if len(left) < SIZE:
            rest(server, len(left))
        whole(server)
        download(quick, "/a.bin", dest, size=SIZE, checksum=MD5)
        assert dest.read_bytes() == CONTENT

    def test_stays_for_a_later_one(self, server: Any, quick: Transport, dest: Path) -> None:
        broken(server, 2_000_000)
        server.reply(500, {"detail": "Broken."})
        with pytest.raises(errors.ServerError):
            download(quick, "/a.bin", dest, checksum=MD5)
        assert names_in(dest.parent) == [".file.bin.part"]
        rest(server, 2_000_000)
        download(quick, "/a.bin", dest, checksum=MD5)
        assert dest.read_bytes() == CONTENT
        assert names_in(dest.parent) == ["file.bin"]

    def test_does_not_stay_where_nobody_can_use_it(
        self, server: Any, quick: Transport, dest: Path
    ) -> None:
        broken(server, 2_000_000)
        server.reply(500, {"detail": "Broken."})
        with pytest.raises(errors.ServerError):
            download(quick, "/a.bin", dest)
        assert names_in(dest.parent) == []

    def test_that_is_still_at_work_is_left_alone(
        self, server: Any, quick: Transport, dest: Path
    ) -> None:
        part = self.leave(dest, b"another's")
        with part.open("rb") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            whole(server)
            download(quick, "/a.bin", dest, checksum=MD5)
        assert dest.read_bytes() == CONTENT
        assert part.read_bytes() == b"another's"
        assert names_in(dest.parent) == [".file.bin.part", "file.bin"]

    def test_nothing_stays_that_a_later_one_would_not_find(
        self, server: Any, quick: Transport, dest: Path
    ) -> None:
        part = self.leave(dest, b"another's")
        with part.open("rb") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            broken(server, 2_000_000)
            server.reply(500, {"detail": "Broken."})
            with pytest.raises(errors.ServerError):
                download(quick, "/a.bin", dest, checksum=MD5)
        assert names_in(dest.parent) == [".file.bin.part"]

    def test_a_file_system_without_locks(
        self, server: Any, quick: Transport, dest: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: Any) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(fcntl, "flock", refuse)
        whole(server)
        download(quick, "/a.bin", dest, checksum=MD5)
        assert dest.read_bytes() == CONTENT
        assert names_in(dest.parent) == ["file.bin"]

    def test_a_link_is_not_followed(self, server: Any, quick: Transport, dest: Path) -> None:
        victim = dest.parent.parent / "victim"
        victim.write_bytes(b"precious")
        dest.with_name(".file.bin.part").symlink_to(victim)
        with pytest.raises(OSError, match="symbolic links"):
            download(quick, "/a.bin", dest)
        assert victim.read_bytes() == b"precious"


class TestWrong:
    @pytest.mark.parametrize(
        ("checksum", "size"),
        [("0" * 32, SIZE), ("0" * 32, None), (None, SIZE + 1), (MD5, SIZE + 1)],
    )
    def test_is_not_kept(
        self, server: Any, quick: Transport, dest: Path, checksum: str | None, size: int | None
    ) -> None:
        whole(server)
        whole(server)
        with pytest.raises(errors.InvalidResponse, match="another size or checksum"):
            download(quick, "/a.bin", dest, checksum=checksum, size=size)
        assert names_in(dest.parent) == []

    def test_once_is_mended(self, server: Any, quick: Transport, dest: Path) -> None:
        whole(server, CONTENT[::-1])
        whole(server)
        download(quick, "/a.bin", dest, checksum=MD5)
        assert dest.read_bytes() == CONTENT

    def test_checksum_in_capitals(self, server: Any, quick: Transport, dest: Path) -> None:
        whole(server)
        download(quick, "/a.bin", dest, checksum=MD5.upper())
        assert dest.read_bytes() == CONTENT


class TestDisk:
    def test_no_folder(self, server: Any, quick: Transport, dest: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"The folder does not exist.*below'$"):
            download(quick, "/a.bin", dest / "below" / "it")
        assert server.requests == []

    @pytest.mark.skipif(sys.platform == "win32", reason="has no such limits")
    @pytest.mark.parametrize("checksum", [MD5, ""])
    def test_full(self, server: Any, dest: Path, token: str, checksum: str) -> None:
        """The disk is full."""
        script = (
            "import resource, sys, synapse\n"
            "from synapse.transfer.download import download\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))\n"
            "url, token, dest, checksum = sys.argv[1:]\n"
            "with synapse.Session(url, token) as session:\n"
            "    try:\n"
            "        download(session.transport, '/a', dest, checksum=checksum or None)\n"
            "    except OSError as error:\n"
            "        print(type(error).__name__, error.strerror)\n"
        )
        whole(server)
        result = subprocess.run(
            [sys.executable, "-c", script, server.url, token, str(dest), checksum],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert result.stdout == "OSError File too large\n"
        assert not dest.exists()
        # With the checksum, the part file is resumed after space was freed.
        assert names_in(dest.parent) == ([".file.bin.part"] if checksum else [])


class TestUrl:
    @pytest.mark.parametrize(
        "url",
        [
            "file:///etc/passwd",
            "ftp://example.com/a",
            "http://a\\@b/",
            "http://user:secret@127.0.0.1/a",
            "http://127.0.0.1:x/",
            "gopher://127.0.0.1/",
            "http://%31/",
        ],
    )
    def test_that_is_none(self, server: Any, quick: Transport, dest: Path, url: str) -> None:
        with pytest.raises(errors.UsageError, match="is not the URL of a file") as caught:
            download(quick, url, dest)
        assert "secret" not in str(caught.value)
        assert names_in(dest.parent) == []
        assert server.requests == []

    def test_with_blanks(self, server: Any, quick: Transport, dest: Path) -> None:
        whole(server)
        download(quick, f"{server.url}files/a b ü.png", dest)
        assert server.last.target == "/files/a%20b%20%C3%BC.png"

    def test_signature_is_kept(self, server: Any, quick: Transport, dest: Path) -> None:
        whole(server)
        download(quick, f"{server.url}a?X-Amz-Signature=a%2Fb%3D&x=1", dest)
        assert server.last.target == "/a?X-Amz-Signature=a%2Fb%3D&x=1"
