from concurrent.futures import ThreadPoolExecutor

import pytest

from .client import md5

CONTENT = bytes(range(256)) * 40


def test_chunks_make_a_file(api):
    half = len(CONTENT) // 2
    first = api.chunk(CONTENT[:half], 0, len(CONTENT))
    assert first.status_code == 200
    upload = first.json()
    assert set(upload) == {
        "id", "url", "file", "filename", "offset", "created_at", "status", "completed_at", "user",
    }  # fmt: skip
    assert (upload["offset"], upload["status"], upload["completed_at"]) == (half, 1, None)
    assert upload["url"] == f"{api.url}/chunked_upload/{upload['id']}/"
    assert upload["user"] == api.get("users/me/").json()["id"]
    second = api.chunk(CONTENT[half:], half, len(CONTENT), upload["url"]).json()
    assert second["offset"] == len(CONTENT)
    done = api.ok("POST", upload["url"], {"md5": md5(CONTENT)})
    assert (done["status"], done["offset"]) == (2, len(CONTENT))
    assert api.get(upload["url"]).json() == done


@pytest.mark.parametrize("start", [0, 50])
def test_a_chunk_that_does_not_follow_tells_where_the_server_is(api, start):
    upload = api.chunk(CONTENT[:100], 0, len(CONTENT)).json()
    response = api.chunk(CONTENT[start : start + 10], start, len(CONTENT), upload["url"])
    assert (response.status_code, response.json()) == (
        400,
        {"detail": "Offsets do not match", "expected_offset": 100, "provided_offset": start},
    )
    assert api.get(upload["url"]).json()["offset"] == 100


def test_a_wrong_checksum_is_refused_and_the_upload_stays_open(api):
    upload = api.chunk(CONTENT[:100], 0, len(CONTENT)).json()
    response = api.post(upload["url"], {"md5": "0" * 32})
    assert (response.status_code, response.json()) == (400, {"detail": "checksum does not match"})
    assert api.get(upload["url"]).json()["status"] == 1
    assert api.post(upload["url"], {}).status_code == 400


def test_finishing_twice_is_refused(api):
    upload = api.chunk(CONTENT, 0, len(CONTENT)).json()
    api.ok("POST", upload["url"], {"md5": md5(CONTENT)})
    response = api.post(upload["url"], {"md5": md5(CONTENT)})
    assert (response.status_code, response.json()) == (
        400,
        {"detail": 'Upload has already been marked as "complete"'},
    )
    assert api.chunk(b"x", len(CONTENT), len(CONTENT) + 1, upload["url"]).status_code == 400


def test_a_whole_file_in_one_post(api):
    response = api.request(
        "POST",
        "chunked_upload/",
        files={"file": ("a.bin", CONTENT)},
        data={"filename": "a.bin", "md5": md5(CONTENT)},
    )
    assert (response.status_code, response.json()["status"]) == (200, 2)
    created = api.ok("POST", "data_files/", {"chunked_upload": response.json()["id"]})
    assert created["checksum"] == md5(CONTENT)


def test_one_of_several_senders_of_a_chunk_wins(api):
    for _ in range(5):
        upload = api.chunk(CONTENT[:100], 0, len(CONTENT)).json()

        def send(_: int, url: str = upload["url"]) -> int:
            return api.chunk(CONTENT[100:], 100, len(CONTENT), url).status_code

        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(send, range(4))) == [200, 400, 400, 400]
        assert api.ok("POST", upload["url"], {"md5": md5(CONTENT)})["status"] == 2


def test_one_of_several_ends_of_an_upload_wins(api):
    for _ in range(10):
        upload = api.chunk(CONTENT, 0, len(CONTENT)).json()

        def end(_: int, url: str = upload["url"]) -> int:
            return api.post(url, {"md5": md5(CONTENT)}).status_code

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(end, range(8))) == [200] + [400] * 7


def test_own_uploads_are_listed_and_those_of_others_are_not_there(api, other):
    upload = api.chunk(b"abc", 0, 6).json()
    assert [row["id"] for row in api.get("chunked_upload/").json()["results"]] == [upload["id"]]
    assert other.get("chunked_upload/").json()["results"] == []
    assert other.get(upload["url"]).status_code == 404
    assert other.chunk(b"def", 3, 6, upload["url"]).status_code == 404
    assert other.post(upload["url"], {"md5": md5(b"abc")}).status_code == 404
    response = other.post("data_files/", {"chunked_upload": upload["id"]})
    assert list(response.json()) == ["chunked_upload"]


@pytest.mark.parametrize("pk", ["5", "not-a-uuid", "7d444840-9dc0-11d1-b245-5ffdce74fad2"])
def test_an_unknown_upload_is_404_in_json(api, pk):
    for method in ("GET", "PUT", "POST"):
        headers = {"Content-Range": "bytes 0-0/1"}
        files = {"file": ("a", b"a")} if method == "PUT" else None
        response = api.request(
            method, f"chunked_upload/{pk}/", headers=headers, files=files, data={"md5": "x"}
        )
        assert response.status_code == 404
        assert "detail" in response.json()


@pytest.mark.parametrize(
    ("span", "detail"),
    [
        ("", "Error in request headers"),
        ("bytes 0-2", "Error in request headers"),
        ("bytes 0-99999999999999999999/6", "Error in request headers"),
        ("bytes 0-5/6", "File size doesn't match headers: file size is 3 but 6 reported"),
        ("bytes 0-8/6", "End of chunk exceeds reported total (6 bytes)"),
    ],
)
def test_bad_ranges(api, span, detail):
    response = api.request(
        "PUT",
        "chunked_upload/",
        files={"file": ("a", b"abc")},
        data={"filename": "a"},
        headers={"Content-Range": span},
    )
    assert (response.status_code, response.json()) == (400, {"detail": detail})


def test_bodies_that_are_no_chunk(api):
    headers = {"Content-Range": "bytes 0-2/3"}
    for body in ([1], "abc", {"file": "abc"}, {}):
        response = api.request("PUT", "chunked_upload/", json=body, headers=headers)
        assert response.status_code == 400
        assert "detail" in response.json()
    missing = api.request("PUT", "chunked_upload/", files={"file": ("a", b"abc")}, headers=headers)
    assert missing.json() == {"detail": {"filename": ["This field is required."]}}
