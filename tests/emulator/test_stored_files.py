"""Files inside JSON, as data URIs."""

import pytest


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("data:text/plain;base64,aGk=", "file.txt"),
        ("data:;base64,aGk=", "file.bin"),
        ("data:text/plain;name=a%20b.txt;base64,aGk=", "a%20b.txt"),
        ("data:text/plain;name=..%2F..%2Fx;base64,aGk=", "x"),
    ],
)
def test_a_data_uri_becomes_a_file_with_a_name(api, uri, name):
    entry = api.ok("POST", "logs/", {"message": "", "file": uri})

    assert entry["file"].split("?")[0].endswith(f"/{name}")
    assert api.get(entry["file"]).content == b"hi"


@pytest.mark.parametrize("uri", ["hi", "data:text/plain,hi", "data:text/plain;base64,?", 5])
def test_other_texts_are_refused(api, uri):
    response = api.post("logs/", {"message": "", "file": uri})

    expected = "Expected a data URI in base64, such as data:text/plain;base64,aGk=."
    assert (response.status_code, response.json()) == (400, {"file": [expected]})
