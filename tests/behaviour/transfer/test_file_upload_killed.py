"""An upload whose process is killed repeatedly at random points."""

from __future__ import annotations

import hashlib
import json
import os
import queue
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import synapse
from synapse.transfer.upload_state import state_folder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork"),
]

MIB = 1024 * 1024
KILLS = 20
CHUNK = 2 * MIB

# Loads the library once, and does each upload in a child, which is there at once.
NURSERY = """
import json, os, sys
import synapse, synapse.transfer.upload
for line in sys.stdin:
    url, token, path, chunk_size = json.loads(line)
    child = os.fork()
    if child == 0:
        try:
            with synapse.Session(url, token) as session:
                options = {"chunked": True, "chunk_size": chunk_size} if chunk_size else {}
                made = session.data_files.upload(path, **options)
                print(json.dumps([made.id, made.checksum]), flush=True)
        finally:
            os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("over", flush=True)
"""


class Nursery:
    """Starts uploads, each in a process of its own."""

    def __init__(self, url: str, token: str) -> None:
        self._about = [url, token]
        self.process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, path: Path, chunk_size: int = CHUNK) -> int:
        """Start an upload and return its process."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([*self._about, str(path), chunk_size]) + "\n")
        self.process.stdin.flush()
        return int(self._line())

    def end(self) -> list[Any] | None:
        """Wait for the upload; return what it made, if it came that far."""
        line = self._line()
        if line == "over":
            return None
        made: list[Any] = json.loads(line)
        assert self._line() == "over"
        return made

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@pytest.fixture
def nursery(proxy: Any, emulator: Any, state_home: Path) -> Iterator[Nursery]:
    running = Nursery(proxy.url, emulator.api_token)
    yield running
    with running.process:
        assert running.process.stdin is not None
        running.process.stdin.close()


def files_there(session: synapse.Session) -> list[Any]:
    """Return the files that were uploaded: each has a unit of its own."""
    collections = session.data_collections.filter(name="Uploaded files")
    return [unit.files["file"] for one in collections for unit in one.data_units]


def test_killed_at_random_points(
    nursery: Nursery, proxy: Any, session: synapse.Session, tmp_path: Path
) -> None:
    chance = random.Random(7)
    content = chance.randbytes(200 * MIB + 12345)
    path = tmp_path / "large.bin"
    path.write_bytes(content)
    for _ in range(KILLS):
        end = proxy.sent + chance.randrange(9 * MIB)
        child: list[int] = []

        def kill(_: Any, end: int = end, child: list[int] = child) -> None:
            if proxy.sent >= end and child:
                os.kill(child.pop(), signal.SIGKILL)

        proxy.on_bytes = proxy.on_request = kill
        child.append(nursery.start(path))
        assert nursery.end() is None, "it was done before it was killed"
        assert not child
    proxy.on_bytes = proxy.on_request = lambda exchange: None

    nursery.start(path)
    made = nursery.end()

    assert made is not None
    assert made[1] == hashlib.md5(content).hexdigest()
    (file,) = files_there(session)
    assert hashlib.sha256(file.read()).digest() == hashlib.sha256(content).digest()
    assert proxy.sent < len(content) + KILLS * CHUNK
    assert list(state_folder().iterdir()) == []


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.bin"
    path.write_bytes(b"0123456789" * 500_000)
    return path


@pytest.mark.parametrize(
    ("step", "then"),
    [
        ("PUT 1048576-3145727", ["GET", "PUT 3145728-4194303", "PUT 4194304-4999999"]),
        ("PUT 3145728-4999999", ["GET", "POST"]),
        ("POST /chunked_upload/", ["GET", "POST /data_files/"]),
        ("POST /data_files/", ["GET", "POST /data_files/verify_checksums/"]),
    ],
)
def test_killed_while_an_answer_is_awaited(
    nursery: Nursery,
    proxy: Any,
    session: synapse.Session,
    small: Path,
    step: str,
    then: list[str],
) -> None:
    """What had arrived isn't sent again, and what was made isn't made again."""
    kill_at_answer(nursery, proxy, small, step)
    before = len(proxy.exchanges)

    nursery.start(small)
    made = nursery.end()

    steps = proxy.steps[before:]
    assert all(one.startswith(start) for one, start in zip(steps, then, strict=False)), steps
    assert made is not None
    (file,) = files_there(session)
    assert file.read() == small.read_bytes()


def test_a_file_that_changed_starts_again(
    nursery: Nursery, proxy: Any, session: synapse.Session, small: Path
) -> None:
    kill_at_answer(nursery, proxy, small, "PUT 1048576-3145727")
    content = b"?" * 3_000_000
    small.write_bytes(content)
    before = len(proxy.exchanges)

    nursery.start(small)

    assert nursery.end() is not None
    assert proxy.steps[before] == "PUT 0-1048575"
    (file,) = files_there(session)
    assert file.read() == content


def test_state_is_for_the_user_only(nursery: Nursery, proxy: Any, small: Path) -> None:
    kill_at_answer(nursery, proxy, small, "PUT 1048576-3145727")

    (state,) = state_folder().iterdir()
    assert state.stat().st_mode & 0o777 == 0o600
    assert state_folder().stat().st_mode & 0o777 == 0o700
    assert synapse.__name__ not in state.read_text()
    assert set(json.loads(state.read_text())) == {"version", "server", "file", "upload"}


def kill_at_answer(nursery: Nursery, proxy: Any, path: Path, step: str) -> None:
    """Start an upload, and kill it when the server has answered a step, before it hears of it."""
    children: queue.Queue[int] = queue.Queue()

    def kill(exchange: Any) -> None:
        if exchange.step.startswith(step):
            os.kill(children.get(timeout=10), signal.SIGKILL)
            exchange.cut_answer = -1

    proxy.on_answer = kill
    children.put(nursery.start(path))
    assert nursery.end() is None
    proxy.on_answer = lambda exchange: None


# -- By presigned URLs ---------------------------------------------------------------------------


@pytest.fixture
def storage(emulator: Any, session: synapse.Session, proxy_to: Any) -> Iterator[Any]:
    """A proxy in front of the storage service, which takes files in parts of 1 MiB."""
    session.storages.create(
        name="bucket", provider="minio", category="internal", configuration={}, is_default=True
    )
    file = {"filename": "a", "size": 1}
    answer = session.transport.request(
        "POST", "data_files/presigned_upload/upload/", json={"files": [file]}
    )
    url = urlsplit(answer["files"][0]["presigned_url"])
    running = proxy_to(f"http://{url.netloc}")
    with emulator.behave(multipart_above=MIB, part_size=MIB, storage_port=running.port):
        yield running


def test_presigned_upload_killed_at_random_points(
    nursery: Nursery, storage: Any, session: synapse.Session, tmp_path: Path
) -> None:
    chance = random.Random(8)
    content = chance.randbytes(60 * MIB + 12345)
    path = tmp_path / "large.bin"
    path.write_bytes(content)
    for _ in range(KILLS):
        end = storage.sent + chance.randrange(2 * MIB)
        child: list[int] = []

        def kill(_: Any, end: int = end, child: list[int] = child) -> None:
            if storage.sent >= end and child:
                os.kill(child.pop(), signal.SIGKILL)

        storage.on_bytes = storage.on_request = kill
        child.append(nursery.start(path, 0))
        assert nursery.end() is None, "it was done before it was killed"
        assert not child
    storage.on_bytes = storage.on_request = lambda exchange: None

    nursery.start(path, 0)
    made = nursery.end()

    assert made is not None
    assert made[1] == hashlib.sha1(content).hexdigest()
    (file,) = files_there(session)
    assert hashlib.sha256(file.read()).digest() == hashlib.sha256(content).digest()
    assert storage.sent < len(content) + KILLS * (MIB + 100_000)
    assert list(state_folder().iterdir()) == []


@pytest.mark.parametrize("is_answered", [False, True])
def test_killed_while_a_presigned_upload_is_confirmed(
    nursery: Nursery,
    proxy: Any,
    storage: Any,
    session: synapse.Session,
    small: Path,
    is_answered: bool,
) -> None:
    """Neither are the bytes sent again, nor is a second file made."""
    children: queue.Queue[int] = queue.Queue()

    def kill(exchange: Any) -> None:
        if exchange.path.endswith("/confirm_upload/") and not children.empty():
            os.kill(children.get(), signal.SIGKILL)
            exchange.cut_answer = -1
            exchange.cut_request = None if is_answered else 0

    setattr(proxy, "on_answer" if is_answered else "on_request", kill)
    children.put(nursery.start(small, 0))
    assert nursery.end() is None
    before = len(storage.exchanges)

    nursery.start(small, 0)
    made = nursery.end()

    assert made is not None
    assert (made[0] is None) == is_answered
    assert len(storage.exchanges) == before
    (file,) = files_there(session)
    assert file.read() == small.read_bytes()
    assert list(state_folder().iterdir()) == []


def test_urls_that_expired_meanwhile(
    emulator: Any, nursery: Nursery, storage: Any, session: synapse.Session, small: Path
) -> None:
    """The parts that the storage has are kept."""
    children: queue.Queue[int] = queue.Queue()

    def kill(exchange: Any) -> None:
        if len(storage.exchanges) == 3 and not children.empty():
            os.kill(children.get(), signal.SIGKILL)
            exchange.cut_request = 0

    storage.on_request = kill
    children.put(nursery.start(small, 0))
    assert nursery.end() is None
    before = len(storage.exchanges)

    with emulator.emulator.fault("html", status=403, method="PUT", path="_storage/*") as expired:
        nursery.start(small, 0)
        made = nursery.end()

    assert (expired.served, made is not None) == (1, True)
    parts = -(-small.stat().st_size // MIB)
    assert len(storage.exchanges) - before == parts - 3 + 1
    (file,) = files_there(session)
    assert file.read() == small.read_bytes()


def test_state_of_a_presigned_upload_has_no_token(
    emulator: Any, nursery: Nursery, storage: Any, small: Path
) -> None:
    children: queue.Queue[int] = queue.Queue()

    def kill(exchange: Any) -> None:
        if len(storage.exchanges) == 2 and not children.empty():
            os.kill(children.get(), signal.SIGKILL)

    storage.on_request = kill
    children.put(nursery.start(small, 0))
    assert nursery.end() is None

    (state,) = state_folder().iterdir()
    assert state.stat().st_mode & 0o777 == 0o600
    head, *parts = state.read_text().splitlines()
    assert set(json.loads(head)) == {"version", "server", "file", "target"}
    assert [json.loads(part)[0] for part in parts] == [1, 2]
    assert emulator.api_token not in state.read_text()
