"""URLs that take a file without a token."""

import pytest
import requests

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
