"""Downloads of collections and projects."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from list_server import FileServer, make_unit

import synapse
from synapse.errors import ClientError, InvalidResponse, UsageError
from synapse.transfer.bulk import downloader
from synapse.transfer.bulk.downloader import download_tasks, download_units
from synapse.transport import Transport

MD5 = hashlib.md5(b"abc").hexdigest()
FILE = {"path": "a.png", "url": "/media/a.png", "size": 3, "checksum": MD5}


def page(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"count": len(rows), "next": None, "previous": None, "results": list(rows)}


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_units(server: Any, transport: Transport, tmp_path: Path) -> None:
    server.reply(200, page({"id": 4, "files": {"image": FILE}, "meta": {"n": 1}}))
    server.reply(200, b"abc")

    report = download_units(transport, "data_units/", 1, tmp_path, progress=False)

    assert (report.downloaded, report.skipped, report.bytes) == (1, 0, 3)
    assert (tmp_path / "4" / "a.png").read_bytes() == b"abc"
    assert read_lines(tmp_path / "units.jsonl") == [
        {"id": 4, "files": {"image": "4/a.png"}, "meta": {"n": 1}}
    ]


def test_existing_file_is_skipped(server: Any, transport: Transport, tmp_path: Path) -> None:
    (tmp_path / "4").mkdir()
    (tmp_path / "4" / "a.png").write_bytes(b"abc")
    server.reply(200, page({"id": 4, "files": {"image": FILE}, "meta": {}}))

    report = download_units(transport, "data_units/", 1, tmp_path, progress=False)

    assert (report.downloaded, report.skipped) == (0, 1)


def test_file_without_a_url_fails(server: Any, transport: Transport, tmp_path: Path) -> None:
    unit = {"id": 4, "files": {"image": {"path": "a.png"}}}
    server.reply(200, page({"id": 6, "status": "done", "data": None, "data_unit": unit}))

    report = download_tasks(transport, "tasks/", 9, tmp_path, progress=False)

    assert "has no URL of the file" in str(report.failed[0])
    (line,) = read_lines(tmp_path / "annotations.jsonl")
    assert (line["task"], line["data_unit"]) == (6, 4)


def test_dest_that_is_a_file(transport: Transport, tmp_path: Path) -> None:
    (tmp_path / "dest").write_text("")
    with pytest.raises(UsageError, match="dest can't be a folder"):
        download_units(transport, "data_units/", 1, tmp_path / "dest")


@pytest.mark.parametrize("workers", [0, 257, True, "8"])
def test_workers(transport: Transport, tmp_path: Path, workers: Any) -> None:
    with pytest.raises(UsageError, match="workers="):
        download_units(transport, "data_units/", 1, tmp_path, workers=workers)


# -- Calls that go on -----------------------------------------------------------------------------

KEYS = range(1, 201)
SIZE = 10


@pytest.fixture
def lists() -> Iterator[FileServer]:
    server = FileServer(KEYS)
    yield server
    server.close()


@pytest.fixture
def run(lists: FileServer, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Downloads the collection 7 into the folder `dest`."""
    with synapse.Session(lists.url, "some-token", retries=0) as session:

        def call(collection: int = 7, **options: Any) -> Any:
            options = {"progress": False, "page_size": SIZE, **options}
            path = tmp_path / "dest"
            return download_units(session.transport, "units/", collection, path, **options)

        yield call


def test_a_folder_that_is_removed_meanwhile(
    run: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_paths = downloader._list_paths

    def remove(unit: Any) -> Any:
        shutil.rmtree(tmp_path / "dest", ignore_errors=True)
        return list_paths(unit)

    monkeypatch.setattr(downloader, "_list_paths", remove)
    with pytest.raises(UsageError, match=r"units.jsonl can't be written: No such file"):
        run()


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "dest"


def stop(lists: FileServer, run: Callable[..., Any], dest: Path, *, answers: int = 12) -> int:
    """Run until the server answers no list, and return the number of stored lines."""
    lists.answers_left = answers
    with pytest.raises(ClientError):
        run()
    lists.answers_left = 10**9
    lists.forget_queries()
    lists.fetched.clear()
    assert not (dest / "units.jsonl").exists()
    part = dest / ".units.jsonl.part"
    return part.read_bytes().count(b'{"id": ') if part.exists() else 0


def fetch_all(dest: Path, keys: Any) -> None:
    """Write files as if a call had fetched them."""
    for key in keys:
        path = dest / str(key) / f"{key}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(str(key))


def check_result(dest: Path, keys: Any = KEYS) -> None:
    lines = read_lines(dest / "units.jsonl")
    assert lines == [
        {"id": key, "files": {"text": f"{key}/{key}.txt"}, "meta": {"n": key}} for key in keys
    ]
    assert all((dest / line["files"]["text"]).read_text() == str(line["id"]) for line in lines)
    assert [path.name for path in dest.glob(".*")] == []


@pytest.mark.parametrize("order", ["id", "-id", "is_late"])
def test_the_same_call_goes_on(
    lists: FileServer,
    run: Callable[..., Any],
    dest: Path,
    caplog: pytest.LogCaptureFixture,
    order: str,
) -> None:
    # The server's own order may begin like that of the ids.
    lists.rows = [{**row, "is_late": row["id"] in range(50, 150)} for row in lists.rows]
    lists.default_order = order
    stored = stop(lists, run, dest)
    assert 0 < stored < len(KEYS)
    fetch_all(dest, KEYS[:stored])
    caplog.set_level(logging.INFO)

    report = run()

    check_result(dest)
    assert (report.downloaded, report.skipped, report.failed) == (200 - stored, stored, [])
    assert min(int(query["id__gt"][0]) for query in lists.queries) == KEYS[stored - 1]
    assert len(lists.queries) <= (200 - stored) / SIZE + 1
    assert caplog.messages[-1] == f"units.jsonl: goes on after {stored} rows"


def test_pages_that_miss_a_file_are_listed_again(
    lists: FileServer, run: Callable[..., Any], dest: Path
) -> None:
    stored = stop(lists, run, dest)
    fetch_all(dest, KEYS[:stored])
    for key in (3, 4, 25):
        (dest / str(key) / f"{key}.txt").unlink()
    (dest / "26" / "26.txt").write_text("xx")

    report = run()

    check_result(dest)
    assert report.skipped == stored - 4
    assert sorted(lists.fetched) == [3, 4, 25, 26, *KEYS[stored:]]
    ranges = {
        (query.get("id__gt", ["0"])[0], query["id__lte"][0])
        for query in lists.queries
        if int(query.get("id__gt", ["0"])[0]) < stored
        if "id__lte" in query
    }
    assert ranges == {("0", "10"), ("20", "30")}
    assert len(lists.queries) <= (200 - stored) / SIZE + 1 + 2


def test_files_that_the_server_lists_no_longer(
    lists: FileServer, run: Callable[..., Any], dest: Path
) -> None:
    stored = stop(lists, run, dest)
    fetch_all(dest, KEYS[:stored])
    (dest / "3" / "3.txt").unlink()
    (dest / "4" / "4.txt").unlink()
    del lists.rows[2]
    lists.rows[2] = {**make_unit(4), "files": {"text": {"path": "4.txt"}}}

    report = run()

    gone, without_url = sorted(report.failed, key=lambda failure: failure.path)
    assert (gone.path, without_url.path) == (str(dest / "3/3.txt"), str(dest / "4/4.txt"))
    assert "no longer lists the file. The next call lists all units" in str(gone.error)
    assert "has no URL of the file" in str(without_url.error)
    assert (report.downloaded, report.skipped) == (200 - stored, stored - 2)
    assert len(read_lines(dest / "units.jsonl")) == 200


def test_files_without_a_checksum_are_fetched_again(
    lists: FileServer, run: Callable[..., Any], dest: Path
) -> None:
    for row in lists.rows:
        row["files"]["text"]["checksum"] = None
    stop(lists, run, dest)

    report = run()

    assert (report.downloaded, report.skipped) == (200, 0)
    check_result(dest)


def test_what_is_stored(lists: FileServer, run: Callable[..., Any], dest: Path) -> None:
    stop(lists, run, dest)
    part = dest / ".units.jsonl.part"

    assert part.stat().st_mode & 0o777 == 0o600
    assert b"5ecret" not in part.read_bytes()
    assert b"/media/" not in part.read_bytes()
    run()
    assert (dest / "units.jsonl").stat().st_mode == (dest / "1" / "1.txt").stat().st_mode


def test_another_call_is_refused(lists: FileServer, run: Callable[..., Any], dest: Path) -> None:
    stored = stop(lists, run, dest)

    message = rf"units\.jsonl is unfinished: .*another collection \(7\) has stored {stored} rows"
    with pytest.raises(UsageError, match=message):
        run(8)
    with (
        synapse.Session(lists.url, "some-token", tenant="other") as session,
        pytest.raises(UsageError, match="other arguments"),
    ):
        download_units(session.transport, "units/", 7, dest, progress=False)
    # A page that the stopped call has read ahead may be asked for late.
    assert not [query for query in lists.queries if query["data_collection"] == ["8"]]

    run(8, resume=False)
    check_result(dest)
    assert any("id__gt" not in query for query in lists.queries)


def test_a_dry_run_lists_all_and_keeps_the_lines(
    lists: FileServer, run: Callable[..., Any], dest: Path
) -> None:
    stop(lists, run, dest)
    content = (dest / ".units.jsonl.part").read_bytes()

    report = run(8, dry_run=True)

    assert report.downloaded + report.skipped == 200
    assert (dest / ".units.jsonl.part").read_bytes() == content


@pytest.mark.parametrize("rest", [0, 10, 1500, -1])
def test_a_damaged_part(lists: FileServer, run: Callable[..., Any], dest: Path, rest: int) -> None:
    stop(lists, run, dest)
    part = dest / ".units.jsonl.part"
    part.write_bytes(part.read_bytes()[:rest] + b"\0")

    run()

    check_result(dest)
    assert any("id__gt" not in query for query in lists.queries) is (0 <= rest < 1500)


@pytest.mark.parametrize("kind", ["ignores", "refuses"])
def test_servers_without_bounds_list_all_again(
    lists: FileServer, run: Callable[..., Any], dest: Path, kind: str
) -> None:
    lists.has_bounds = kind != "ignores"
    lists.is_strict = kind == "refuses"
    stop(lists, run, dest, answers=9)

    report = run()

    check_result(dest)
    assert report.downloaded + report.skipped == 200


@pytest.mark.parametrize("kind", ["the first page", "another order"])
def test_lists_that_leave_nothing_to_go_on_with(
    lists: FileServer, run: Callable[..., Any], dest: Path, kind: str
) -> None:
    lists.has_bounds = lists.has_cursors = lists.has_ordering = lists.is_sorted = False
    lists.default_order = None
    lists.rows[5], lists.rows[17] = lists.rows[17], lists.rows[5]

    stop(lists, run, dest, answers=0 if kind == "the first page" else 4)

    assert list(dest.glob(".*")) == []
    run()
    assert len(read_lines(dest / "units.jsonl")) == 200


def test_rows_that_don_t_come_after_the_stored_ones(
    lists: FileServer, run: Callable[..., Any], dest: Path
) -> None:
    stop(lists, run, dest)

    def change(query: Any) -> None:
        if len(lists.queries) == 1:
            lists.has_bounds = lists.has_cursors = False

    lists.before = change
    with (
        synapse.Session(lists.url, "some-token", retries=0, paging="numbers") as session,
        pytest.raises(InvalidResponse, match="resume=False"),
    ):
        download_units(session.transport, "units/", 7, dest, progress=False, page_size=SIZE + 2)
    run(resume=False)
    check_result(dest)


def test_tasks_that_share_units(lists: FileServer, tmp_path: Path) -> None:
    lists.rows = [
        {"id": key, "status": "done", "data": None, "data_unit": make_unit(key % 7 + 1)}
        for key in KEYS
    ]
    lists.answers_left = 12
    with synapse.Session(lists.url, "some-token", retries=0) as session:

        def run() -> Any:
            return download_tasks(
                session.transport, "tasks/", 9, tmp_path, progress=False, page_size=SIZE
            )

        with pytest.raises(ClientError):
            run()
        fetch_all(tmp_path, range(1, 8))
        lists.answers_left = 10**9
        lists.queries.clear()
        report = run()

    assert (report.downloaded, report.skipped, report.failed) == (0, 7, [])
    assert [line["task"] for line in read_lines(tmp_path / "annotations.jsonl")] == list(KEYS)
    assert all("id__gt" in query for query in lists.queries)
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_ctrl_c_keeps_the_lines(lists: FileServer, run: Callable[..., Any], dest: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="The same call goes on, and fetches"):
        run(progress=interrupt)
    assert (dest / ".units.jsonl.part").exists()
    assert not (dest / "units.jsonl").exists()
    lists.queries.clear()

    assert run().failed == []
    check_result(dest)
    assert all({"id__gt", "id__lte"} & query.keys() for query in lists.queries)


def test_no_space_for_the_lines(
    lists: FileServer, run: Callable[..., Any], dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(downloader.BlockFile, "add_block", refuse)
        with pytest.raises(UsageError, match=r"units\.jsonl can't be written: No space left"):
            run()
    assert list(dest.glob(".*")) == []
    run()
    check_result(dest)
