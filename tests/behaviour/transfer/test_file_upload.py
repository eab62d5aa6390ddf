"""Upload of one file through `session.data_files.upload`, over a connection that breaks."""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import io
import os
import threading
from pathlib import Path
from typing import Any

import pytest

import synapse
from synapse.errors import (
    AuthenticationError,
    ConnectionFailed,
    SynapseError,
    UsageError,
)
from synapse.testing import assert_num_requests
from synapse.transfer.progress import Progress
from synapse.transfer.upload import upload
from synapse.transfer.upload_state import state_folder

CONTENT = bytes(range(250)) * 12_000  # 3 MB: a short chunk, one of 1.5 MB, and the rest
MD5 = hashlib.md5(CONTENT).hexdigest()
CHUNK = 1_500_000
FIRST, SECOND, THIRD = "PUT 0-1048575", "PUT 1048576-2548575", "PUT 2548576-2999999"
BIND, ASK = "POST /data_files/", "POST /data_files/verify_checksums/"


@pytest.fixture(autouse=True)
def own_state(state_home: Path) -> None:
    """State of one test isn't another's."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "video.bin"
    file.write_bytes(CONTENT)
    return file


def kinds(proxy: Any) -> list[str]:
    """Return the steps, with the upload's own path left out."""
    return [step.partition(" /chunked_upload/")[0] for step in proxy.steps]


def units_of_files(session: synapse.Session) -> list[synapse.DataUnit]:
    """Return the units that the server made, one for each file that was uploaded."""
    collections = session.data_collections.filter(name="Uploaded files")
    return [unit for collection in collections for unit in collection.data_units]


def only_file(session: synapse.Session) -> Any:
    """Return the one file that the server has."""
    (unit,) = units_of_files(session)
    return unit.files["file"]


class TestChoice:
    def test_small_file_is_one_request(self, session: synapse.Session, path: Path) -> None:
        with assert_num_requests(session, 2):  # the first one asks for the default storage
            session.data_files.upload(path)
        with assert_num_requests(session, 1):
            made = session.data_files.upload(path)

        assert (made.checksum, made.size) == (MD5, len(CONTENT))

    def test_in_chunks(self, proxied: synapse.Session, proxy: Any, path: Path) -> None:
        made = proxied.data_files.upload(path, chunked=True, chunk_size=CHUNK)

        assert kinds(proxy) == [FIRST, SECOND, THIRD, "POST", BIND]
        assert (made.checksum, made.size, made.meta) == (MD5, 3_000_000, {"filename": "video.bin"})
        assert only_file(proxied).path == "video.bin"
        assert only_file(proxied).read() == CONTENT

    def test_large_file_goes_in_chunks(
        self, proxied: synapse.Session, proxy: Any, path: Path, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr("synapse.transfer.upload.DIRECT_LIMIT", len(CONTENT) - 1)

        proxied.data_files.upload(path)

        assert kinds(proxy) == [FIRST, "PUT 1048576-2999999", "POST", BIND]

    def test_at_the_limit_it_is_one_request(
        self, proxied: synapse.Session, proxy: Any, path: Path, monkeypatch: Any
    ) -> None:
        monkeypatch.setattr("synapse.transfer.upload.DIRECT_LIMIT", len(CONTENT))

        proxied.data_files.upload(path)

        assert kinds(proxy) == [BIND]

    @pytest.mark.parametrize("chunk_size", [0, -1, True, 1.5, "1"])
    def test_chunk_size(self, session: synapse.Session, path: Path, chunk_size: Any) -> None:
        with assert_num_requests(session, 0), pytest.raises(UsageError, match="whole number"):
            session.data_files.upload(path, chunk_size=chunk_size)

    def test_every_body_has_its_length(
        self, proxied: synapse.Session, proxy: Any, path: Path
    ) -> None:
        proxied.data_files.upload(path, chunked=True, chunk_size=CHUNK)
        proxied.data_files.upload(path)

        assert all("content-length" in exchange.headers for exchange in proxy.exchanges)
        assert not any("transfer-encoding" in exchange.headers for exchange in proxy.exchanges)


class TestSource:
    @pytest.mark.parametrize("chunked", [False, True])
    def test_file_object(self, session: synapse.Session, path: Path, chunked: bool) -> None:
        with path.open("rb") as file:
            file.seek(1000)
            made = session.data_files.upload(file, chunked=chunked)
            assert not file.closed

        assert made.checksum == hashlib.md5(CONTENT[1000:]).hexdigest()
        assert not state_folder().exists()

    def test_in_memory(self, session: synapse.Session) -> None:
        made = session.data_files.upload(io.BytesIO(CONTENT), name="a.bin", chunked=True)

        assert made.checksum == MD5

    def test_file_with_another_content_than_its_descriptor(
        self, session: synapse.Session, tmp_path: Path
    ) -> None:
        with gzip.open(tmp_path / "a.gz", "wb") as file:
            file.write(CONTENT)
        with gzip.open(tmp_path / "a.gz", "rb") as file:
            made = session.data_files.upload(file, name="a.bin", chunked=True)  # type: ignore[arg-type]

        assert made.checksum == MD5

    @pytest.mark.parametrize("chunked", [None, False, True])
    @pytest.mark.parametrize("is_path", [False, True])
    def test_empty(
        self, session: synapse.Session, tmp_path: Path, chunked: bool | None, is_path: bool
    ) -> None:
        (tmp_path / "empty").touch()
        source: Any = tmp_path / "empty" if is_path else io.BytesIO()

        with assert_num_requests(session, 0), pytest.raises(UsageError, match="empty is empty"):
            session.data_files.upload(source, name="empty", chunked=chunked)

    @pytest.mark.parametrize("chunked", [False, True])
    @pytest.mark.parametrize(
        "name", ["new\nline.bin", "x" * 255, "ünïcode ☃ 写真.bin", 'quo"te.bin', " a  b "]
    )
    def test_name(self, session: synapse.Session, tmp_path: Path, name: str, chunked: bool) -> None:
        path = tmp_path / name
        path.write_bytes(CONTENT)

        session.data_files.upload(path, chunked=chunked)

        file = only_file(session)
        assert file.read() == CONTENT
        if chunked:  # a form's parser takes liberties with a name; JSON says it as it is
            assert file.path == name

    def test_missing(self, session: synapse.Session, tmp_path: Path) -> None:
        with assert_num_requests(session, 0), pytest.raises(UsageError, match="can't be read"):
            session.data_files.upload(tmp_path / "nowhere", chunked=True)

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="may read everything")
    def test_unreadable(self, session: synapse.Session, path: Path) -> None:
        path.chmod(0)

        with pytest.raises(UsageError, match="Permission denied"):
            session.data_files.upload(path)

    @pytest.mark.parametrize("chunked", [False, True])
    def test_unreadable_on_the_way(self, session: synapse.Session, chunked: bool) -> None:
        class Broken(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                if self.tell() > 1_000_000:
                    raise OSError(5, "Input/output error")
                return super().read(size)

        with pytest.raises(SynapseError, match=r"disk\.bin can't be read any more: .*Input/output"):
            session.data_files.upload(Broken(CONTENT), name="disk.bin", chunked=chunked)

        assert units_of_files(session) == []


class TestChanges:
    @pytest.mark.parametrize("chunked", [False, True])
    @pytest.mark.parametrize("change", ["shrinks", "is emptied", "grows", "is rewritten"])
    def test_while_it_is_sent(
        self, proxied: synapse.Session, proxy: Any, path: Path, chunked: bool, change: str
    ) -> None:
        # Not all of it is in the connection's buffers when the first piece comes through.
        os.truncate(path, 40_000_000)
        os.utime(path, (0, 0))  # a file system's clock may be too coarse to tell two writes apart
        changes = threading.Lock()

        def on_bytes(exchange: Any) -> None:
            if exchange.body and changes.acquire(blocking=False):
                if change == "is rewritten":
                    path.write_bytes(b"?" * 40_000_000)
                else:
                    sizes = {"shrinks": 1_100_000, "is emptied": 0, "grows": 50_000_000}
                    os.truncate(path, sizes[change])

        proxy.on_bytes = on_bytes
        with pytest.raises(SynapseError, match=r"(changed|became shorter) while it was sent"):
            proxied.data_files.upload(path, chunked=chunked, chunk_size=CHUNK)

        assert units_of_files(proxied) == []
        assert not state_folder().exists() or list(state_folder().iterdir()) == []


# What is done when the answer of a step is lost, and when the step didn't get through.
LOST = {
    FIRST: [FIRST, FIRST, SECOND, THIRD, "POST", BIND],
    SECOND: [FIRST, SECOND, "GET", THIRD, "POST", BIND],
    THIRD: [FIRST, SECOND, THIRD, "GET", "POST", BIND],
    "POST": [FIRST, SECOND, THIRD, "POST", "GET", BIND],
    BIND: [FIRST, SECOND, THIRD, "POST", BIND, ASK],
}
UNSENT = {
    FIRST: [FIRST, FIRST, SECOND, THIRD, "POST", BIND],
    SECOND: [FIRST, SECOND, "GET", SECOND, THIRD, "POST", BIND],
    THIRD: [FIRST, SECOND, THIRD, "GET", THIRD, "POST", BIND],
    "POST": [FIRST, SECOND, THIRD, "POST", "GET", "POST", BIND],
    BIND: [FIRST, SECOND, THIRD, "POST", BIND, ASK, ASK, BIND],
}


class TestFaults:
    @pytest.mark.parametrize("resets", [False, True])
    @pytest.mark.parametrize("is_lost", [False, True])
    @pytest.mark.parametrize("step", list(LOST))
    def test_each_step(
        self,
        proxied: synapse.Session,
        proxy: Any,
        path: Path,
        step: str,
        is_lost: bool,
        resets: bool,
    ) -> None:
        faults = threading.Lock()

        def spoil(exchange: Any) -> None:
            if kinds_of(exchange) == step and faults.acquire(blocking=False):
                exchange.resets = resets
                if is_lost:
                    exchange.cut_answer = -1
                else:
                    exchange.cut_request = 0

        proxy.on_request = spoil

        made = proxied.data_files.upload(path, chunked=True, chunk_size=CHUNK)

        assert kinds(proxy) == (LOST if is_lost else UNSENT)[step]
        assert made.checksum == MD5
        assert (made.id is None) == (is_lost and step == BIND)
        assert only_file(proxied).read() == CONTENT
        assert list(state_folder().iterdir()) == []

    @pytest.mark.parametrize("is_lost", [False, True])
    def test_in_one_request(
        self, proxied: synapse.Session, proxy: Any, path: Path, is_lost: bool
    ) -> None:
        faults = threading.Lock()

        def spoil(exchange: Any) -> None:
            if faults.acquire(blocking=False):
                exchange.cut_answer = -1 if is_lost else None
                exchange.cut_request = None if is_lost else 1_000_000

        proxy.on_request = spoil

        made = proxied.data_files.upload(path)

        assert kinds(proxy) == ([BIND, ASK] if is_lost else [BIND, ASK, ASK, BIND])
        assert (made.checksum, made.size, made.id is None) == (MD5, 3_000_000, is_lost)
        assert only_file(proxied).read() == CONTENT

    def test_what_is_without_an_id_is_nobody_elses(
        self, proxied: synapse.Session, proxy: Any, tmp_path: Path
    ) -> None:
        def spoil(exchange: Any) -> None:
            exchange.cut_answer = -1 if kinds_of(exchange) == BIND else None

        proxy.on_request = spoil
        made = []
        for content in (b"one", b"two"):
            (tmp_path / "a").write_bytes(content)
            made.append(proxied.data_files.upload(tmp_path / "a"))

        assert [one.checksum for one in made] == [
            hashlib.md5(content).hexdigest() for content in (b"one", b"two")
        ]

    @pytest.mark.parametrize("at", [1, 500_000, 1_048_000])
    @pytest.mark.parametrize("step", [FIRST, SECOND])
    def test_cut_in_a_chunk(
        self, proxied: synapse.Session, proxy: Any, path: Path, step: str, at: int
    ) -> None:
        faults = threading.Lock()

        def spoil(exchange: Any) -> None:
            if exchange.step == step and faults.acquire(blocking=False):
                exchange.cut_request = at

        proxy.on_request = spoil

        made = proxied.data_files.upload(path, chunked=True, chunk_size=CHUNK)

        assert kinds(proxy) == UNSENT[step]
        assert made.checksum == MD5
        assert only_file(proxied).read() == CONTENT

    @pytest.mark.parametrize("is_lost", [False, True])
    def test_stall(self, proxy: Any, emulator: Any, path: Path, is_lost: bool) -> None:
        """The server takes nothing any more, or doesn't answer."""
        faults = threading.Lock()

        def spoil(exchange: Any) -> None:
            if exchange.step == SECOND and faults.acquire(blocking=False):
                exchange.stalls = True
                exchange.cut_answer = -1 if is_lost else None
                exchange.cut_request = None if is_lost else 500_000

        proxy.on_request = spoil
        with synapse.Session(proxy.url, emulator.api_token, timeout=(5, 1)) as session:
            made = session.data_files.upload(path, chunked=True, chunk_size=CHUNK)

            assert made.checksum == MD5
            assert only_file(session).read() == CONTENT
        # Until it is sure that the server isn't working on it, the chunk isn't sent again.
        asked = kinds(proxy)[kinds(proxy).index("GET") :]
        assert asked.count(SECOND) == (0 if is_lost else 1)
        assert is_lost or asked.index(SECOND) > 2

    def test_never_two_senders_of_one_upload(
        self, proxied: synapse.Session, proxy: Any, path: Path
    ) -> None:
        under_way: list[str] = []

        def spoil(exchange: Any) -> None:
            if exchange.method == "PUT":
                assert under_way == []
                under_way.append(exchange.path)
                if len(proxy.exchanges) % 3 == 1:
                    exchange.cut_answer = -1

        proxy.on_request = spoil
        proxy.on_answer = lambda exchange: under_way.clear()

        made = proxied.data_files.upload(path, chunked=True, chunk_size=200_000)

        assert made.checksum == MD5

    def test_server_that_is_gone_for_good(
        self, proxied: synapse.Session, proxy: Any, emulator: Any, path: Path
    ) -> None:
        """What was sent isn't lost: the same call goes on with it."""
        impatient = synapse.Session(proxy.url, emulator.api_token, retries=0)

        def spoil(exchange: Any) -> None:
            if exchange.step != FIRST:
                exchange.cut_request = 0

        proxy.on_request = spoil
        with impatient, pytest.raises(ConnectionFailed, match=r"file 'video\.bin'"):
            impatient.data_files.upload(path, chunked=True, chunk_size=CHUNK)
        proxy.on_request = lambda exchange: None
        before = len(proxy.exchanges)

        made = proxied.data_files.upload(path, chunked=True, chunk_size=CHUNK)

        # The first chunk of a call is short.
        assert kinds(proxy)[before:] == [
            "GET",
            "PUT 1048576-2097151",
            "PUT 2097152-2999999",
            "POST",
            BIND,
        ]
        assert made.checksum == MD5

    def test_refusal(self, proxy: Any, path: Path) -> None:
        with synapse.Session(proxy.url, "another") as session, pytest.raises(AuthenticationError):
            session.data_files.upload(path, chunked=True)

        assert kinds(proxy) == ["PUT 0-1048575"]

    def test_upload_of_somebody_else_in_the_state(
        self, proxied: synapse.Session, proxy: Any, path: Path, backend: Any
    ) -> None:
        """Such as after the token was changed for another user's."""
        self.leave_behind(proxied, path)
        other = backend.create_tenant("other-of-uploads")
        before = len(proxy.exchanges)
        with synapse.Session(proxy.url, other.api_token) as session:
            made = session.data_files.upload(path, chunked=True, chunk_size=CHUNK)

        assert made.checksum == MD5
        assert kinds(proxy)[before:] == ["GET", FIRST, SECOND, THIRD, "POST", BIND]

    @staticmethod
    def leave_behind(session: synapse.Session, path: Path) -> None:
        """Have an upload that ends after its first chunk."""
        with pytest.raises(RuntimeError, match="enough"):
            session.data_files.upload(path, chunked=True, chunk_size=CHUNK, progress=_enough)

    def test_state_that_is_broken(self, proxied: synapse.Session, proxy: Any, path: Path) -> None:
        self.leave_behind(proxied, path)
        (state,) = state_folder().iterdir()
        state.write_text(state.read_text()[:-5])

        made = proxied.data_files.upload(path, chunked=True, chunk_size=CHUNK)

        assert made.checksum == MD5
        assert list(state_folder().iterdir()) == []

    def test_state_that_is_old_is_dropped(
        self, session: synapse.Session, path: Path, state_home: Path
    ) -> None:
        state_folder().mkdir(parents=True)
        old, new = state_folder() / "old.json", state_folder() / "new.json"
        for state in (old, new):
            state.write_text("{}")
        os.utime(old, (0, 0))

        session.data_files.upload(path, chunked=True)

        assert list(state_folder().iterdir()) == [new]

    def test_folder_for_state_that_cannot_be_made(
        self, session: synapse.Session, path: Path, state_home: Path
    ) -> None:
        state_home.write_text("a file is in the way")

        assert session.data_files.upload(path, chunked=True).checksum == MD5

    def test_no_state_on_request(self, session: synapse.Session, path: Path) -> None:
        upload(session.transport, "data_files/", path, chunked=True, state=False)

        assert not state_folder().exists()


class TestTwoSenders:
    def test_have_an_upload_each(self, proxied: synapse.Session, proxy: Any, path: Path) -> None:
        """The second finds the first at work, and doesn't touch what that one is sending."""
        second: list[Any] = []

        def begin(done: int, total: int) -> None:
            if not second:
                second.append(None)
                second[0] = proxied.data_files.upload(path, chunked=True, chunk_size=CHUNK)

        made = proxied.data_files.upload(path, chunked=True, chunk_size=CHUNK, progress=begin)

        assert made.checksum == second[0].checksum == MD5
        assert made.id != second[0].id
        uploads = {one.path for one in proxy.exchanges if one.path.startswith("/chunked_upload/0")}
        assert len({one.path for one in proxy.exchanges if one.step == SECOND}) == 2, uploads
        assert list(state_folder().iterdir()) == []

    def test_state_of_another_process_is_left_alone(
        self, session: synapse.Session, path: Path
    ) -> None:
        fake = _Holding(session, path)
        with fake:
            assert session.data_files.upload(path, chunked=True).checksum == MD5
            assert fake.state.read_text() == "held"


class _Holding:
    """Holds the state of a file as another process does."""

    def __init__(self, session: synapse.Session, path: Path) -> None:
        from synapse.transfer.local_file import LocalFile
        from synapse.transfer.upload_state import UploadState

        with LocalFile(path) as source, UploadState(session.transport, source):
            (self.state,) = state_folder().iterdir()

    def __enter__(self) -> None:
        self._file = self.state.open("w")
        self._file.write("held")
        self._file.flush()
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: Any) -> None:
        self._file.close()


class TestProgress:
    def test_function(self, session: synapse.Session, path: Path) -> None:
        seen: list[tuple[int, int]] = []

        session.data_files.upload(
            path,
            chunked=True,
            chunk_size=CHUNK,
            progress=lambda done, total: seen.append((done, total)),
        )

        total = len(CONTENT)
        assert seen == [(1_048_576, total), (2_548_576, total), (total, total)]

    def test_function_for_one_request(self, session: synapse.Session, path: Path) -> None:
        seen: list[tuple[int, int]] = []

        session.data_files.upload(path, progress=lambda *numbers: seen.append(numbers))

        assert seen == [(len(CONTENT), len(CONTENT))]

    @pytest.mark.parametrize("chunked", [False, True])
    @pytest.mark.parametrize("size", [1_000, 2_000_000])
    def test_what_showing_it_raises_is_no_broken_connection(
        self, session: synapse.Session, path: Path, chunked: bool, size: int
    ) -> None:
        """Though an `OSError` is raised where the HTTP library reads the body."""
        os.truncate(path, size)
        error = TimeoutError("the display's")

        class Failing(Progress):
            def changed(self) -> None:
                if self.done:
                    raise error

        with pytest.raises(TimeoutError) as caught:
            session.data_files.upload(path, chunked=chunked, progress=Failing())
        assert caught.value is error
        assert session.request_count == 1

    def test_nothing_is_shown_without_a_terminal(
        self, session: synapse.Session, path: Path, capsys: Any
    ) -> None:
        session.data_files.upload(path)

        assert capsys.readouterr() == ("", "")


@pytest.fixture
def many(session: synapse.Session, tmp_path: Path) -> list[Any]:
    """Files that are uploaded by several threads over one transport."""
    made: list[Any] = []
    lock = threading.Lock()

    def send(number: int) -> None:
        path = tmp_path / f"{number}.bin"
        path.write_bytes(b"%d" % number * 100_000)
        row = upload(session.transport, "data_files/", path, chunked=number % 2 == 0)
        with lock:
            made.append((number, row))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return made


def test_several_threads(many: list[Any]) -> None:
    assert {number: row["checksum"] for number, row in many} == {
        number: hashlib.md5(b"%d" % number * 100_000).hexdigest() for number in range(8)
    }


def kinds_of(exchange: Any) -> str:
    """Return a step without the upload's own path."""
    step: str = exchange.step
    return step.partition(" /chunked_upload/")[0]


def _enough(done: int, total: int) -> None:
    raise RuntimeError("enough")


class TestModel:
    def test_goes_up_with_its_file(self, session: synapse.Session, tmp_path: Path) -> None:
        path = tmp_path / "weights.bin"
        path.write_bytes(bytes(range(256)) * 9000)
        told: list[tuple[int, int]] = []

        model = session.models.create(
            name="Detector",
            metrics={"map": 0.4},
            file=path,
            progress=lambda done, total: told.append((done, total)),
        )

        assert model.metrics == {"map": 0.4}
        assert told[-1] == (256 * 9000, 256 * 9000)
        assert model.download(tmp_path / "copy.bin").read_bytes() == path.read_bytes()

    def test_nothing_is_sent_for_a_misspelt_field(
        self, session: synapse.Session, tmp_path: Path
    ) -> None:
        path = tmp_path / "weights.bin"
        path.write_bytes(b"weights")

        with pytest.raises(UsageError, match="did you mean 'metrics'"):
            session.models.create(name="Detector", metric={}, file=path)

        assert session.request_count == 0

    def test_file_that_is_not_there(self, session: synapse.Session, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"none\.bin"):
            session.models.create(name="Detector", file=tmp_path / "none.bin")

        assert session.request_count == 0
