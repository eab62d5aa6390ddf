import pytest


@pytest.fixture
def kind(api, request):
    """Makes some tasks or assignments of a project, and says where they are."""

    def make(project, count):
        me = api.me()
        api.ok("POST", "tasks/", [{"project": project, "assignee": me} for _ in range(count)])
        return api.ids(f"sdk/{request.param}/", project=project)

    return request.param, make


both = pytest.mark.parametrize("kind", ["tasks", "assignments"], indirect=True)


def tags_of(api, path):
    return [sorted(row["tags"]) for row in api.get(f"sdk/{path}/").json()["results"]]


@both
def test_add_and_remove(api, kind):
    path, make = kind
    project = api.project()["id"]
    ids = make(project, 3)
    one, two = api.tag(), api.tag("day", project=project)
    answer = api.ok("POST", f"{path}/set_tags/", {"ids": [*ids, ids[0]], "tags": [two, one]})
    assert answer == {"count": 3, "ids": ids, "tags": [two, one], "action": "add"}
    assert tags_of(api, path) == [[one, two]] * 3
    body = {"ids": ids[1:], "tags": [one], "action": "remove"}
    assert api.ok("POST", f"{path}/set_tags/", body)["action"] == "remove"
    assert tags_of(api, path) == [[one, two], [two], [two]]
    # Repeating a change is not an error.
    api.ok("POST", f"{path}/set_tags/", body)
    api.ok("POST", f"{path}/set_tags/", {**body, "action": "add"})
    assert tags_of(api, path) == [[one, two]] * 3


@both
def test_older_spelling(api, kind):
    path, make = kind
    ids, tag = make(api.project()["id"], 2), api.tag()
    body = {f"{path[:-1]}_ids": ids, "tag_ids": [tag]}
    assert api.ok("POST", f"{path}/set_tags/", body)["count"] == 2
    assert tags_of(api, path) == [[tag], [tag]]
    api.ok("POST", f"{path}/set_tags/", {**body, "action": "remove"})
    assert tags_of(api, path) == [[], []]


@both
def test_unknown_ids_are_named_and_nothing_is_done(api, other, kind):
    path, make = kind
    ids, tag, foreign = make(api.project()["id"], 2), api.tag(), other.tag()
    unknown = 'Invalid pk "{}" - object does not exist.'
    response = api.post(
        f"{path}/set_tags/", {"ids": [ids[0], 10**9, 2**70], "tags": [tag, foreign]}
    )
    assert (response.status_code, response.json()) == (
        400,
        {
            "ids": [unknown.format(10**9), unknown.format(2**70)],
            "tags": [unknown.format(foreign)],
        },
    )
    response = api.post(f"{path}/set_tags/", {f"{path[:-1]}_ids": [0], "tag_ids": [0]})
    assert set(response.json()) == {f"{path[:-1]}_ids", "tag_ids"}
    assert tags_of(api, path) == [[], []]


@both
def test_a_tag_of_another_project_is_refused(api, kind):
    path, make = kind
    one, two = api.project()["id"], api.project()["id"]
    ids = make(one, 1) + make(two, 1)
    tag = api.tag(project=one)
    response = api.post(f"{path}/set_tags/", {"ids": ids, "tags": [tag, api.tag()]})
    assert response.json() == {"tags": [f'The tag "{tag}" belongs to another project.']}
    assert tags_of(api, path) == [[], []]
    api.ok("POST", f"{path}/set_tags/", {"ids": ids, "tags": [tag], "action": "remove"})
    response = api.request("PATCH", f"{path}/{ids[1]}/", json={"tags": [tag]})
    assert response.json() == {"tags": [f'The tag "{tag}" belongs to another project.']}
    assert api.ok("PATCH", f"{path}/{ids[0]}/", {"tags": [tag]})["tags"] == [tag]


def test_a_new_task_takes_no_tag_of_another_project(api):
    one, two = api.project()["id"], api.project()["id"]
    tag = api.tag(project=one)
    response = api.post("tasks/", [{"project": p, "tags": [tag]} for p in (one, two)])
    assert response.json() == [{}, {"tags": [f'The tag "{tag}" belongs to another project.']}]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"ids", "tags"}),
        ({"ids": [1]}, {"tags"}),
        ({"ids": 1, "tags": "x"}, {"ids", "tags"}),
        ({"ids": ["x"], "tags": [None]}, {"ids", "tags"}),
        ({"ids": [True], "tags": [[1]]}, {"ids", "tags"}),
        ({"ids": [], "tags": [], "action": "set"}, {"action"}),
        ({"ids": [1] * 10_001, "tags": []}, {"ids"}),
        ([], {"non_field_errors"}),
        ("x", {"non_field_errors"}),
    ],
)
def test_bad_bodies(api, body, fields):
    response = api.post("tasks/set_tags/", body)
    assert response.status_code == 400
    assert set(response.json()) == fields


def test_nothing_is_nothing(api):
    body = {"ids": [], "tags": []}
    assert api.ok("POST", "tasks/set_tags/", body) == {"count": 0, **body, "action": "add"}


def test_thousands_at_once(api):
    project = api.project()["id"]
    tasks = [row["id"] for row in api.ok("POST", "tasks/", [{"project": project}] * 3000)]
    tags = [api.tag(str(n)) for n in range(3)]
    api.ok("POST", "tasks/set_tags/", {"ids": tasks, "tags": tags})
    assert api.get("sdk/tasks/", tags=tags[2], page_size=1).json()["count"] == 3000
    api.ok("POST", "tasks/set_tags/", {"ids": tasks, "tags": tags[1:], "action": "remove"})
    assert api.get("sdk/tasks/", tags=tags[2]).json()["count"] == 0
    assert api.get("sdk/tasks/", tags=tags[0], page_size=1).json()["count"] == 3000
