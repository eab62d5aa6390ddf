"""Data collections and their file specifications."""

import pytest

from .client import IMAGE

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
