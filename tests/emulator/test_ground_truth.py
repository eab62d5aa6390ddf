def test_events(truths):
    one, two = truths.units
    rows = truths.api.get(
        "sdk/ground_truth_events/", ground_truth_dataset_versions=truths.first
    ).json()["results"]
    assert rows[0] == {
        "pgh_id": rows[0]["pgh_id"],
        "id": rows[0]["ground_truth"],
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
    events = truths.api.get(path, ordering="-pgh_id").json()["results"]
    keys = [event["pgh_id"] for event in events]
    assert keys == sorted(set(keys), reverse=True)
    assert len({event["id"] for event in events}) < len(events)
    first, *_, last = truths.api.get(path, ordering="id").json()["results"]
    assert first["id"] < last["id"]
    for field in ("id", "pgh_id"):
        values = sorted(event[field] for event in events)
        below = truths.api.get(path, **{f"{field}__lt": values[-1]}).json()["results"]
        assert sorted(event[field] for event in below) == [v for v in values if v < values[-1]]
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
        "id", "data", "data_unit", "files", "category", "ground_truth_dataset", "project", "meta",
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


def test_only_some_verbs(truths):
    for path in ("ground_truths/", "sdk/ground_truth_events/", "ground_truth_dataset_versions/"):
        assert truths.api.post(path, {}).status_code == 405
    path = f"ground_truth_dataset_versions/{truths.first}/"
    for method in ("PATCH", "PUT", "DELETE"):
        assert truths.api.request(method, path, json={}).status_code == 405
