import pytest

from .client import IMAGE, md5

LABEL = {"name": "label", "file_type": "text", "function_type": "meta"}


def test_collection_with_its_specifications(api):
    collection = api.collection(IMAGE, LABEL, description="of Berlin")
    image, label = collection["file_specifications"]
    assert image == {
        "id": image["id"],
        "name": "image",
        "file_type": "image",
        "function_type": "main",
        "is_required": True,
        "is_primary": False,
        "index": 0,
    }
    assert (label["name"], label["function_type"], label["index"]) == ("label", "meta", 1)
    path = f"data_collections/{collection['id']}/"
    assert api.get(path).json() == collection
    assert api.get(path, expand="file_specifications").json() == collection
    assert {key: collection[key] for key in ("project", "meta", "is_archived")} == {
        "project": None,
        "meta": {},
        "is_archived": False,
    }


def test_patch_replaces_specifications_by_id_or_name(api):
    collection = api.collection(IMAGE, LABEL)
    image, label = collection["file_specifications"]
    path = f"data_collections/{collection['id']}/"
    wanted = [
        {"id": label["id"], "name": "image"},
        {"id": image["id"], "name": "label"},
        {"name": "depth", "file_type": "pcd"},
    ]
    after = api.ok("PATCH", path, {"file_specifications": wanted})["file_specifications"]
    by_name = {item["name"]: item for item in after}
    assert by_name["image"]["id"] == label["id"]
    assert by_name["label"]["id"] == image["id"]
    after = api.ok("PATCH", path, {"file_specifications": [{"name": "depth", "file_type": "data"}]})
    assert [(item["id"], item["file_type"]) for item in after["file_specifications"]] == [
        (by_name["depth"]["id"], "data")
    ]
    untouched = api.ok("PATCH", path, {"name": "Pictures"})
    assert len(untouched["file_specifications"]) == 1


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ([IMAGE, IMAGE], ['More than one file specification has the name "image".']),
        ([{"file_type": "image"}], [{"name": ["This field is required."]}]),
        ([{**IMAGE, "file_type": "x"}], [{"file_type": ['"x" is not a valid choice.']}]),
        ([{**IMAGE, "id": 10**9}], ['Invalid pk "1000000000" - object does not exist.']),
        ("image", {"non_field_errors": ['Expected a list of items but got type "str".']}),
    ],
)
def test_bad_specifications(api, wanted, error):
    path = f"data_collections/{api.collection()['id']}/"
    response = api.request("PATCH", path, json={"file_specifications": wanted})
    assert response.status_code == 400
    assert response.json() == {"file_specifications": error}


def test_a_specification_in_use_is_not_removed(api):
    collection = api.collection(IMAGE)
    api.unit(collection["id"], image=b"pixels")
    path = f"data_collections/{collection['id']}/"
    response = api.request("PATCH", path, json={"file_specifications": []})
    assert response.json() == {
        "file_specifications": ['Data units have files for "image". Remove the units first.']
    }
    assert len(api.get(path).json()["file_specifications"]) == 1


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


def test_content_is_stored_once_for_each_tenant(api, other, emulator):
    first, second = api.file(b"same"), api.file(b"same", "b.png")
    assert first["id"] != second["id"]
    other.file(b"same")
    assert len(list((emulator.data / "files").glob(f"*/*/{md5(b'same')}"))) == 2
    assert list((emulator.data / "incoming").glob("*.draft")) == []


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
    assert answer == {"checksums": [held]}
    response = api.post("data_files/verify_checksums/", {"checksums": "x"})
    assert response.status_code == 400


def test_data_unit(api):
    collection = api.collection(IMAGE, LABEL)
    image, label = api.file(b"pixels"), api.file(b"seven")
    unit = api.ok(
        "POST",
        "data_units/",
        {
            "data_collection": collection["id"],
            "files": {
                "label": {"checksum": label["checksum"], "path": "labels/7.txt"},
                "image": {"checksum": image["checksum"].upper(), "path": "photos/7.png"},
            },
            "meta": {"split": "train"},
        },
    )
    assert list(unit["files"]) == ["image", "label"]
    assert unit["files"]["image"] == {
        "url": unit["files"]["image"]["url"],
        "checksum": md5(b"pixels"),
        "size": 6,
        "path": "photos/7.png",
        "file_type": "image",
    }
    assert unit["files"]["image"]["url"].endswith("/7.png")
    assert (unit["meta"], unit["can_generate_task"]) == ({"split": "train"}, True)
    assert api.get(f"data_units/{unit['id']}/").json() == unit
    assert api.get(unit["files"]["label"]["url"]).content == b"seven"


def test_bulk_units_and_their_errors(api):
    collection = api.collection(IMAGE)["id"]
    sums = [api.file(str(n).encode())["checksum"] for n in range(20)]
    bodies = [
        {"data_collection": collection, "files": {"image": {"checksum": value}}} for value in sums
    ]
    created = api.ok("POST", "data_units/", bodies)
    assert [unit["files"]["image"]["checksum"] for unit in created] == sums
    assert [unit["id"] for unit in created] == api.ids("data_units/", data_collection=collection)
    bad = [
        bodies[0],
        {"data_collection": collection, "files": {}},
        {"data_collection": collection, "files": {"picture": {"checksum": sums[0]}}},
        {"data_collection": collection, "files": {"image": {"checksum": "0" * 32}}},
        {"data_collection": collection, "files": {"image": "x"}},
        {"data_collection": collection, "files": []},
        {"data_collection": collection, "files": {"image": {"checksum": sums[0], "path": 5}}},
        {"files": {}},
    ]
    response = api.post("data_units/", bad)
    assert response.status_code == 400
    assert response.json() == [
        {},
        {"files": ['The file for "image" is required.']},
        {
            "files": [
                'The data collection has no file specification "picture".',
                'The file for "image" is required.',
            ]
        },
        {"files": ['No file with the checksum of "image" has been uploaded.']},
        {"files": ['"image" must be an object with a "checksum".']},
        {"files": ['Expected a dictionary of items but got type "list".']},
        {"files": ['The path of "image" is not a valid string.']},
        {"data_collection": ["This field is required."]},
    ]
    assert len(api.ids("data_units/", data_collection=collection)) == 20


def test_another_tenants_file_cannot_be_claimed_by_its_checksum(api, other):
    collection = api.collection(IMAGE)["id"]
    files = {"image": {"checksum": other.file(b"secret")["checksum"]}}
    response = api.post("data_units/", {"data_collection": collection, "files": files})
    assert list(response.json()) == ["files"]


def test_a_unit_is_deleted_but_not_changed(api):
    unit = api.unit(api.collection(IMAGE)["id"], image=b"pixels")
    path = f"data_units/{unit['id']}/"
    assert api.request("PATCH", path, json={}).status_code == 405
    assert api.request("DELETE", path).status_code == 204
    assert api.get(path).status_code == 404


def test_a_file_has_a_unit_of_its_own(api):
    collection = api.collection(IMAGE)["id"]
    first, second = api.file(b"pixels", "night.png"), api.file(b"pixels", "again.png")
    bound = api.unit(collection, image=b"pixels")["id"]
    assert api.ids("data_units/", data_collection=collection) == [bound]
    own = api.get(f"data_units/{first['data_unit_id']}/", expand="data_collection").json()
    assert own["files"] == {
        "file": {
            "url": first["url"],
            "checksum": first["checksum"],
            "size": 6,
            "path": "night.png",
            "file_type": "data",
        }
    }
    uploads = own["data_collection"]
    assert (uploads["name"], uploads["category"]) == ("Uploaded files", "data")
    assert [row["name"] for row in uploads["file_specifications"]] == ["file"]
    own_units = api.ids("data_units/", data_collection=uploads["id"])
    assert own_units[:2] == [first["data_unit_id"], second["data_unit_id"]]
    assert len(own_units) == 3
    task = api.task(api.project()["id"], data_unit=second["data_unit_id"])
    assert task["files"]["file"]["checksum"] == second["checksum"]


def test_units_of_single_files_are_listed_only_where_they_are_asked_for(api):
    own = api.file(b"pixels", "night.png")["data_unit_id"]
    assert api.ids("data_units/") == []
    assert api.ids("data_collections/") == []
    collection = api.collection(IMAGE)["id"]
    bound = api.unit(collection, image=b"pixels")["id"]
    assert api.ids("data_units/") == [bound]
    assert api.ids("data_collections/") == [collection]
    assert api.get("data_units/").json()["count"] == 1
    assert api.ids("data_units/", id=[own, bound]) == [own, bound]
    uploads = api.get(f"data_units/{own}/").json()["data_collection"]
    assert own in api.ids("data_units/", data_collection=uploads)
    assert api.ids("data_collections/", id=uploads) == [uploads]
    assert api.ids("data_collections/", name="Uploaded files") == [uploads]


def test_a_unit_of_a_chunked_upload(api):
    created = api.ok("POST", "data_files/", {"chunked_upload": api.uploaded(b"big file")})
    unit = api.get(f"data_units/{created['data_unit_id']}/").json()
    assert unit["files"]["file"]["path"] == "big.bin"


def test_the_collection_of_uploaded_files_is_made_again_when_it_is_gone(api, other):
    first = api.file(b"one")["data_unit_id"]
    key = api.get(f"data_units/{first}/").json()["data_collection"]
    api.ok("DELETE", f"data_collections/{key}/")
    second = api.file(b"two")["data_unit_id"]
    again = api.get(f"data_units/{second}/").json()["data_collection"]
    assert again != key
    assert api.ids("data_units/", data_collection=again) == [second]
    assert other.ids("data_collections/", id=again) == []


def test_a_file_loses_its_unit_but_not_its_content(api):
    created = api.file(b"pixels")
    api.ok("DELETE", f"data_units/{created['data_unit_id']}/")
    assert api.get(created["url"]).content == b"pixels"
