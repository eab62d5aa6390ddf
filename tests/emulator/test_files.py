"""Content on disk."""

import os
import sqlite3

import pytest

from synapse.emulator import Emulator

from .client import COLLIDING, IMAGE, connect, md5, sha256


def by_form(api, content, name):
    return api.file(content, name)["url"]


def by_chunks(api, content, name):
    body = {"chunked_upload": api.uploaded(content), "meta": {"filename": name}}
    return api.ok("POST", "data_files/", body)["url"]


def as_model(api, content, name):
    data = {"name": name, "plugin": api.plugin(name)["id"], "version": "1"}
    response = api.request("POST", "models/", data=data, files={"file": (name, content)})
    assert response.status_code == 201, response.text
    return response.json()["file"]


def test_content_is_stored_once_for_each_tenant(api, other, emulator):
    first, second = api.file(b"same"), api.file(b"same", "b.png")
    assert first["id"] != second["id"]
    other.file(b"same")
    assert len(list((emulator.data / "files").glob(f"*/*/{sha256(b'same')}"))) == 2
    assert list((emulator.data / "incoming").glob("*.draft")) == []


def test_a_file_loses_its_unit_but_not_its_content(api):
    created = api.file(b"pixels")
    api.ok("DELETE", f"data_units/{created['data_unit_id']}/")
    assert api.get(created["url"]).content == b"pixels"


@pytest.mark.parametrize("second", [by_form, by_chunks, as_model])
@pytest.mark.parametrize("first", [by_form, by_chunks, as_model])
def test_contents_of_one_md5_stay_two(api, first, second):
    assert md5(COLLIDING[0]) == md5(COLLIDING[1])
    urls = first(api, COLLIDING[0], "a.bin"), second(api, COLLIDING[1], "b.bin")

    responses = [api.get(url) for url in urls]
    assert tuple(response.content for response in responses) == COLLIDING
    assert responses[0].headers["ETag"] != responses[1].headers["ETag"]


def test_a_unit_names_one_of_two_contents_of_one_md5_by_its_sha256(api):
    for content in COLLIDING:
        api.file(content)
    collection = api.collection(IMAGE)["id"]
    body = {"data_collection": collection, "files": {"image": {"checksum": md5(COLLIDING[0])}}}

    refused = api.post("data_units/", body)
    assert refused.status_code == 400
    message = 'Several uploaded files have the checksum of "image". Send the SHA-256 instead.'
    assert refused.json() == {"files": [message]}
    for content in COLLIDING:
        body["files"] = {"image": {"checksum": sha256(content).upper()}}
        unit = api.ok("POST", "data_units/", body)
        assert api.get(unit["files"]["image"]["url"]).content == content


def test_an_md5_of_two_contents_is_not_known(api):
    checksum = md5(COLLIDING[0])
    for content, expected in zip(COLLIDING, ([checksum], []), strict=True):
        api.file(content)
        body = {"checksums": [checksum, sha256(COLLIDING[0])]}
        known = api.ok("POST", "data_files/verify_checksums/", body)["existing_checksums"]
        assert known == [*expected, sha256(COLLIDING[0])]


def test_bytes_left_by_a_crash_are_not_stored(api, emulator):
    upload = api.chunk(b"whole", 0, 5).json()
    (path,) = (emulator.data / "incoming").glob(f"*{upload['id']}*")
    with path.open("ab") as stream:
        stream.write(b" and more")
    api.ok("POST", upload["url"], {"md5": md5(b"whole")})

    stored = api.ok("POST", "data_files/", {"chunked_upload": upload["id"]})
    assert (stored["size"], api.get(stored["url"]).content) == (5, b"whole")


@pytest.mark.sqlite
@pytest.mark.parametrize(("again", "count"), [(COLLIDING[0], 1), (COLLIDING[1], 2)])
def test_a_folder_from_before_sha256_keeps_its_contents(tmp_path, again, count):
    with Emulator(tmp_path) as running:
        stored = connect(running, running.api_token).file(COLLIDING[0])
    (path,) = tmp_path.glob(f"files/*/*/{sha256(COLLIDING[0])}")
    old = path.parents[1] / stored["checksum"][:2] / stored["checksum"]
    old.parent.mkdir(exist_ok=True)
    path.rename(old)
    with sqlite3.connect(tmp_path / "db.sqlite3") as database:
        database.execute("UPDATE emulator_blob SET sha256 = '', sha1 = ''")
    database.close()

    with Emulator(tmp_path) as running:
        api = connect(running, running.api_token)
        row = f"data_units/{stored['data_unit_id']}/"

        def read():
            return api.get(api.ok("GET", row)["files"]["file"]["url"]).content

        assert read() == COLLIDING[0]
        assert api.get(api.file(again)["url"]).content == again
        assert read() == COLLIDING[0]
    assert len([item for item in tmp_path.glob("files/*/*/*") if item.is_file()]) == count


def test_drafts_of_a_killed_backend_are_removed(tmp_path):
    incoming = tmp_path / "incoming"
    with Emulator(tmp_path) as running:
        upload = connect(running, running.api_token).chunk(b"abc", 0, 6).json()
    (incoming / "presigned" / "a").mkdir(parents=True)
    left = ["1.draft", "2.joined", "tmpab_c1.upload.png", "presigned/a/3.draft", "old.part"]
    kept = [f"{upload['id']}.part", "another.part", "presigned/a/0"]
    for name in (*left, *kept):
        (incoming / name).touch()
    os.utime(incoming / "old.part", (0, 0))
    os.utime(incoming / kept[0], (0, 0))

    with Emulator(tmp_path) as running:
        found = [str(path.relative_to(incoming)) for path in incoming.rglob("*") if path.is_file()]
        assert sorted(found) == sorted(kept)
        api = connect(running, running.api_token)
        path = f"chunked_upload/{upload['id']}/"
        assert api.chunk(b"def", 3, 6, path).json()["offset"] == 6
