"""Groups of data units."""

import pytest

from .client import IMAGE


def make(api, collection, *groups):
    checksum = api.file(b"pixels")["checksum"]
    files = {"image": {"checksum": checksum, "path": "a.png"}}
    bodies = [{"data_collection": collection, "files": files, "groups": names} for names in groups]
    return api.ok("POST", "data_units/", bodies)


def groups_of(api, units):
    params = {"expand": "group.parent.parent"}
    return [api.ok("GET", f"data_units/{unit['id']}/", params=params)["group"] for unit in units]


def test_the_last_group_of_a_tree_by_name(api):
    collection = api.collection(IMAGE)["id"]
    units = make(
        api, collection, ["site", "left"], ["site", "right"], ["site"], ["site", "left"], []
    )
    left, right, site, again, none = (unit["group"] for unit in units)
    assert (left, none) == (again, None)
    assert len({left, right, site}) == 3
    rows = groups_of(api, units[:3])
    assert [row["name"] for row in rows] == ["left", "right", "site"]
    assert (rows[0]["data_collection"], rows[0]["parent"]) == (collection, site)
    assert rows[2]["parent"] is None
    assert "groups" not in units[0]
    (later,) = make(api, collection, ["site", "right"])
    assert later["group"] == right
    assert api.ids("data_units/", group=right) == [units[1]["id"], later["id"]]


def test_groups_of_collections_are_apart(api, other):
    keys = [
        make(client, client.collection(IMAGE)["id"], ["site"])[0]["group"]
        for client in (api, api, other)
    ]
    assert len(set(keys)) == 3


@pytest.mark.parametrize("groups", ["site", [""], [{"a": 1}], ["a" * 256], ["a"] * 21])
def test_bad_groups(api, groups):
    body = {"data_collection": api.collection()["id"], "files": {}, "groups": groups}
    response = api.post("data_units/", body)
    assert (response.status_code, list(response.json())) == (400, ["groups"])
