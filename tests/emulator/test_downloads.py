import pytest

from .client import md5, sha256

CONTENT = bytes(range(200)) * 3000  # more than one block, longer than a socket's buffer


@pytest.fixture
def stored(api):
    return api.file(CONTENT, "night photo.png")


def fetch(api, stored, **headers):
    return api.request("GET", stored["url"], headers=headers)


def test_whole(api, stored):
    response = fetch(api, stored)
    assert response.status_code == 200
    assert response.content == CONTENT
    assert response.headers["Content-Length"] == str(len(CONTENT))
    assert response.headers["ETag"] == f'"{sha256(CONTENT)}"'
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["Content-Type"] == "image/png"
    assert response.headers["Content-Disposition"] == 'attachment; filename="night photo.png"'


@pytest.mark.parametrize(
    ("asked", "span"),
    [
        ("bytes=0-0", slice(0, 1)),
        ("bytes=100-299", slice(100, 300)),
        ("bytes=599990-", slice(599990, None)),
        ("bytes=-10", slice(-10, None)),
        ("bytes=599990-9999999", slice(599990, None)),
    ],
)
def test_a_range(api, stored, asked, span):
    response = fetch(api, stored, Range=asked)
    assert response.status_code == 206
    assert response.content == CONTENT[span]
    start, stop, _ = span.indices(len(CONTENT))
    assert response.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(CONTENT)}"
    assert response.headers["Content-Length"] == str(stop - start)


@pytest.mark.parametrize("asked", ["bytes=600000-", "bytes=700000-800000", "bytes=-0"])
def test_a_range_outside_the_file_is_416(api, stored, asked):
    response = fetch(api, stored, Range=asked)
    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{len(CONTENT)}"


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-6", "bytes=9-5", "bytes=-", "lines=1-2", "bytes=a-b"]
)
def test_what_is_not_one_range_gives_the_whole(api, stored, asked):
    response = fetch(api, stored, Range=asked)
    assert (response.status_code, len(response.content)) == (200, len(CONTENT))


def test_if_range(api, stored):
    same = fetch(api, stored, Range="bytes=0-9", **{"If-Range": f'"{sha256(CONTENT)}"'})
    assert same.status_code == 206
    changed = fetch(api, stored, Range="bytes=0-9", **{"If-Range": '"else"'})
    assert (changed.status_code, changed.content) == (200, CONTENT)


def test_if_none_match(api, stored):
    response = fetch(api, stored, **{"If-None-Match": f'W/"{sha256(CONTENT)}"'})
    assert (response.status_code, response.content) == (304, b"")


def test_head(api, stored):
    response = api.request("HEAD", stored["url"])
    assert response.content == b""
    assert response.headers["Content-Length"] == str(len(CONTENT))
    part = api.request("HEAD", stored["url"], headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.headers["Content-Length"]) == (206, "10")
    assert fetch(api, stored, Range="bytes=0-1").content == CONTENT[:2]


def test_any_accept_header_will_do(api, stored):
    assert fetch(api, stored, Accept="image/webp").status_code == 200


def test_content_needs_the_credentials_of_its_tenant(api, other, anonymous, stored):
    assert anonymous.get(stored["url"].split("?")[0]).status_code == 401
    response = other.get(stored["url"])
    assert (response.status_code, response.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ("ä.png", "attachment; filename*=utf-8''%C3%A4.png"),
        ('a"b.png', 'attachment; filename="a\\"b.png"'),
        ("a\r\nX-Evil: 1.png", None),
    ],
)
def test_odd_names_are_safe_in_the_header(api, name, disposition):
    key = sha256(b"pixels")
    api.file(b"pixels")
    response = api.get(f"files/{key}/{name.replace(chr(13), '%0D').replace(chr(10), '%0A')}")
    assert response.status_code == 200
    assert "X-Evil" not in response.headers
    if disposition is not None:
        assert response.headers["Content-Disposition"] == disposition


def test_a_name_that_tries_to_leave_the_folder_stays_a_name(api):
    collection = api.collection({"name": "image", "file_type": "image"})["id"]
    api.file(b"pixels")
    unit = api.ok(
        "POST",
        "data_units/",
        {
            "data_collection": collection,
            "files": {"image": {"checksum": md5(b"pixels"), "path": "../../etc/pass wd?#.png"}},
        },
    )
    file = unit["files"]["image"]
    assert file["path"] == "../../etc/pass wd?#.png"
    assert api.get(file["url"]).content == b"pixels"
