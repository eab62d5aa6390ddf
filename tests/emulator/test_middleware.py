"""Headers of every response, and the response when the disk is full."""

import errno
import sqlite3

import pytest
from django.db import OperationalError

from synapse.emulator import Emulator
from synapse.emulator.middleware import is_disk_full

from .client import connect, md5


def test_every_answer_carries_a_request_id(api, anonymous):
    own = api.request("GET", "projects/", headers={"X-Request-ID": "run-7"})
    assert own.headers["X-Request-ID"] == "run-7"
    for path in ("projects/", "nowhere/"):
        made = anonymous.get(path).headers["X-Request-ID"]
        assert len(made) == 32
    odd = anonymous.request("GET", "health/", headers={"X-Request-ID": "a b;<script>"})
    assert odd.headers["X-Request-ID"] != "a b;<script>"


def test_head_has_the_length_and_no_body(api):
    whole = api.get("projects/")
    head = api.request("HEAD", "projects/")
    assert head.content == b""
    assert head.headers["Content-Length"] == str(len(whole.content))
    assert api.get("projects/").status_code == 200  # the connection is still in step


resource = pytest.importorskip("resource", reason="Windows has no such limit")

_MIB = 1 << 20
_FULL = {"detail": "The server's disk is full. Free space there, then send the request again."}


@pytest.fixture(scope="module")
def small():
    """A backend none of whose files can have more than 6 MiB, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6 * _MIB, before[1]))
    running = Emulator()
    try:
        running.start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with running:
        yield running


def by_form(api):
    return api.request("POST", "data_files/", files={"file": ("a.bin", b"x" * (20 * _MIB))})


def by_chunks(api):
    upload = api.chunk(b"x" * (4 * _MIB), 0, 8 * _MIB).json()
    path = f"chunked_upload/{upload['id']}/"
    response = api.chunk(b"x" * (4 * _MIB), 4 * _MIB, 8 * _MIB, path)
    assert api.get(path).json()["offset"] == 4 * _MIB
    return response


def by_a_stream(api):
    pieces = (b"x" * _MIB for _ in range(20))
    return api.request("POST", "logs/", data=pieces)


@pytest.mark.parametrize("send", [by_form, by_chunks, by_a_stream])
def test_a_full_disk_is_507(small, send):
    api = connect(small, small.create_tenant().api_token)
    with api.http:
        response = send(api)
        assert (response.status_code, response.json()) == (507, _FULL)
        assert list((small.data / "incoming").glob("*.draft")) == []
        again = api.file(b"small")  # the server goes on
        assert again["checksum"] == md5(b"small")


def test_parts_that_do_not_fit_together_are_507(small):
    tenant = small.create_tenant()
    api = connect(small, tenant.api_token)
    storage = {"name": "s", "provider": "minio", "configuration": {}, "is_default": True}
    api.ok("POST", "storages/", storage)
    announced = {"files": [{"filename": "a.bin", "size": 8 * _MIB}]}
    with small.behave(tenant=tenant.tenant, multipart_above=1, part_size=4 * _MIB):
        path = "data_files/presigned_upload/"
        (file,) = api.ok("POST", f"{path}upload/", announced)["files"]
    sent = []
    for part in file["multipart"]["parts"]:
        response = api.request(
            "PUT",
            part["presigned_url"],
            data=b"x" * (4 * _MIB),
            headers={"SYNAPSE-Access-Token": None},
        )
        sent.append({"part_number": part["part_number"], "etag": response.headers["ETag"]})
    parts = {"upload_id": file["multipart"]["upload_id"], "parts": sent}
    confirmed = {"file_key": file["file_key"], "checksum": "0" * 40, "size": 8 * _MIB}
    response = api.post(f"{path}confirm_upload/", {"files": [{**confirmed, "multipart": parts}]})
    assert (response.status_code, response.json()) == (507, _FULL)


def chain(error, cause):
    error.__cause__ = cause
    return error


class DiskFull(Exception):
    sqlstate = "53100"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (OperationalError("database or disk is full"), True),
        (chain(OperationalError("could not extend file"), DiskFull()), True),
        (chain(ValueError("x"), OSError(errno.ENOSPC, "")), True),
        (OSError(errno.EACCES, "Permission denied"), False),
        (OperationalError("database is locked"), False),
        (chain(OperationalError("x"), sqlite3.OperationalError("x")), False),
        (ValueError("disk is full"), False),
    ],
)
def test_failures_that_mean_a_full_disk(error, expected):
    assert is_disk_full(error) is expected
