"""Units of files that were uploaded alone."""

from .client import IMAGE


def test_a_file_has_a_unit_of_its_own(api):
    collection = api.collection(IMAGE)["id"]
    first, second = api.file(b"pixels", "night.png"), api.file(b"pixels", "again.png")
    bound = api.unit(collection, image=b"pixels")["id"]
    assert api.ids("data_units/", data_collection=collection) == [bound]
    own = api.get(f"data_units/{first['data_unit_id']}/", expand="data_collection").json()
    assert own["files"] == {
        "file": {
            "url": own["files"]["file"]["url"],
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
