"""Data units."""

from .client import IMAGE, md5

LABEL = {"name": "label", "file_type": "text", "function_type": "meta"}


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
    assert unit["files"]["image"]["url"].split("?")[0].endswith("/7.png")
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
