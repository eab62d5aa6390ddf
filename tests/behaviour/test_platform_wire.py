"""The local backend answers as the platform does: requests of its published client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

import synapse
from synapse.testing.tenants import EmulatorTenant


class Wire:
    """Plain requests in one tenant."""

    def __init__(self, tenant: EmulatorTenant) -> None:
        self.url = tenant.url
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["SYNAPSE-ACCESS-TOKEN"] = f"Token {tenant.api_token}"

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        url = path if path.startswith("http") else f"{self.url}/{path}"
        return self.http.request(method, url, timeout=30, **options)

    def ok(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        response = self.send(method, path, json=body, **options)
        assert response.ok, f"{response.status_code} {response.text}"
        return response.json() if response.content else None

    def rows(self, path: str, **params: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.ok("GET", path, params=params)["results"]
        return rows

    def refused(self, status: int, method: str, path: str, body: Any = None, **options: Any) -> Any:
        response = self.send(method, path, json=body, **options)
        assert response.status_code == status, f"{response.status_code} {response.text}"
        return response.json()


@pytest.fixture
def wire(emulator: EmulatorTenant) -> Iterator[Wire]:
    client = Wire(emulator)
    with client.http:
        yield client


@pytest.fixture
def tasks(wire: Wire, project: synapse.Project) -> list[dict[str, Any]]:
    """The project's two tasks and three more."""
    wire.ok("POST", "tasks/", [{"project": project.id}] * 3)
    return wire.rows("sdk/tasks/", ordering="id")


@pytest.mark.parametrize(
    ("lookup", "pivot", "chosen"),
    [
        ("id__lt", lambda ids: ids[2], slice(0, 2)),
        ("id__lte", lambda ids: ids[2], slice(0, 3)),
        ("id__gt", lambda ids: ids[2], slice(3, 5)),
        ("id__gte", lambda ids: ids[2], slice(2, 5)),
        ("id__in", lambda ids: f"{ids[0]},{ids[2]}", slice(0, 3, 2)),
        ("id__in", lambda ids: [ids[0], ids[2]], slice(0, 3, 2)),
        ("id__lt", lambda ids: 10**30, slice(0, 5)),
        ("id__gt", lambda ids: 10**30, slice(0, 0)),
        ("id__gt", lambda ids: -(10**30), slice(0, 5)),
    ],
)
def test_lookups_of_ids(
    wire: Wire, tasks: list[dict[str, Any]], lookup: str, pivot: Any, chosen: slice
) -> None:
    ids = [row["id"] for row in tasks]
    rows = wire.rows("sdk/tasks/", **{lookup: pivot(ids)})
    assert [row["id"] for row in rows] == ids[chosen]


@pytest.mark.parametrize(
    ("lookup", "chosen"),
    [
        ("created__lt", slice(0, 2)),
        ("created__lte", slice(0, 3)),
        ("created__gt", slice(3, 5)),
        ("created__gte", slice(2, 5)),
        ("created__in", slice(2, 3)),
    ],
)
def test_lookups_of_times(wire: Wire, lookup: str, chosen: slice) -> None:
    rows = [
        wire.ok("POST", "projects/", {"title": str(number), "category": "image"})
        for number in range(5)
    ]
    found = wire.rows("projects/", **{lookup: rows[2]["created"]})
    assert [row["id"] for row in found] == [row["id"] for row in rows[chosen]]


@pytest.mark.parametrize(
    ("lookup", "value", "message"),
    [
        ("id__lt", "x", "Enter a whole number."),
        ("id__in", "1,x", "Enter a whole number."),
        ("created__gte", "yesterday", "Enter a valid date/time."),
        ("project__in", "77777777", "Select a valid choice."),
    ],
)
def test_wrong_values_of_lookups_are_refused(
    wire: Wire, lookup: str, value: str, message: str
) -> None:
    errors = wire.refused(400, "GET", "sdk/tasks/", params={lookup: value})
    assert errors[lookup][0].startswith(message)


# Tasks and annotations.


def test_tasks_are_created_from_units_in_data(
    wire: Wire, project: synapse.Project, unit: synapse.DataUnit
) -> None:
    units = [{"data_unit": unit.id}, {"data_unit": unit.id}]
    rows = wire.ok("POST", "tasks/", {"project": project.id, "priority": "high", "data": units})
    assert [(row["data_unit"], row["priority"], row["data"]) for row in rows] == [
        (unit.id, "high", None)
    ] * 2


@pytest.mark.parametrize(
    ("data", "errors"),
    [
        ([], None),
        (
            [{"data_unit": 77777777}],
            [{"data_unit": ['Invalid pk "77777777" - object does not exist.']}],
        ),
        ([3], [{"non_field_errors": ["Invalid data. Expected a dictionary, but got int."]}]),
    ],
)
def test_tasks_are_created_all_or_none(
    wire: Wire, project: synapse.Project, data: list[Any], errors: Any
) -> None:
    response = wire.send("POST", "tasks/", json={"project": project.id, "data": data})
    assert (response.status_code, response.json()) == (400 if errors else 201, errors or [])
    assert len(wire.rows("sdk/tasks/", project=project.id)) == 2


def test_tasks_are_created_for_a_query_of_units(
    wire: Wire, project: synapse.Project, unit: synapse.DataUnit
) -> None:
    path, params = "data_units/create_tasks/", {"data_collection": unit.data_collection_id}
    rows = wire.ok("POST", path, {"project": project.id}, params=params)
    assert [(row["project"], row["data_unit"]) for row in rows] == [(project.id, unit.id)]
    errors = wire.refused(400, "POST", path, {}, params=params)
    assert errors == [{"project": ["This field may not be null."]}]


_MINE = {"class": "car"}
_V1 = {"annotations": {"image_1": [{"id": "a"}]}, "annotationsData": {"image_1": [{"id": "a"}]}}
_WRONG_V1 = {"annotations": {"image_1": [{}]}, "annotationsData": []}


@pytest.mark.parametrize(
    ("body", "params", "stored", "status"),
    [
        ({"action": "submit", "data": _MINE}, {}, _MINE, "completed"),
        ({"action": "save", "data": _MINE}, {}, _MINE, "in_progress"),
        (_MINE, {}, _MINE, "completed"),
        (
            {"action": "save", "data": {}, "by": 1},
            {},
            {"action": "save", "data": {}, "by": 1},
            "completed",
        ),
        ({"action": "submit", "data": _V1}, {"schema": "dm_schema_v1"}, _V1, "completed"),
        ({"action": "submit", "data": _V1}, {}, _V1, "completed"),
        ({"action": "submit", "data": _WRONG_V1}, {"schema": "any"}, _WRONG_V1, "completed"),
    ],
)
def test_annotations_are_taken_out_of_their_envelope(
    wire: Wire, tasks: list[dict[str, Any]], body: Any, params: Any, stored: Any, status: str
) -> None:
    path = f"tasks/{tasks[0]['id']}/annotate_task_data/"
    row = wire.ok("PUT", path, body, params=params)
    assert (row["data"], row["status"]) == (stored, status)
