"""Uploaded files."""

import pytest

from .client import md5


def test_data_file(api):
    created = api.file(b"pixels", "ä b.png")
    assert created == {
        "id": created["id"],
        "filename": "ä b.png",
        "checksum": md5(b"pixels"),
        "size": 6,
        "url": created["url"],
        "meta": {},
        "data_unit_id": created["data_unit_id"],
        "processing_status": "completed",
        "created": created["created"],
        "updated": created["updated"],
    }
    assert api.get(created["url"]).content == b"pixels"


def test_data_file_from_a_chunked_upload(api):
    upload = api.uploaded(b"big file")
    created = api.ok(
        "POST", "data_files/", {"chunked_upload": upload, "meta": {"filename": "night.mp4"}}
    )
    assert (created["checksum"], created["filename"]) == (md5(b"big file"), "night.mp4")
    assert created["meta"] == {"filename": "night.mp4"}
    assert api.get(created["url"]).content == b"big file"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, {"file": ["No file was submitted."]}),
        ({"chunked_upload": "x"}, {"chunked_upload": ["Must be a valid UUID."]}),
        (
            {"chunked_upload": "7d444840-9dc0-11d1-b245-5ffdce74fad2"},
            {
                "chunked_upload": [
                    'Invalid pk "7d444840-9dc0-11d1-b245-5ffdce74fad2" - object does not exist.'
                ]
            },
        ),
    ],
)
def test_bad_data_file(api, body, error):
    response = api.post("data_files/", body)
    assert (response.status_code, response.json()) == (400, error)


def test_an_unfinished_upload_is_no_data_file(api):
    upload = api.chunk(b"abc", 0, 6).json()
    response = api.post("data_files/", {"chunked_upload": upload["id"]})
    assert response.json() == {"chunked_upload": ["The upload is not finished."]}


def test_an_empty_file_is_refused_as_the_platform_does(api):
    response = api.request("POST", "data_files/", files={"file": ("a.png", b"")})
    assert response.json() == {"file": ["The submitted file is empty."]}


def test_verify_checksums_tells_those_that_are_held(api, other):
    held, foreign = api.file(b"mine")["checksum"], other.file(b"theirs")["checksum"]
    answer = api.ok("POST", "data_files/verify_checksums/", {"checksums": [foreign, held, "x"]})
    assert answer == {"existing_checksums": [held], "checksums": [held]}
    response = api.post("data_files/verify_checksums/", {"checksums": "x"})
    assert response.status_code == 400
