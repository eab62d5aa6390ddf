"""URLs that take a file without a token."""

import contextlib
import sqlite3

import pytest
import requests

from synapse.emulator import Emulator

from .client import connect
from .test_presigned import announce, api, confirm, parted, put, tenant

__all__ = ["api", "parted", "tenant"]


def code_of(response):
    return response.text.partition("<Code>")[2].partition("</Code>")[0]


@pytest.mark.parametrize(
    "header", ["Authorization", "SYNAPSE-Access-Token", "SYNAPSE-Agent", "SYNAPSE-Tenant"]
)
def test_a_token_is_refused(api, header):
    (file,) = announce(api, b"pixels")
    refused = put(file["presigned_url"], b"pixels", **{header: "Token abc"})
    assert (refused.status_code, code_of(refused)) == (400, "InvalidRequest")


@pytest.mark.parametrize("change", ["other file", "other signature", "none"])
def test_a_url_takes_its_own_file_only(api, change):
    one, two = (file["presigned_url"] for file in announce(api, b"pixels", b"pixels"))
    url = {
        "other file": one.split("?")[0] + "?" + two.split("?")[1],
        "other signature": one[:-1] + ("B" if one[-1] != "B" else "C"),
        "none": one.split("?")[0],
    }[change]
    refused = put(url, b"pixels")
    assert (refused.status_code, code_of(refused)) == (403, "AccessDenied")
    assert requests.get(one, timeout=30).status_code == 405


def test_a_confirmed_upload_is_closed(api):
    (file,) = announce(api, b"pixels")
    put(file["presigned_url"], b"pixels")
    assert confirm(api, file["file_key"], b"pixels")["success"]
    refused = put(file["presigned_url"], b"others")
    assert (refused.status_code, code_of(refused)) == (403, "AccessDenied")
    assert "confirmed" in refused.text


def test_the_announced_type_and_size_are_kept(api):
    body = {"files": [{"filename": "a", "size": 6, "content_type": "image/png"}]}
    url = api.ok("POST", "data_files/presigned_upload/upload/", body)["files"][0]["presigned_url"]
    refused = put(url, b"pixels", **{"Content-Type": "text/plain"})
    assert (refused.status_code, code_of(refused)) == (403, "SignatureDoesNotMatch")
    refused = put(url, b"pixels!", **{"Content-Type": "image/png"})
    assert (refused.status_code, code_of(refused)) == (400, "EntityTooLarge")


def test_a_part_is_replaced_by_a_later_one(api, parted):
    (file,) = announce(api, b"0123456789")
    url = file["multipart"]["parts"][0]["presigned_url"]
    first, second = (put(url, content).headers["ETag"] for content in (b"0000", b"0123"))
    assert first != second


@pytest.mark.sqlite
def test_uploads_that_expired_are_removed_at_the_next_start(tmp_path):
    emulator = Emulator(tmp_path / "data")
    with emulator:
        client = connect(emulator, emulator.api_token)
        with client.http:
            body = {"name": "s", "provider": "minio", "configuration": {}}
            client.ok("POST", "storages/", body)
            kept, expired = announce(client, b"pixels", b"pixels")
            for file in (kept, expired):
                put(file["presigned_url"], b"pixels")
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "db.sqlite3")) as database:
        key = expired["file_key"].replace("-", "")
        change = "UPDATE emulator_presignedupload SET expires = '2026-01-01' WHERE key = ?"
        database.execute(change, [key])
        database.commit()
    with emulator:
        client = connect(emulator, emulator.api_token)
        with client.http:
            assert confirm(client, kept["file_key"], b"pixels")["success"]
            refused = confirm(client, expired["file_key"], b"pixels")
    assert refused["error"].startswith("No upload has this file_key.")
    assert list((tmp_path / "data" / "incoming" / "presigned").iterdir()) == []
