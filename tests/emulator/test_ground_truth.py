import pytest

from synapse.emulator.errors import EmulatorError

from .client import IMAGE, connect


class Truths:
    """A tenant with two units, three versions of two datasets."""

    def __init__(self, emulator, credentials, api):
        self.api = api
        collection = api.collection(IMAGE)["id"]
        self.units = [api.unit(collection, image=content) for content in (b"one", b"two")]
        one, two = (unit["id"] for unit in self.units)
        self.project = project = api.project()["id"]

        def add(items, **names):
            return emulator.add_ground_truths(credentials.api_token, items, **names)

        self.add = add
        self.first = add(
            [
                {"data_unit": one, "data": {"n": 1}, "category": "train", "meta": {"by": "me"}},
                {"data_unit": two, "data": {"n": 2}, "category": "test", "project": project},
            ]
        )
        self.second = add([{"data_unit": one, "data": None, "category": "train"}], version="2")
        self.third = add([{"data_unit": two, "data": {}, "category": "test"}], dataset="other")

    def units_of(self, path, **params):
        return [row["data_unit"] for row in self.api.get(path, **params).json()["results"]]


@pytest.fixture
def truths(emulator):
    credentials = emulator.create_tenant()
    client = connect(emulator, credentials.api_token)
    with client.http:
        yield Truths(emulator, credentials, client)


def test_events(truths):
    one, two = truths.units
    rows = truths.api.get(
        "sdk/ground_truth_events/", ground_truth_dataset_versions=truths.first
    ).json()["results"]
    assert rows[0] == {
        "id": rows[0]["id"],
        "ground_truth": rows[0]["ground_truth"],
        "data": {"n": 1},
        "data_unit": one["id"],
        "files": one["files"],
        "category": "train",
        "ground_truth_dataset_version": truths.first,
        "project": None,
        "meta": {"by": "me"},
        "created": rows[0]["created"],
        "updated": rows[0]["updated"],
    }
    assert (rows[1]["data_unit"], rows[1]["project"]) == (two["id"], truths.project)
    assert len(rows) == 2


def test_filters_of_events(truths):
    path = "sdk/ground_truth_events/"
    one, two = (unit["id"] for unit in truths.units)
    both = [truths.second, truths.third]
    assert truths.units_of(path, ground_truth_dataset_versions=both) == [one, two]
    assert truths.units_of(path, ground_truth_dataset_version=truths.second) == [one]
    version = truths.api.get(f"ground_truth_dataset_versions/{truths.first}/").json()
    dataset = version["ground_truth_dataset"]
    assert truths.units_of(path, ground_truth_dataset=dataset) == [one, two, one]
    assert truths.units_of(path, project=truths.project) == [two]
    assert truths.units_of(path, data_unit=one, category="train") == [one, one]
    order = "-ground_truth_dataset_version,-data_unit"
    assert truths.units_of(path, ordering=order) == [two, one, two, one]
    for name in ("ground_truth_dataset_versions", "ground_truth_dataset", "project"):
        response = truths.api.get(path, **{name: 10**9})
        assert (response.status_code, list(response.json())) == (400, [name])


def test_a_ground_truth_is_what_was_said_last(truths):
    rows = truths.api.get("ground_truths/").json()["results"]
    one, two = (unit["id"] for unit in truths.units)
    assert [(row["data_unit"], row["data"]) for row in rows] == [
        (one, None),
        (two, {"n": 2}),
        (two, {}),
    ]
    assert set(rows[0]) == {
        "id", "data", "data_unit", "category", "ground_truth_dataset", "project", "meta",
        "created", "updated",
    }  # fmt: skip
    path = "ground_truths/"
    dataset = rows[0]["ground_truth_dataset"]
    assert truths.units_of(path, ground_truth_dataset=dataset) == [one, two]
    assert truths.units_of(path, ground_truth_dataset_versions=truths.second) == [one]
    both = [truths.first, truths.third]
    assert truths.units_of(path, ground_truth_dataset_versions=both) == [one, two, two]
    assert truths.units_of(path, project=truths.project) == [two]
    assert truths.units_of(path, ordering="-ground_truth_dataset,data_unit")[0] == two


def test_versions(truths):
    path = "ground_truth_dataset_versions/"
    version = truths.api.get(f"{path}{truths.first}/").json()
    assert version == {
        "id": truths.first,
        "version": "1",
        "ground_truth_dataset": version["ground_truth_dataset"],
        "event_count": 2,
        "description": "",
        "is_archived": False,
        "statistics": {"train": 1, "validation": 0, "test": 1},
        "created": version["created"],
        "updated": version["updated"],
    }
    assert truths.api.get(path).json()["results"][0] == version
    dataset = version["ground_truth_dataset"]
    assert truths.api.ids(path, ground_truth_dataset=dataset) == [truths.first, truths.second]
    assert truths.api.ids(path, project=truths.project) == [truths.first]
    assert truths.api.ids(path, version="2", is_archived="false") == [truths.second]
    assert truths.api.get(path, page_size=2).json()["count"] == 3


def test_expansion(truths):
    row = truths.api.get("sdk/ground_truth_events/", expand="~all").json()["results"][1]
    assert row["data_unit"] == truths.units[1]
    assert row["ground_truth_dataset_version"]["event_count"] == 2
    assert row["project"]["id"] == truths.project
    assert row["ground_truth"]["data"] == {"n": 2}
    row = truths.api.get("ground_truths/", expand="data_unit.data_collection").json()["results"][0]
    assert row["data_unit"]["data_collection"]["name"] == "Photos"


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


def test_only_some_verbs(truths):
    for path in ("ground_truths/", "sdk/ground_truth_events/", "ground_truth_dataset_versions/"):
        assert truths.api.post(path, {}).status_code == 405
    path = f"ground_truth_dataset_versions/{truths.first}/"
    for method in ("PATCH", "PUT", "DELETE"):
        assert truths.api.request(method, path, json={}).status_code == 405
