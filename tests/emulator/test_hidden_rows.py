"""Rows that lists leave out."""

from .client import IMAGE


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
    assert api.ids("data_units/", id__in=f"{own},{bound}") == [own, bound]
    assert api.ids("data_units/", id__gt=own - 1) == [bound]
    uploads = api.get(f"data_units/{own}/").json()["data_collection"]
    assert own in api.ids("data_units/", data_collection=uploads)
    assert api.ids("data_collections/", id=uploads) == [uploads]
    assert api.ids("data_collections/", id__in=uploads) == [uploads]
    assert api.ids("data_collections/", name="Uploaded files") == [uploads]
