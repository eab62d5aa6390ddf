"""A session whose backend's workers are killed, all of them at once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from worker_processes import has_proc, kill_workers, wait_until

import synapse
from synapse import errors
from synapse.emulator import Emulator
from synapse.testing.tenants import EmulatorTenant
from synapse.transfer.chunked_upload import upload_in_chunks

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not has_proc(), reason="finds the workers in /proc"),
]


@pytest.fixture(scope="module")
def pooled() -> Iterator[Emulator]:
    with Emulator(workers=2) as emulator:
        yield emulator


@pytest.fixture
def tenant(pooled: Emulator) -> Iterator[EmulatorTenant]:
    tenant = EmulatorTenant(pooled)
    yield tenant
    tenant.close()


@pytest.fixture
def session(tenant: EmulatorTenant) -> synapse.Session:
    return tenant.session()


def test_faults_and_behaviours_go_on(
    pooled: Emulator, tenant: EmulatorTenant, session: synapse.Session
) -> None:
    with tenant.fault("503", after=1, count=2, retry_after=0, path="projects/") as fault:
        session.projects.count()
        kill_workers(pooled)
        before = session.request_count
        session.projects.count()
        assert session.request_count - before >= 3  # a lost connection may cost one more
        assert fault.served == 2
    tenant.behave(max_query=5)
    kill_workers(pooled)
    with pytest.raises(errors.ServerError):
        list(tenant.session(retries=0).projects.page_size(10))


def test_requests_in_flight(
    pooled: Emulator, tenant: EmulatorTenant, session: synapse.Session
) -> None:
    """One that is idempotent is sent again; another one was done once, and fails."""
    results: list[int | str] = []

    def create() -> None:
        try:
            session.projects.create(title="new", category="text")
        except errors.ConnectionFailed as error:
            results.append(f"may have been processed: {error.may_have_been_processed}")

    threads = [
        threading.Thread(target=lambda: results.append(session.users.me().id)),
        threading.Thread(target=create),
    ]
    slow = [
        tenant.fault("slow", seconds=25, method=method, path=path)
        for method, path in (("GET", "users/me/"), ("POST", "projects/"))
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: all(fault.served for fault in slow))
    wait_until(lambda: tenant.session().projects.count() == 1)
    kill_workers(pooled)
    for thread in threads:
        thread.join()

    assert set(results) == {session.users.me().id, "may have been processed: True"}
    assert [project.title for project in session.projects] == ["new"]


def test_a_follower_of_a_job_gets_each_line_once(
    pooled: Emulator, session: synapse.Session
) -> None:
    job = session.plugins.create(name="Detector").run("train").update(status="running")
    job.update(console_logs=["one"])
    lines = job.follow()
    found = [next(lines)]
    for message in ("two", "three"):
        kill_workers(pooled)
        job.update(console_logs=[message])
        found.append(next(lines))
    job.update(status="succeeded")

    assert found + list(lines) == ["one", "two", "three"]


def test_an_upload_in_chunks(pooled: Emulator, session: synapse.Session, tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(bytes(range(256)) * 20_000)
    at = {2 << 20, 4 << 20}

    def progress(sent: int, _: int) -> None:
        if sent in at:
            at.remove(sent)
            kill_workers(pooled)

    row = upload_in_chunks(session.transport, path, chunk_size=1 << 20, progress=progress)

    assert not at
    assert (row["status"], row["offset"]) == (2, path.stat().st_size)
    body = {"chunked_upload": row["id"]}
    file = session.transport.request("POST", "data_files/", json=body)
    again = session.data_files.verify_checksums([file["checksum"]])
    assert len(again) == 1


@pytest.mark.parametrize("wire", ["direct", "presigned"])
def test_an_upload_of_many_files(
    pooled: Emulator, tenant: EmulatorTenant, session: synapse.Session, tmp_path: Path, wire: str
) -> None:
    for number in range(60):
        (tmp_path / f"{number:02}.png").write_bytes(b"photo %d " % number * 50)
    collection = session.data_collections.create(
        name="Photos",
        category="image",
        file_specifications=[synapse.FileSpecification(name="image", file_type="image")],
    )
    if wire == "presigned":
        session.storages.create(
            name="bucket", provider="minio", category="internal", configuration={}, is_default=True
        )
    shares = [0.2, 0.6]

    def progress(done: int, total: int) -> None:
        if shares and done >= shares[0] * total > 0:
            shares.pop(0)
            kill_workers(pooled)

    report = collection.upload(tmp_path, workers=4, progress=progress)

    assert (report.created, report.failed, shares) == (60, [], [])
    units = list(collection.data_units.page_size(100))
    names = Counter(unit.files["image"].path for unit in units)
    assert names == Counter(path.name for path in tmp_path.iterdir())
