import pytest

from .client import IMAGE


@pytest.fixture
def tasks(api):
    """Six tasks of two projects, three states."""
    one, two = api.project(title="One")["id"], api.project(title="Two")["id"]
    states = ["pending", "completed", "in_progress"]
    return api.ok(
        "POST",
        "tasks/",
        [
            {"project": project, "status": status, "is_discarded": status == "completed"}
            for project in (one, two)
            for status in states
        ],
    )


def ids(rows, **fields):
    return [row["id"] for row in rows if all(row[key] in values for key, values in fields.items())]


def test_a_repeated_filter_means_any_of(api, tasks):
    assert api.ids("sdk/tasks/", status="pending") == ids(tasks, status=["pending"])
    both = ["pending", "completed"]
    assert api.ids("sdk/tasks/", status=both) == ids(tasks, status=both)
    wanted = [tasks[4]["id"], tasks[1]["id"]]
    assert api.ids("sdk/tasks/", id=wanted) == sorted(wanted)


def test_a_comma_is_no_separator(api, tasks):
    assert api.ids("sdk/tasks/", status="pending,completed") == []


def test_different_filters_must_all_hold(api, tasks):
    project = tasks[3]["project"]
    assert api.ids("sdk/tasks/", status=["pending", "completed"], project=project) == [
        tasks[3]["id"],
        tasks[4]["id"],
    ]


@pytest.mark.parametrize(
    ("value", "status"), [("true", ["completed"]), ("false", ["pending", "in_progress"])]
)
def test_booleans(api, tasks, value, status):
    assert api.ids("sdk/tasks/", is_discarded=value) == ids(tasks, status=status)


def test_spans_of_time_include_their_ends(api):
    first, second, third = (api.project(title=str(n)) for n in range(3))
    assert api.ids("projects/", created_after=second["created"]) == [second["id"], third["id"]]
    assert api.ids("projects/", created_before=second["created"]) == [first["id"], second["id"]]
    api.ok("PATCH", f"projects/{first['id']}/", {"title": "new"})
    assert api.ids("projects/", updated_after=third["updated"]) == [first["id"], third["id"]]
    response = api.get("projects/", created_after="yesterday")
    assert (response.status_code, response.json()) == (
        400,
        {"created_after": ["Enter a valid date/time."]},
    )


@pytest.mark.parametrize(
    ("params", "status", "body"),
    [
        (
            {"project": 77777777},
            400,
            {"project": ["Select a valid choice. 77777777 is not one of the available choices."]},
        ),
        ({"project": "x"}, 400, {"project": ["Enter a whole number."]}),
        ({"id": "x"}, 400, {"id": ["Enter a whole number."]}),
        ({"status": "a\x00"}, 400, {"status": ["Null characters are not allowed."]}),
        (
            {"created_after": "0001-01-01T00:00:00+14:00"},
            400,
            {"created_after": ["Enter a valid date/time."]},
        ),
        ({"id": 2**70}, 200, None),
        ({"status": "zzz"}, 200, None),
    ],
)
def test_odd_filter_values(api, tasks, params, status, body):
    response = api.get("sdk/tasks/", **params)
    assert response.status_code == status
    if body is None:
        assert response.json()["results"] == []
    else:
        assert response.json() == body


def test_unknown_and_empty_parameters_are_ignored(api, tasks):
    assert api.ids("sdk/tasks/", nonsense=5, status="", ordering="nonsense") == ids(tasks)


def test_a_filter_by_another_tenants_object_is_refused(api, other):
    foreign = other.project()["id"]
    assert api.get("sdk/tasks/", project=foreign).status_code == 400


def test_filter_by_tags_gives_each_task_once(api):
    project = api.project()["id"]
    one, two = (api.ok("POST", "task_tags/", {"name": name})["id"] for name in "ab")
    both = api.task(project, tags=[one, two])["id"]
    only = api.task(project, tags=[two])["id"]
    api.task(project)
    assert api.ids("sdk/tasks/", tags=[one, two]) == [both, only]
    assert api.ids("sdk/tasks/", tags=one) == [both]


def test_filter_by_unit_assignee_and_collection(api):
    collection = api.collection(IMAGE)["id"]
    unit = api.unit(collection, image=b"pixels")["id"]
    me = api.get("users/me/").json()["id"]
    project = api.project()["id"]
    task = api.task(project, data_unit=unit, assignee=me)["id"]
    api.task(project)
    assert api.ids("sdk/tasks/", data_unit=unit) == [task]
    assert api.ids("sdk/tasks/", assignee=me) == [task]
    assert api.ids("data_units/", data_collection=collection) == [unit]


def test_order(api, tasks):
    expected = sorted(tasks, key=lambda task: (task["status"], -task["id"]))
    assert api.ids("sdk/tasks/", ordering="status,-id") == ids(expected)
    newest = sorted(tasks, key=lambda task: -task["id"])
    assert api.ids("sdk/tasks/", ordering="-created,-id") == ids(newest)
    by_project = sorted(tasks, key=lambda task: (-task["project"], task["id"]))
    assert api.ids("sdk/tasks/", ordering="-project") == ids(by_project)


def test_pages_in_an_order_with_ties_give_each_row_once(api):
    project = api.project()["id"]
    api.ok("POST", "tasks/", [{"project": project}] * 40)
    seen = []
    for page in range(1, 5):
        seen += api.ids("sdk/tasks/", ordering="status", page=page, page_size=10)
    assert seen == sorted(set(seen))
    assert len(seen) == 40


def test_search(api):
    street = api.project(title="Street scenes")["id"]
    forest = api.project(title="Forest", description="no streets here")["id"]
    api.project(title="Sea")
    assert api.ids("projects/", search="STREET") == [street, forest]
    assert api.ids("projects/", search="street forest") == [forest]
    named = api.collection(name="Street photos")["id"]
    assert api.ids("data_collections/", search="street") == [named]
    task = api.task(street, meta={"camera": "front-left"})["id"]
    api.task(street, meta={"camera": "rear"})
    assert api.ids("sdk/tasks/", search="front-left") == [task]
    assert api.get("projects/", search="\x00").status_code == 400


def test_pages(api):
    project = api.project()["id"]
    api.ok("POST", "tasks/", [{"project": project}] * 250)
    first = api.get("sdk/tasks/", project=project).json()
    assert (first["count"], len(first["results"]), first["previous"]) == (250, 100, None)
    second = api.get(first["next"]).json()
    assert second["previous"].startswith(api.url)
    third = api.get(second["next"]).json()
    assert (len(third["results"]), third["next"]) == (50, None)
    rows = first["results"] + second["results"] + third["results"]
    assert len({row["id"] for row in rows}) == 250


def test_page_limits(api):
    project = api.project()["id"]
    bodies = [{"project": project}] * 1001
    api.ok("POST", "tasks/", bodies)
    assert len(api.ids("sdk/tasks/", page_size=5000)) == 1000
    assert len(api.ids("sdk/tasks/", page_size=0)) == 100
    assert len(api.ids("sdk/tasks/", page_size=7)) == 7
    for page in ("0", "99999", "abc", "9" * 40):
        response = api.get("sdk/tasks/", page=page)
        assert (response.status_code, response.json()) == (404, {"detail": "Invalid page."})


def test_a_page_of_a_thousand_rows_with_as_many_relations(api):
    collection = api.collection(IMAGE)["id"]
    files = {"image": {"checksum": api.file(b"pixels")["checksum"]}}
    units = api.ok("POST", "data_units/", [{"data_collection": collection, "files": files}] * 1000)
    project = api.project()["id"]
    api.ok("POST", "tasks/", [{"project": project, "data_unit": unit["id"]} for unit in units])
    response = api.get("sdk/tasks/", expand="~all", page_size=1000)
    assert response.status_code == 200
    assert [row["data_unit"]["id"] for row in response.json()["results"]] == [
        unit["id"] for unit in units
    ]


@pytest.fixture
def annotated(api):
    collection = api.collection(IMAGE)
    unit = api.unit(collection["id"], image=b"pixels")
    project = api.project(data_collection=collection["id"])
    tag = api.ok("POST", "task_tags/", {"name": "night"})
    task = api.task(project["id"], data_unit=unit["id"], tags=[tag["id"]])
    return {"collection": collection, "unit": unit, "project": project, "tag": tag, "task": task}


def test_expand_replaces_ids_by_objects(api, annotated):
    row = api.get("sdk/tasks/", expand="project,data_unit,tags,assignee").json()["results"][0]
    assert row["project"] == {**annotated["project"], "task_count": 1}
    assert row["data_unit"] == annotated["unit"]
    assert row["tags"] == [annotated["tag"]]
    assert row["assignee"] is None
    assert row["files"] == annotated["unit"]["files"]


def test_expand_repeated_dotted_and_on_one_object(api, annotated):
    path = f"tasks/{annotated['task']['id']}/"
    task = api.get(path, expand=["project.data_collection", "data_unit"]).json()
    assert task["project"]["data_collection"] == annotated["collection"]
    assert task["data_unit"] == annotated["unit"]
    changed = api.ok("PATCH", path, {"priority": "low"}, params={"expand": "project"})
    assert changed["project"]["id"] == annotated["project"]["id"]


@pytest.mark.parametrize("wildcard", ["~all", "*"])
def test_expand_everything(api, annotated, wildcard):
    row = api.get("sdk/tasks/", expand=wildcard).json()["results"][0]
    assert row["project"]["title"] == "Streets"
    assert row["data_unit"]["files"] == annotated["unit"]["files"]
    assert row["tags"][0]["name"] == "night"


def test_an_unknown_expansion_is_ignored_and_a_deep_one_refused(api, annotated):
    row = api.get("sdk/tasks/", expand="nonsense").json()["results"][0]
    assert row["project"] == annotated["project"]["id"]
    response = api.get("sdk/tasks/", expand=".".join(["project"] * 2000))
    assert (response.status_code, response.json()) == (400, {"detail": "Expansion depth exceeded"})


def test_fields_and_omit(api, annotated):
    row = api.get("sdk/tasks/", fields="id,status").json()["results"][0]
    assert set(row) == {"id", "status"}
    row = api.get("sdk/tasks/", omit="data,files").json()["results"][0]
    assert {"data", "files"}.isdisjoint(row)
    assert "status" in row
    row = api.get("sdk/tasks/", expand="project", fields="id,project.title").json()["results"][0]
    assert row == {"id": annotated["task"]["id"], "project": {"title": "Streets"}}
    unit = api.get("data_units/", omit="files").json()["results"][0]
    assert "files" not in unit
