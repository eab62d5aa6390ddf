"""Presigned uploads: announce, send without a token, confirm."""

import concurrent.futures
import hashlib
import uuid

import pytest
import requests

from .client import IMAGE, connect, md5

UPLOAD = "data_files/presigned_upload/upload/"
CONFIRM = "data_files/presigned_upload/confirm_upload/"


def sha1(content):
    return hashlib.sha1(content).hexdigest()


def put(url, content, **headers):
    return requests.put(url, data=content, headers=headers, timeout=30)


@pytest.fixture
def tenant(emulator):
    return emulator.create_tenant()


@pytest.fixture
def api(emulator, tenant):
    client = connect(emulator, tenant.api_token)
    with client.http:
        body = {"name": "s", "provider": "minio", "configuration": {}, "is_default": True}
        client.ok("POST", "storages/", body)
        yield client


@pytest.fixture
def parted(emulator, tenant):
    with emulator.behave(tenant=tenant.tenant, multipart_above=5, part_size=4):
        yield


def announce(api, *contents, **options):
    files = [{"filename": f"{n}.png", "size": len(c)} for n, c in enumerate(contents)]
    return api.ok("POST", UPLOAD, {"files": files, **options})["files"]


def confirm(api, key, content, **changes):
    body = {"file_key": key, "checksum": sha1(content), "size": len(content), **changes}
    answer = api.ok("POST", CONFIRM, {"files": [body]})
    return answer["results"][0]


def send_parts(file, content):
    size = file["multipart"]["part_size"]
    parts = []
    for part in file["multipart"]["parts"]:
        start = (part["part_number"] - 1) * size
        etag = put(part["presigned_url"], content[start : start + size]).headers["ETag"]
        parts.append({"part_number": part["part_number"], "etag": etag})
    return {"upload_id": file["multipart"]["upload_id"], "parts": parts}


def test_a_file_in_one_piece(api, emulator):
    files = [{"filename": "a.png", "size": 6, "content_type": "image/png"}]
    answer = api.ok("POST", UPLOAD, {"files": files, "expiration": 60})
    assert answer.keys() == {"files", "expires_at"}
    (file,) = answer["files"]
    assert (file["filename"], file["multipart"]) == ("a.png", None)
    assert not file["presigned_url"].startswith(emulator.url)
    response = put(file["presigned_url"], b"pixels", **{"Content-Type": "image/png"})
    assert (response.status_code, response.headers["ETag"]) == (200, f'"{md5(b"pixels")}"')
    body = {"file_key": file["file_key"], "checksum": sha1(b"pixels"), "size": 6}
    confirmed = api.ok("POST", CONFIRM, {"files": [body]})
    (result,) = confirmed["results"]
    assert (confirmed["created_count"], confirmed["failed_count"]) == (1, 0)
    assert result == {
        "file_key": file["file_key"],
        "checksum": sha1(b"pixels"),
        "data_file_id": result["data_file_id"],
        "success": True,
        "error": None,
    }
    assert confirm(api, file["file_key"], b"pixels") == result
    collection = api.collection(IMAGE)["id"]
    files = {"image": {"checksum": sha1(b"pixels"), "path": "a.png"}}
    unit = api.ok("POST", "data_units/", {"data_collection": collection, "files": files})
    assert api.get(unit["files"]["image"]["url"]).content == b"pixels"


def test_confirmations_at_once_have_one_answer(api, emulator, tenant):
    contents = [b"%d" % number for number in range(100)]
    files = announce(api, *contents)
    for file, content in zip(files, contents, strict=True):
        put(file["presigned_url"], content)
    bodies = [
        {"file_key": file["file_key"], "checksum": sha1(content), "size": len(content)}
        for file, content in zip(files, contents, strict=True)
    ]

    def confirm_all(_):
        with (client := connect(emulator, tenant.api_token)).http:
            return client.ok("POST", CONFIRM, {"files": bodies})

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(confirm_all, range(4)))

    assert [answer["created_count"] for answer in answers] == [100] * 4
    assert all(answer == answers[0] for answer in answers)


def test_a_file_in_parts(api, parted):
    content = b"0123456789"
    small, large = announce(api, b"12345", content)
    assert (small["multipart"], large["presigned_url"]) == (None, None)
    assert [part["part_number"] for part in large["multipart"]["parts"]] == [1, 2, 3]
    multipart = send_parts(large, content)
    result = confirm(api, large["file_key"], content, multipart=multipart)
    assert (result["success"], result["error"]) == (True, None)
    answer = api.ok("POST", "data_files/verify_checksums/", {"checksums": [sha1(content)]})
    assert answer["existing_checksums"] == [sha1(content)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda parts: parts[::-1], "The parts are out of order or incomplete."),
        (lambda parts: parts[:2], "The parts are out of order or incomplete."),
        (lambda parts: [*parts[:2], {**parts[2], "etag": '"0"'}], "Part 3 was not sent, or has"),
        (lambda parts: None, "The upload has parts."),
    ],
)
def test_parts_that_do_not_make_the_file(api, parted, change, reason):
    content = b"0123456789"
    (file,) = announce(api, content)
    multipart = send_parts(file, content)
    parts = change(multipart["parts"])
    sent = None if parts is None else {**multipart, "parts": parts}
    refused = confirm(api, file["file_key"], content, multipart=sent)
    assert (refused["success"], refused["data_file_id"]) == (False, None)
    assert refused["error"].startswith(reason)
    assert confirm(api, file["file_key"], content, multipart=multipart)["success"]


@pytest.mark.parametrize(
    ("sent", "changes", "reason"),
    [
        (None, {}, "The file was not sent."),
        (b"pixel", {}, "The storage has 5 bytes, of 6 announced."),
        (b"pixels", {"size": 7}, "The storage has 6 bytes"),
        (b"pixelt", {}, "The storage has other bytes than the checksum says."),
        (b"pixels", {"file_key": str(uuid.uuid4())}, "No upload has this file_key."),
        (b"pixels", {"file_key": "../x"}, "No upload has this file_key."),
        (b"pixels", {"multipart": {"upload_id": "x", "parts": []}}, "The upload has no parts."),
    ],
)
def test_files_that_cannot_be_confirmed(api, sent, changes, reason):
    (file,) = announce(api, b"pixels")
    if sent is not None:
        put(file["presigned_url"], sent)
    refused = confirm(api, **{"key": file["file_key"], "content": b"pixels", **changes})
    assert not refused["success"]
    assert refused["error"].startswith(reason)
    put(file["presigned_url"], b"pixels")
    assert confirm(api, file["file_key"], b"pixels")["success"]


def test_another_tenants_key_is_refused(api, other):
    (file,) = announce(api, b"pixels")
    put(file["presigned_url"], b"pixels")
    other.ok("POST", "storages/", {"name": "s", "provider": "s3", "configuration": {}})
    refused = confirm(other, file["file_key"], b"pixels")
    assert refused["error"] == "No upload has this file_key. Request a new one."
    assert confirm(api, file["file_key"], b"pixels")["success"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (UPLOAD, {"files": []}, "files"),
        (UPLOAD, {"files": [{"filename": "a", "size": 1}] * 1001}, "files"),
        (UPLOAD, {"files": [{"filename": "a", "size": -1}]}, "files"),
        (UPLOAD, {"files": [{"filename": "a", "size": 1}], "expiration": 59}, "expiration"),
        (UPLOAD, {"files": [{"filename": "a", "size": 1}], "expiration": 86401}, "expiration"),
        (CONFIRM, {"files": [{"file_key": "a", "size": 1, "checksum": "0" * 32}]}, "files"),
    ],
)
def test_wrong_bodies(api, path, body, field):
    response = api.post(path, body)
    assert (response.status_code, list(response.json())) == (400, [field])


@pytest.mark.parametrize("provider", [None, "file_system"])
def test_other_storages_take_no_presigned_uploads(emulator, provider):
    client = connect(emulator, emulator.create_tenant().api_token)
    with client.http:
        if provider:
            body = {"name": "s", "provider": provider, "configuration": {}}
            client.ok("POST", "storages/", body)
        response = client.post(UPLOAD, {"files": [{"filename": "a", "size": 1}]})
        assert response.status_code == 400
        assert response.json()["detail"].startswith("The default storage takes no presigned")


def test_checksums_of_the_other_kind(api, emulator, tenant):
    collection = api.collection(IMAGE)["id"]
    unit = api.unit(collection, image=b"pixels")
    path = f"data_units/{unit['id']}/"
    assert api.ok("GET", path)["files"]["image"]["checksum"] == md5(b"pixels")
    with emulator.behave(tenant=tenant.tenant, checksums="sha1"):
        file = api.ok("GET", path)["files"]["image"]
        assert file["checksum"] == sha1(b"pixels")
        assert api.file(b"more")["checksum"] == sha1(b"more")
        assert api.get(file["url"]).content == b"pixels"


def test_expired_upload_is_refused_until_it_is_renewed(api, emulator, tenant):
    (file,) = announce(api, b"pixels")
    put(file["presigned_url"], b"pixels")
    again = {"filename": "0.png", "size": 6, "file_key": file["file_key"]}
    with emulator.behave(tenant=tenant.tenant, upload_lifetime=0):
        (same,) = api.ok("POST", UPLOAD, {"files": [again]})["files"]
    assert same["file_key"] == file["file_key"]
    refused = confirm(api, file["file_key"], b"pixels")
    assert refused["error"].startswith("The upload has expired.")
    assert put(same["presigned_url"], b"pixels").status_code == 403
    (same,) = api.ok("POST", UPLOAD, {"files": [again]})["files"]
    assert confirm(api, same["file_key"], b"pixels")["success"]


def test_renewal_keeps_the_parts(api, parted):
    content = b"0123456789"
    (file,) = announce(api, content)
    multipart = send_parts(file, content)
    again = {"filename": "0.png", "size": 10, "file_key": file["file_key"]}
    (same,) = api.ok("POST", UPLOAD, {"files": [again]})["files"]
    assert same["multipart"]["upload_id"] == multipart["upload_id"]
    assert confirm(api, file["file_key"], content, multipart=multipart)["success"]


@pytest.mark.parametrize(
    "change", [{"size": 7}, {"filename": "1.png"}, {"content_type": "image/png"}]
)
def test_renewal_of_another_file_is_a_new_upload(api, change):
    (file,) = announce(api, b"pixels")
    again = {"filename": "0.png", "size": 6, "file_key": file["file_key"], **change}
    (new,) = api.ok("POST", UPLOAD, {"files": [again]})["files"]
    assert new["file_key"] != file["file_key"]


def test_renewal_after_the_confirmation_is_a_new_upload(api):
    (file,) = announce(api, b"pixels")
    put(file["presigned_url"], b"pixels")
    assert confirm(api, file["file_key"], b"pixels")["success"]
    again = {"filename": "0.png", "size": 6, "file_key": file["file_key"]}
    (new,) = api.ok("POST", UPLOAD, {"files": [again]})["files"]
    assert new["file_key"] != file["file_key"]


def test_another_tenants_upload_is_not_renewed(api, other):
    other.ok("POST", "storages/", {"name": "s", "provider": "s3", "configuration": {}})
    (file,) = announce(api, b"pixels")
    again = {"filename": "0.png", "size": 6, "file_key": file["file_key"]}
    (new,) = other.ok("POST", UPLOAD, {"files": [again]})["files"]
    assert new["file_key"] != file["file_key"]


def test_urls_name_another_port(api, emulator, tenant):
    with emulator.behave(tenant=tenant.tenant, storage_port=5):
        (file,) = announce(api, b"pixels")
    assert ":5/_storage/" in file["presigned_url"]


@pytest.mark.parametrize("size", [2**62, 2**63, 10**30, (5 << 40) + 1, 40_001])
def test_sizes_of_no_storage_are_refused(api, parted, size):
    answer = api.post(UPLOAD, {"files": [{"filename": "a.bin", "size": size}]})
    assert answer.status_code == 400
    assert "files" in answer.json()


def test_more_than_announced_is_refused_by_the_header(api):
    (file,) = announce(api, b"x")
    answer = put(file["presigned_url"], b"xyz")
    assert (answer.status_code, "of 1 announced" in answer.text) == (400, True)
