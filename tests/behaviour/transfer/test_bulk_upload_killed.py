"""Uploads killed at any point and started again: each unit exists exactly once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import synapse
from synapse.emulator import Emulator
from synapse.testing.tenants import EmulatorTenant

pytestmark = pytest.mark.slow

# Says each request before it is sent and after it was answered, and waits until it may go on: so it
# can be killed there.
CHILD = """
import sys, threading
import synapse

url, token, collection, project, source, workers = sys.argv[1:]
lock = threading.Lock()

def tell(*words):
    with lock:
        print(*words, flush=True)
        sys.stdin.read(1)

def say(event):
    tell(event.method, event.url, event.status)

def put(*args, **options):
    tell("PUT", "storage", None)
    headers = put_file(*args, **options)
    tell("PUT", "storage", 200)
    return headers

session = synapse.Session(url, token, timeout=(5, 4), on_request=say, on_response=say)
put_file, session.transport.put = session.transport.put, put
report = session.data_collections.get(int(collection)).upload(
    source, project=int(project), workers=int(workers), progress=False
)
assert not report.failed, report
"""

WIRES = ["direct", "presigned"]
Made = tuple[synapse.DataCollection, synapse.Project]


@pytest.fixture
def made(session: synapse.Session) -> Made:
    """A collection, and a project over it."""
    collection = session.data_collections.create(
        name="Photos",
        category="image",
        file_specifications=[synapse.FileSpecification(name="image", file_type="image")],
    )
    project = session.projects.create(title="Photos", category="image", data_collection=collection)
    return collection, project


@pytest.fixture
def storage(request: pytest.FixtureRequest, session: synapse.Session) -> None:
    """The default storage, which takes presigned uploads if the test says so."""
    if request.param == "presigned":
        session.storages.create(
            name="bucket", provider="minio", category="internal", configuration={}, is_default=True
        )


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[int], Path]:
    """Makes a folder of files that are all different."""

    def make(count: int) -> Path:
        source = tmp_path / "photos"
        source.mkdir()
        for number in range(count):
            (source / f"{number:04}.png").write_bytes(b"photo %d " % number * 50)
        return source

    return make


def start(emulator: EmulatorTenant, made: Made, source: Path) -> subprocess.Popen[str]:
    collection, project = made
    arguments = [emulator.url, emulator.api_token, collection.id, project.id, source, 4]
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def kill_at(process: subprocess.Popen[str], is_there: Callable[[int, str], bool]) -> bool:
    """Kill it when it says something; answer whether it was still running then."""
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        for number, line in enumerate(process.stdout):
            if is_there(number, line):
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGKILL)
                break
            process.stdin.write("\n")
            process.stdin.flush()
        process.stdout.read()
    return process.returncode == -signal.SIGKILL


def check(session: synapse.Session, made: Made, source: Path, copy: Path) -> None:
    """Check at the server that everything is there once, and byte for byte."""
    collection, project = made
    sent = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in source.iterdir()}
    units = list(collection.data_units.page_size(1000))
    assert Counter(unit.files["image"].path for unit in units) == Counter(sent.keys())
    tasks = [row["data_unit"] for row in project.tasks.page_size(1000).values("data_unit")]
    assert Counter(tasks) == Counter(unit.id for unit in units)
    assert not collection.download(copy, progress=False).failed
    there = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in copy.glob("*/*.png")
    }
    assert there == sent


@pytest.mark.parametrize("storage", WIRES, indirect=True)
def test_twenty_kills(
    backend: Emulator,
    emulator: EmulatorTenant,
    session: synapse.Session,
    storage: None,
    made: Made,
    folder: Callable[[int], Path],
    tmp_path: Path,
) -> None:
    source = folder(500)
    chance = random.Random(6)
    killed = 0
    for _ in range(20):
        last = chance.randrange(3, 75)
        killed += kill_at(
            start(emulator, made, source), lambda number, _, last=last: number >= last
        )
    assert killed >= 15, "too few runs were still at it when they were killed"

    with start(emulator, made, source) as process:
        process.communicate()

    assert process.returncode == 0, backend.log[-4000:]
    check(session, made, source, tmp_path / "copy")


@pytest.mark.parametrize("storage", WIRES, indirect=True)
@pytest.mark.parametrize("status", ["None", "201"])
def test_killed_while_something_is_made(
    emulator: EmulatorTenant,
    session: synapse.Session,
    storage: None,
    made: Made,
    folder: Callable[[int], Path],
    tmp_path: Path,
    status: str,
) -> None:
    """Between the request and its answer, and between the answer and the journal."""
    source = folder(20)

    def says(path: str) -> Callable[[int, str], bool]:
        return lambda _, line: line.split() == ["POST", f"{emulator.url}/{path}", status]

    assert kill_at(start(emulator, made, source), says("data_units/"))
    assert kill_at(start(emulator, made, source), says("tasks/"))
    with start(emulator, made, source) as process:
        output, _ = process.communicate()

    assert process.returncode == 0
    check(session, made, source, tmp_path / "copy")
    assert "data_files/ None" not in output, "a file was sent again"
    assert "storage None" not in output, "a file was sent again"


@pytest.mark.parametrize("status", ["None", "200"])
@pytest.mark.parametrize("storage", ["presigned"], indirect=True)
def test_killed_while_files_are_confirmed(
    emulator: EmulatorTenant,
    session: synapse.Session,
    storage: None,
    made: Made,
    folder: Callable[[int], Path],
    tmp_path: Path,
    status: str,
) -> None:
    """Between the request and its answer, and between the answer and the journal."""
    source = folder(20)
    path = f"{emulator.url}/data_files/presigned_upload/confirm_upload/"

    assert kill_at(
        start(emulator, made, source), lambda _, line: line.split()[1:] == [path, status]
    )
    with start(emulator, made, source) as process:
        output, _ = process.communicate()

    assert process.returncode == 0
    check(session, made, source, tmp_path / "copy")
    if status == "200":
        assert "storage None" not in output, "a file was sent again"
    collections = session.data_collections.filter(name="Uploaded files")
    files = [unit.files["file"].path for one in collections for unit in one.data_units]
    assert Counter(files) == Counter(path.name for path in source.iterdir())


def test_each_run_with_an_empty_state_folder(
    emulator: EmulatorTenant,
    session: synapse.Session,
    made: Made,
    folder: Callable[[int], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Containers that are killed: each new one only knows what the server has."""
    source = folder(20)
    for number, line in enumerate(
        [
            "POST {}/data_files/ 201",
            "POST {}/data_units/ None",
            "POST {}/data_units/ 201",
            "POST {}/tasks/ 201",
            "GET {}/data_units/ 200",
        ]
    ):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / f"state-{number}"))
        said = line.format(emulator.url).split()
        kill_at(start(emulator, made, source), lambda _, line, said=said: line.split() == said)
    for number in range(2):
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / f"last-{number}"))
        with start(emulator, made, source) as process:
            process.communicate()
        assert process.returncode == 0
        check(session, made, source, tmp_path / "copy")


def test_answer_is_lost(
    emulator: EmulatorTenant,
    made: Made,
    folder: Callable[[int], Path],
    tmp_path: Path,
) -> None:
    """The server makes them, but the answer never comes: they are found, not made again."""
    source = folder(20)
    collection, project = made
    session = emulator.session(timeout=(5, 2))
    faults: list[Any] = [
        emulator.fault("lost", method="POST", path="data_units/"),
        emulator.fault("lost", method="POST", path="tasks/"),
    ]

    report = session.data_collections.get(collection.id).upload(
        source, project=project.id, progress=False
    )

    assert [fault.served for fault in faults] == [1, 1]
    assert (report.created, report.tasks, report.failed) == (20, 20, [])
    check(session, made, source, tmp_path / "copy")


@pytest.mark.parametrize("kind", ["reset", "500", "503", "cut"])
def test_request_fails(
    emulator: EmulatorTenant,
    made: Made,
    folder: Callable[[int], Path],
    tmp_path: Path,
    kind: str,
) -> None:
    """Whatever comes of the request, in the end they are there, once."""
    source = folder(5)
    collection, project = made
    session = emulator.session(timeout=(5, 0.5), retries=0)
    for path in ("data_units/", "tasks/", "data_files/"):
        emulator.fault(kind, method="POST", path=path)

    report = session.data_collections.get(collection.id).upload(
        source, project=project.id, progress=False
    )

    assert (report.created, report.tasks, report.failed) == (5, 5, [])
    check(session, made, source, tmp_path / "copy")


class LateServer:
    """Passes requests on; one is passed on only after the client has asked what came of it."""

    def __init__(self, target: str, path: str, list_path: str) -> None:
        address = urlsplit(target)
        held, asked = threading.Event(), threading.Event()
        self.was_asked = asked

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                where = self.path.partition("?")[0]
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.command == "POST" and where == path and not held.is_set():
                    held.set()
                    asked.wait(30)
                connection = HTTPConnection(str(address.hostname), address.port)
                headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                with contextlib.suppress(OSError):  # the client has given up on the late one
                    self.send_response(answer.status)
                    self.send_header("Content-Type", str(answer.headers["Content-Type"]))
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                if self.command == "GET" and where == list_path and held.is_set():
                    asked.set()

            do_GET = do_POST = answer  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()  # waits for what is under way


@pytest.mark.parametrize(
    ("path", "list_path"), [("/data_units/", "/data_units/"), ("/tasks/", "/sdk/tasks/")]
)
def test_server_is_still_at_it(
    emulator: EmulatorTenant,
    session: synapse.Session,
    made: Made,
    folder: Callable[[int], Path],
    tmp_path: Path,
    path: str,
    list_path: str,
) -> None:
    """A request times out, nothing is there when the server is asked, and then it is made."""
    source = folder(5)
    collection, project = made
    late = LateServer(emulator.url, path, list_path)
    with synapse.Session(late.url, emulator.api_token, timeout=(5, 1)) as slow:
        report = slow.data_collections.get(collection.id).upload(
            source, project=project.id, progress=False
        )
    late.close()

    assert late.was_asked.is_set()
    assert (report.created, report.tasks, report.failed) == (5, 5, [])
    check(session, made, source, tmp_path / "copy")
