"""Uploads of many files, with one worker and scripted responses."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from synapse.errors import UsageError
from synapse.transfer.bulk.upload_item import Specification
from synapse.transfer.bulk.uploader import Endpoints, UploadTarget, upload_many
from synapse.transport import Transport

MD5 = hashlib.md5(b"abc").hexdigest()
TARGET = UploadTarget(
    collection=1,
    created="today",
    specifications=[Specification("image", "image")],
    project=9,
    endpoints=Endpoints("data_files/", "data_units/", "tasks/", "task_list/", "truths/"),
)
EMPTY = {"count": 0, "next": None, "previous": None, "results": []}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"abc")
    return folder


def test_stages(server: Any, transport: Transport, folder: Path, tmp_path: Path) -> None:
    server.reply(200, EMPTY)
    server.reply(200, EMPTY)
    server.reply(200, {"checksums": []})
    server.reply(201, {"id": 3, "checksum": MD5})
    server.reply(201, [{"id": 4}])
    server.reply(201, [{"id": 5}])
    options: dict[str, Any] = {"workers": 1, "progress": False, "journal": tmp_path / "journal"}

    report = upload_many(transport, TARGET, folder, **options)

    assert (report.created, report.tasks, report.files_sent) == (1, 1, 1)
    assert [request.target.partition("?")[0] for request in server.requests] == [
        "/data_units/",
        "/storages/",
        "/data_files/verify_checksums/",
        "/data_files/",
        "/data_units/",
        "/tasks/",
    ]

    page = {**EMPTY, "count": 1, "results": [{"id": 4}]}
    server.reply(200, page)
    server.reply(200, page)
    report = upload_many(transport, TARGET, folder, **options)
    assert (report.created, report.skipped) == (0, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers=0"),
        ({"on_error": "ignore"}, "on_error='ignore'"),
        ({"skip_existing": "units"}, "skip_existing='units'"),
    ],
)
def test_wrong_arguments(
    transport: Transport, folder: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        upload_many(transport, TARGET, folder, **options)
