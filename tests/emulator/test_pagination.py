"""Pages of lists."""

from .client import IMAGE


def test_pages_in_an_order_with_ties_give_each_row_once(api):
    project = api.project()["id"]
    api.ok("POST", "tasks/", [{"project": project}] * 40)
    seen = []
    for page in range(1, 5):
        seen += api.ids("sdk/tasks/", ordering="status", page=page, page_size=10)
    assert seen == sorted(set(seen))
    assert len(seen) == 40


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
