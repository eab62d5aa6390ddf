import pytest

from .client import IMAGE, connect


@pytest.fixture
def agent(emulator):
    """A user of a tenant, and the id of the agent in it."""
    credentials = emulator.create_tenant()
    client = connect(emulator, credentials.api_token)
    with client.http:
        headers = {"SYNAPSE-Agent": f"Token {credentials.agent_token}"}
        key = client.http.get(
            f"{client.url}/users/me/", headers={"SYNAPSE-Access-Token": None, **headers}, timeout=30
        ).json()["id"]
        yield client, key


def test_an_assignee_gets_an_assignment(api):
    unit = api.unit(api.collection(IMAGE)["id"], image=b"pixels")
    project, me = api.project()["id"], api.me()
    task = api.task(project, data_unit=unit["id"], assignee=me)
    (assignment,) = api.get("sdk/assignments/").json()["results"]
    assert assignment == {
        "id": assignment["id"],
        "project": project,
        "task": task["id"],
        "status": "pending",
        "assignee": me,
        "reviewer": None,
        "data": None,
        "files": unit["files"],
        "tags": [],
        "meta": {},
        "created": assignment["created"],
        "updated": assignment["updated"],
    }
    assert api.get(f"assignments/{assignment['id']}/").json() == assignment


def test_tasks_of_a_list_get_one_assignment_each(api):
    project, me = api.project()["id"], api.me()
    bodies = [{"project": project, "assignee": me}, {"project": project}] * 300
    tasks = api.ok("POST", "tasks/", bodies)
    rows = api.get("sdk/assignments/", page_size=1000).json()["results"]
    assert [row["task"] for row in rows] == [task["id"] for task in tasks if task["assignee"]]


def test_an_assignee_who_comes_later_gets_one_once(api, other):
    task = api.task(api.project()["id"])
    path, me = f"tasks/{task['id']}/", api.me()
    assert api.ids("sdk/assignments/") == []
    for body in ({"assignee": me}, {"priority": "high"}, {"assignee": None}, {"assignee": me}):
        api.ok("PATCH", path, body)
    assert len(api.ids("sdk/assignments/", task=task["id"], assignee=me)) == 1
    response = api.request("PATCH", path, json={"assignee": other.me()})
    assert list(response.json()) == ["assignee"]
    assert other.ids("sdk/assignments/") == []


def test_an_assignment_of_somebody_before_stays(agent):
    api, robot = agent
    task = api.task(api.project()["id"], assignee=api.me())
    api.ok("PATCH", f"tasks/{task['id']}/", {"assignee": robot})
    rows = api.get("sdk/assignments/", task=task["id"]).json()["results"]
    assert [row["assignee"] for row in rows] == [api.me(), robot]
    api.ok("PUT", f"tasks/{task['id']}/annotate_task_data/", {"a": 1})
    rows = api.get("sdk/assignments/", task=task["id"]).json()["results"]
    assert [(row["status"], row["data"]) for row in rows] == [
        ("pending", None),
        ("completed", {"a": 1}),
    ]


def test_a_task_takes_its_assignments_along(api):
    one, two = api.project()["id"], api.project()["id"]
    task = api.task(one, assignee=api.me())
    api.ok("PATCH", f"tasks/{task['id']}/", {"project": two})
    assert api.ids("sdk/assignments/", project=one) == []
    (key,) = api.ids("sdk/assignments/", project=two)
    api.ok("DELETE", f"tasks/{task['id']}/")
    assert api.get(f"assignments/{key}/").status_code == 404


@pytest.fixture
def assignment(api):
    api.task(api.project()["id"], assignee=api.me())
    return api.get("sdk/assignments/").json()["results"][0]


def test_change(api, assignment):
    path = f"assignments/{assignment['id']}/"
    change = {
        "status": "rejected",
        "data": {"boxes": []},
        "meta": {"why": "blurred"},
        "reviewer": api.me(),
        "tags": [api.tag()],
    }
    changed = api.ok("PATCH", path, {**change, "project": None, "task": 5})
    assert changed == {**assignment, **change, "updated": changed["updated"]}
    assert changed["updated"] > assignment["updated"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"status": "skipped"}, {"status": ['"skipped" is not a valid choice.']}),
        ({"reviewer": 0}, {"reviewer": ['Invalid pk "0" - object does not exist.']}),
        ({"tags": [0]}, {"tags": ['Invalid pk "0" - object does not exist.']}),
        ({"meta": None}, {"meta": ["This field may not be null."]}),
    ],
)
def test_bad_changes(api, assignment, body, error):
    response = api.request("PATCH", f"assignments/{assignment['id']}/", json=body)
    assert (response.status_code, response.json()) == (400, error)


def test_handing_over_changes_the_task_too(agent):
    api, robot = agent
    task = api.task(api.project()["id"], assignee=api.me())
    (key,) = api.ids("sdk/assignments/")
    assert api.ok("PATCH", f"assignments/{key}/", {"assignee": robot})["assignee"] == robot
    assert api.get(f"tasks/{task['id']}/").json()["assignee"] == robot
    api.ok("PATCH", f"tasks/{task['id']}/", {"assignee": api.me()})
    response = api.request("PATCH", f"assignments/{key}/", json={"assignee": api.me()})
    assert response.json() == {"assignee": ["This user already has an assignment for the task."]}


def test_only_some_verbs(api, assignment):
    for method, path in (
        ("POST", "sdk/assignments/"),
        ("GET", "assignments/"),
        ("POST", "assignments/"),
        ("DELETE", f"assignments/{assignment['id']}/"),
        ("PUT", f"assignments/{assignment['id']}/"),
    ):
        assert api.request(method, path, json={}).status_code in (404, 405)


def test_others_see_none_of_it(other, assignment):
    assert other.get(f"assignments/{assignment['id']}/").status_code == 404
    assert other.ids("sdk/assignments/") == []


def test_filters_order_and_expansion(agent):
    api, robot = agent
    project, tag = api.project()["id"], api.tag()
    for assignee in (api.me(), robot):
        api.task(project, assignee=assignee)
    first, second = api.ids("sdk/assignments/")
    api.ok("PATCH", f"assignments/{second}/", {"tags": [tag], "status": "completed"})
    assert api.ids("sdk/assignments/", tags=tag) == [second]
    assert api.ids("sdk/assignments/", status=["pending", "rejected"]) == [first]
    assert api.ids("sdk/assignments/", assignee=robot) == [second]
    assert api.ids("sdk/assignments/", ordering="-task") == [second, first]
    row = api.get(f"assignments/{second}/", expand="project,task,tags,assignee").json()
    assert (row["project"]["id"], row["task"]["files"]) == (project, {})
    assert (row["tags"][0]["id"], row["assignee"]["is_agent"]) == (tag, True)
