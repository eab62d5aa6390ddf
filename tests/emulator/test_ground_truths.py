"""Adding ground truth to a tenant."""

import pytest

from synapse.emulator.errors import EmulatorError


def test_saying_it_again_replaces_it_in_that_version(truths):
    one = truths.units[0]["id"]
    item = {"data_unit": one, "category": "validation"}
    items = [{**item, "data": "first"}, {**item, "data": "last"}]
    assert truths.add(items, version="2") == truths.second
    events = truths.api.get("sdk/ground_truth_events/", data_unit=one).json()["results"]
    assert [(row["data"], row["category"]) for row in events] == [
        ({"n": 1}, "train"),
        ("last", "validation"),
    ]


def test_thousands_at_once(truths):
    api = truths.api
    collection = api.collection()["id"]
    bodies = [{"data_collection": collection, "files": {}}] * 1500
    units = [unit["id"] for unit in api.ok("POST", "data_units/", bodies)]
    items = [{"data_unit": unit, "data": {}, "category": "train"} for unit in units]
    version = truths.add(items, version="3")
    assert api.get(f"ground_truth_dataset_versions/{version}/").json()["event_count"] == 1500


def test_what_others_have_is_refused_by_item(emulator, truths, other):
    foreign = other.project()["id"]
    one = truths.units[0]["id"]
    with pytest.raises(EmulatorError, match=r"400: .*\{\},\{\"data_unit\":.*\"project\":"):
        truths.add(
            [
                {"data_unit": one, "data": {}, "category": "train"},
                {"data_unit": 2**70, "data": {}, "category": "train", "project": foreign},
            ]
        )
    for item in ({}, {"data_unit": one, "data": {}, "category": "x"}, {"data_unit": None}):
        with pytest.raises(EmulatorError, match="answered 400"):
            truths.add([item])
    with pytest.raises(EmulatorError, match="No tenant has this code or token"):
        emulator.add_ground_truths("nobody", [])
    assert other.ids("ground_truths/") == []
    assert other.ids("sdk/ground_truth_events/") == []
    assert other.ids("ground_truth_dataset_versions/") == []


def test_a_tenant_by_its_code(emulator):
    credentials = emulator.create_tenant()
    version = emulator.add_ground_truths(credentials.tenant, [], version="a", dataset="b")
    assert version == emulator.add_ground_truths(credentials.agent_token, [], "a", "b")


def test_only_the_holder_of_the_control_token(api):
    response = api.post("_emulator/ground_truths/", {"tenant": "x", "items": []})
    assert (response.status_code, response.json()) == (404, {"detail": "Not found."})
