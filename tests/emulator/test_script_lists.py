"""Cursors of the lists for scripts."""


def test_cursors_are_stable_under_changes(api):
    project = api.project()["id"]
    ids = [api.task(project)["id"] for _ in range(5)]
    params = {"pagination": "cursor", "ordering": "-id", "page_size": 2}
    page = api.get("sdk/tasks/", **params).json()
    rows = page["results"]
    api.ok("DELETE", f"tasks/{ids[4]}/")
    api.task(project)
    while page["next"]:
        page = api.get(page["next"]).json()
        rows += page["results"]
    assert [row["id"] for row in rows] == ids[::-1]


def test_a_page_costs_the_same_whatever_its_depth(api):
    project = api.project()["id"]
    for _ in range(3):
        api.task(project)
    page = api.get("sdk/tasks/", pagination="cursor", page_size=1).json()
    assert "offset" not in page["next"]
    assert "page=" not in page["next"]
    assert "count" not in page
