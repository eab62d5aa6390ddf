"""Every verb and every kind of fault: the result here and at the server.

The table says it all. A number is a success after that many requests, `done` one after however
many it took. `unsent` is an error, and the server has done nothing; `unknown` is an error, and the
server has done it. Nothing is ever done twice, and nothing that succeeded wasn't done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import attrs
import pytest
from fault_proxy import Fault, FaultProxy

import synapse
from synapse import errors
from synapse.testing.tenants import EmulatorTenant
from synapse.transfer.chunked_upload import upload_in_chunks
from synapse.transport import deadline_blocks
from synapse.transport.retry import RetryPolicy

pytestmark = pytest.mark.usefixtures("each_exchange")

TABLE = """
              get  list  create   bulk_create  save     delete  annotate  tag      upload   chunks
latency       1    1     1        1            1        1       1         1        1        done
drip          1    1     1        1            1        1       1         1        1        done
refused       2    2     2        2            2        2       2         2        2        done
reset         2    2     unsent   unsent       unsent   2       2         unsent   done     done
ignored       2    2     unsent   unsent       unsent   2       2         unsent   done     done
cut-request   2    2     unsent   unsent       unsent   2       2         unsent   done     done
reset-request 2    2     unsent   unsent       unsent   2       2         unsent   done     done
lost          2    2     unknown  unknown      unknown  2       2         unknown  done     done
reset-answer  2    2     unknown  unknown      unknown  2       2         unknown  done     done
silence       2    2     unknown  unknown      unknown  2       2         unknown  done     done
cut-status    2    2     unknown  unknown      unknown  2       2         unknown  done     done
cut-headers   2    2     unknown  unknown      unknown  1       2         unknown  done     done
cut-body      2    2     unknown  unknown      unknown  1       2         unknown  done     done
reset-body    2    2     unknown  unknown      unknown  1       2         unknown  done     done
"""
# The same faults on the way of presigned uploads: to the server at both ends, and to the storage.
# Each upload makes one file.
PRESIGNED = """
              announce  put   part  confirm
latency       done      done  done  done
drip          done      done  done  done
refused       done      done  done  done
reset         done      done  done  done
ignored       done      done  done  done
cut-request   done      done  done  done
reset-request done      done  done  done
lost          done      done  done  done
reset-answer  done      done  done  done
silence       done      done  done  done
cut-status    done      done  done  done
cut-headers   done      done  done  done
cut-body      done      done  done  done
reset-body    done      done  done  done
"""
# Only what has a deadline ends when the answer drips on and on: streamed files have none of their
# own, and go on for as long as something comes.
SLOW = """
              get  list  create   bulk_create  save     delete  annotate  tag
slow-drip     late late  late     late         late     late    late      late
"""

FAULTS = {
    "latency": Fault(latency=0.03),
    "drip": Fault(drip=40, pause=0.001),
    "reset": Fault(on_accept="reset"),
    "ignored": Fault(on_accept="ignore"),
    "cut-request": Fault(up=100),
    "reset-request": Fault(up=100, how="reset"),
    "lost": Fault(down=0),
    "reset-answer": Fault(down=0, how="reset"),
    "silence": Fault(down=0, how="silence"),
    "cut-status": Fault(down=8),
    "cut-headers": Fault(down=24),
    "cut-body": Fault(down=3, beyond_headers=True),
    "reset-body": Fault(down=3, beyond_headers=True, how="reset"),
    "slow-drip": Fault(drip=1, pause=0.02),
}
ERRORS = {
    "reset": errors.ConnectionFailed,
    "ignored": errors.RequestTimeout,
    "cut-request": errors.ConnectionFailed,
    "reset-request": errors.ConnectionFailed,
    "lost": errors.ConnectionFailed,
    "reset-answer": errors.ConnectionFailed,
    "silence": errors.RequestTimeout,
    "cut-status": errors.ConnectionFailed,
    "cut-headers": errors.InvalidResponse,
    "cut-body": errors.ConnectionFailed,
    "reset-body": errors.ConnectionFailed,
    "slow-drip": errors.RequestTimeout,
}


def cells(table: str) -> list[Any]:
    """Return fault, verb and outcome of each cell."""
    found = []
    head, *lines = table.split("\n")[1:-1]
    for line in lines:
        fault, *outcomes = line.split()
        for verb, outcome in zip(head.split(), outcomes, strict=True):
            found.append(pytest.param(fault, verb, outcome, id=f"{verb}-{fault}"))
    return found


@attrs.frozen
class Verb:
    """A verb of the object layer.

    Attributes:
        do: Does it, once.
        times_done: Says by the server's records how often it was done.
    """

    do: Callable[[], Any]
    times_done: Callable[[], int]


class Bench:
    """A tenant with something of everything, seen directly, and through the proxy."""

    def __init__(self, tenant: EmulatorTenant, proxy: FaultProxy, folder: Path) -> None:
        self.proxy = proxy
        self.direct = synapse.Session(tenant.url, tenant.api_token, uploads="direct")
        self.tenant = tenant
        self.folder = folder
        path = folder / "sample.txt"
        path.write_bytes(b"a sample")
        uploaded = self.direct.data_files.upload(path)
        collection = self.direct.data_collections.create(
            name="Samples",
            category="text",
            file_specifications=[synapse.FileSpecification(name="text", file_type="text")],
        )
        files = {"text": {"checksum": uploaded.checksum, "path": "sample.txt"}}
        self.unit = collection.data_units.create(files=files)
        self.count = 0
        self.armed: list[str] = []
        self.storage = self.open_storage()
        self.uploads: list[dict[str, Any]] = []

    def open_storage(self) -> FaultProxy:
        """Make a storage that takes presigned uploads, in parts above 20 kB, behind a proxy."""
        self.direct.storages.create(
            name="bucket", provider="minio", category="internal", configuration={}, is_default=True
        )
        file = {"filename": "a", "size": 1}
        answer = self.direct.transport.request(
            "POST", "data_files/presigned_upload/upload/", json={"files": [file]}
        )
        storage = FaultProxy(answer["files"][0]["presigned_url"])
        port = urlsplit(storage.url).port
        self.tenant.behave(storage_port=port, multipart_above=20_000, part_size=10_000)
        return storage

    def presign(self, step: str, fault: str, session: synapse.Session) -> Verb:
        """Prepare a presigned upload, one step of which is faulty."""
        self.count += 1
        path = self.folder / f"{step} {self.count}.txt"
        path.write_bytes(path.name.encode() * (1500 if step == "part" else 500))
        faults = [fault]

        def arm(proxy: FaultProxy) -> None:
            if faults:
                self.arm(faults.pop(), proxy)

        def on_request(event: synapse.Event) -> None:
            if step == "confirm" and event.url.endswith("/confirm_upload/"):
                arm(self.proxy)

        options = attrs.evolve(
            session.transport.options, uploads="presigned", on_request=on_request
        )
        session.transport.options = options

        def do() -> None:
            if step in ("announce", "put"):
                arm(self.proxy if step == "announce" else self.storage)
            made = session.data_files.upload(
                path, progress=lambda *_: arm(self.storage) if step == "part" else None
            )
            assert made.checksum == hashlib.sha1(path.read_bytes()).hexdigest()
            assert not faults

        def times_done() -> int:
            collections = self.direct.data_collections.filter(name="Uploaded files")
            units = [unit for one in collections for unit in one.data_units]
            return sum(1 for unit in units if unit.files["file"].path == path.name)

        return Verb(do, times_done)

    def verb(self, name: str, session: synapse.Session) -> Verb:
        """Prepare a verb on things of its own."""
        self.count += 1
        direct = self.direct
        title = f"{name} {self.count}"
        project = direct.projects.create(title=title, category="text")
        mine = session.projects.get(project.id)
        match name:
            case "get":
                return Verb(lambda: session.projects.filter(id=project.id)[0].title, lambda: 1)
            case "list":
                return Verb(lambda: list(session.projects.filter(id=project.id)), lambda: 1)
            case "create":
                made = f"new {title}"
                return Verb(
                    lambda: session.projects.create(title=made, category="text"),
                    lambda: sum(1 for one in direct.projects if one.title == made),
                )
            case "bulk_create":
                bodies = [{"data_unit": self.unit.id}] * 3
                return Verb(
                    lambda: mine.tasks.bulk_create(bodies), lambda: project.tasks.count() // 3
                )
            case "save":
                mine.title = f"saved {title}"
                return Verb(mine.save, lambda: int(project.refresh().title == f"saved {title}"))
            case "delete":
                return Verb(
                    mine.delete,
                    lambda: int(not direct.projects.filter(id=project.id).exists()),
                )
        task = project.tasks.create(data_unit=self.unit)
        its = session.tasks.get(task.id)
        document = {"annotations": [{"type": "class", "label": title}]}
        match name:
            case "annotate":
                return Verb(
                    lambda: its.annotate(document), lambda: int(task.refresh().data == document)
                )
            case "tag":
                tag = project.task_tags.create(name=title)
                return Verb(lambda: its.tag(tag.id), lambda: task.refresh().tag_ids.count(tag.id))
        content = title.encode() * 500
        checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()
        path = self.folder / f"{title}.txt"
        path.write_bytes(content)
        if name == "upload":
            return Verb(
                lambda: session.data_files.upload(path),
                lambda: len(direct.data_files.verify_checksums([checksum])),
            )
        assert name == "chunks"
        return Verb(
            lambda: self.uploads.append(self.send_in_chunks(session, path)),
            lambda: self.times_complete(checksum),
        )

    def send_in_chunks(self, session: synapse.Session, path: Path) -> Any:
        """Send a file in three chunks, the second of them through the fault."""
        size = path.stat().st_size
        faults, self.armed = self.armed, []

        def progress(sent: int, total: int) -> None:
            if faults:
                self.arm(faults.pop())

        row = upload_in_chunks(session.transport, path, chunk_size=-(-size // 3), progress=progress)
        assert (row["status"], row["offset"]) == (2, size)
        return row

    def times_complete(self, checksum: str) -> int:
        body = {"chunked_upload": self.uploads.pop()["id"]}
        row = self.direct.transport.request("POST", "data_files/", json=body)
        return int(row["checksum"] == checksum)

    def arm(self, fault: str, proxy: FaultProxy | None = None) -> None:
        """Make the next connection a faulty one."""
        proxy = proxy or self.proxy
        if fault == "refused":
            proxy.refuse()
        else:
            proxy.next(FAULTS[fault])

    def close(self) -> None:
        self.direct.close()
        self.tenant.close()
        self.storage.close()


@pytest.fixture(scope="module")
def bench(backend: Any, tmp_path_factory: Any) -> Iterator[Bench]:
    proxy = FaultProxy(backend.url)
    made = Bench(EmulatorTenant(backend), proxy, tmp_path_factory.mktemp("matrix"))
    yield made
    made.close()
    proxy.close()


@pytest.fixture
def through(bench: Bench) -> Iterator[synapse.Session]:
    """A session through the proxy, which listens again before the second attempt."""
    with synapse.Session(
        bench.proxy.url,
        bench.tenant.api_token,
        timeout=(5, 0.7),
        uploads="direct",
        on_retry=lambda retry: bench.proxy.listen() if not bench.proxy.listens else None,
    ) as session:
        policy = RetryPolicy(attempts=3, base=0.001)
        session.transport.options = attrs.evolve(session.transport.options, retry=policy)
        yield session
    for proxy in (bench.proxy, bench.storage):
        if not proxy.listens:
            proxy.listen()
        proxy.next()


@pytest.mark.parametrize(("fault", "name", "outcome"), cells(TABLE))
def test_outcome(
    bench: Bench, through: synapse.Session, fault: str, name: str, outcome: str
) -> None:
    verb = bench.verb(name, through)
    if name == "chunks":
        bench.armed = [fault]
    else:
        bench.arm(fault)
    before = through.request_count
    if outcome == "done" or outcome.isdecimal():
        verb.do()
        assert outcome in ("done", str(through.request_count - before))
        assert verb.times_done() == 1
        return
    with pytest.raises((errors.ClientError, errors.BulkError)) as caught:
        verb.do()
    error = caught.value.cause if isinstance(caught.value, errors.BulkError) else caught.value
    assert type(error) is ERRORS[fault]
    assert error.attempts == through.request_count - before == 1
    assert error.request_id
    bench.proxy.answered.wait(30) if outcome == "unknown" else bench.proxy.next()
    assert verb.times_done() == (1 if outcome == "unknown" else 0)


@pytest.mark.parametrize(("fault", "step", "outcome"), cells(PRESIGNED))
def test_outcome_of_a_presigned_upload(
    bench: Bench,
    through: synapse.Session,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    step: str,
    outcome: str,
) -> None:
    def pause(seconds: float) -> bool:
        if not bench.storage.listens:
            bench.storage.listen()
        return deadline_blocks.pause(seconds)

    monkeypatch.setattr("synapse.transfer.retry_delay.pause", pause)
    verb = bench.presign(step, fault, through)
    verb.do()
    assert (outcome, verb.times_done()) == ("done", 1)


@pytest.mark.parametrize(("fault", "name", "outcome"), cells(SLOW))
def test_outcome_of_what_never_ends(
    bench: Bench, through: synapse.Session, fault: str, name: str, outcome: str
) -> None:
    verb = bench.verb(name, through)
    through.transport.options = attrs.evolve(through.transport.options, deadline=0.4)
    bench.arm(fault)
    before = through.request_count
    late = (errors.RequestTimeout, errors.BulkError)
    with pytest.raises(late, match=r"within 0\.4 s, its deadline"):
        verb.do()
    assert through.request_count - before == 1
    assert verb.times_done() == 1


def test_the_table_has_every_fault() -> None:
    for table in (TABLE, PRESIGNED):
        assert {cell.values[0] for cell in cells(table)} == {*FAULTS, "refused"} - {"slow-drip"}
    named = {cell.values[0] for table in (TABLE, SLOW) for cell in cells(table)}
    assert named == {*FAULTS, "refused"}
    assert {*ERRORS} == {*FAULTS} - {"latency", "drip"}
