"""Downloads of collections and projects."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from synapse.errors import UsageError
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
