"""Filters, order and search of lists."""

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


@pytest.mark.parametrize(
    ("lookup", "first", "end"), [("lt", 0, 2), ("lte", 0, 3), ("gt", 3, 6), ("gte", 2, 6)]
)
def test_bounds_of_ids_and_times(api, tasks, lookup, first, end):
    third, expected = tasks[2], [task["id"] for task in tasks[first:end]]
    assert api.ids("sdk/tasks/", **{f"id__{lookup}": third["id"]}) == expected
    times = {"lt": str.__lt__, "lte": str.__le__, "gt": str.__gt__, "gte": str.__ge__}
    rows = [task for task in tasks if times[lookup](task["created"], third["created"])]
    assert api.ids("sdk/tasks/", **{f"created__{lookup}": third["created"]}) == ids(rows)


def test_keys_between_commas(api, tasks):
    wanted = [tasks[4]["id"], tasks[1]["id"]]
    assert api.ids("sdk/tasks/", id__in=",".join(map(str, wanted))) == sorted(wanted)
    assert api.ids("sdk/tasks/", id__in=f"{wanted[0]},{10**30}") == wanted[:1]
    assert api.ids("sdk/tasks/", id__in=",") == []


@pytest.mark.parametrize(("lookup", "matches"), [("lt", True), ("gte", False)])
def test_bounds_beyond_every_id(api, tasks, lookup, matches):
    assert bool(api.ids("sdk/tasks/", **{f"id__{lookup}": 10**30})) is matches
    assert bool(api.ids("sdk/tasks/", **{f"id__{lookup}": -(10**30)})) is not matches


@pytest.mark.parametrize("name", ["id__lt", "id__in", "created__gte", "updated__lt"])
def test_a_bound_that_is_none_is_refused(api, tasks, name):
    response = api.get("sdk/tasks/", **{name: "next"})
    assert (response.status_code, list(response.json())) == (400, [name])


@pytest.mark.parametrize("path", ["projects/", "plugins/", "data_units/", "models/", "sdk/tasks/"])
@pytest.mark.parametrize("words", ["w " * 3000, "w," * 3000, "w" * 60_000, "a " * 101])
def test_a_search_beyond_what_databases_take_is_refused(api, path, words):
    response = api.get(path, search=words)

    message = "A search has at most 100 words of 1000 characters."
    assert (response.status_code, response.json()) == (400, {"search": [message]})


@pytest.mark.parametrize("path", ["projects/", "plugins/", "data_units/", "models/", "sdk/tasks/"])
@pytest.mark.parametrize("words", ["a " * 100, "w" * 1000, ("x" * 999 + " ") * 100])
def test_a_search_within_its_bounds_works(api, path, words):
    assert api.ids(path, search=words) == []


@pytest.mark.parametrize("page", ["9" * 20, "9" * 5000])
def test_a_page_beyond_every_list_is_404(api, page):
    response = api.get("projects/", page=page)
    assert (response.status_code, response.json()) == (404, {"detail": "Invalid page."})


def test_texts_are_ordered_by_code_points_in_every_database(api):
    titles = ["b", "Ä", "A", "_", "a b", "ab", "B", "a-b", "日本", "a", "\U0001d4b3", "é", "1"]
    for title in titles:
        api.project(title=title)
    for path in ("projects/?ordering=title", "projects/?ordering=-title"):
        rows = api.ok("GET", path)["results"]
        assert [row["title"] for row in rows] == sorted(titles, reverse="-" in path)
    walked, path = [], "projects/?ordering=title&pagination=cursor&page_size=2"
    while path:
        page = api.ok("GET", path)
        walked += [row["title"] for row in page["results"]]
        path = page["next"]
    assert walked == sorted(titles)


@pytest.mark.parametrize(
    ("words", "titles"),
    [
        ("NIGHT", {"Night", "a night"}),
        ("Zürich", {"Zürich"}),
        ("zürich", {"Zürich"}),
        ("ZÜRICH", {"ZÜRICH"}),
        ("%", {"100%"}),
        ("_", {"a_b"}),
        ("\\", {"c:\\d"}),
        ("ss", set()),
    ],
)
def test_a_search_ignores_the_case_of_ascii_letters_in_every_database(api, words, titles):
    for title in ("Night", "a night", "Zürich", "ZÜRICH", "100%", "a_b", "c:\\d", "Straße"):
        api.project(title=title)
    rows = api.get("projects/", search=words).json()["results"]
    assert {row["title"] for row in rows} == titles
