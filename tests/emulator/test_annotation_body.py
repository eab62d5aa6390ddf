"""Bodies of ``annotate_task_data/`` that are refused."""

import pytest

_MINE = {"class": "car"}
_WRONG_V1 = {"annotations": {"image_1": [{}]}, "annotationsData": []}
_PROBLEMS = [
    'dm_schema_v1: "annotations" of "image_1" must be a list of objects with an "id".',
    'dm_schema_v1: "annotationsData" must be an object of lists by medium.',
]


@pytest.mark.parametrize(
    ("body", "params", "errors"),
    [
        (
            {"action": "finish", "data": _MINE},
            {},
            {"action": ['"finish" is not a valid choice.']},
        ),
        (
            {"action": "submit", "data": [1]},
            {},
            {"data": ["Invalid data. Expected a dictionary."]},
        ),
        ({"action": "submit", "data": _WRONG_V1}, {}, {"data": _PROBLEMS}),
        (_WRONG_V1, {}, {"non_field_errors": _PROBLEMS}),
        (
            {"action": "submit", "data": {"annotations": {}}},
            {"schema": "dm_schema_v1"},
            {"data": _PROBLEMS[1:]},
        ),
        (_MINE, {"schema": "mine"}, {"schema": ['"mine" is not a valid choice.']}),
    ],
)
def test_wrong_bodies_change_nothing(api, body, params, errors):
    task = api.task(api.project()["id"])
    path = f"tasks/{task['id']}/"
    response = api.request("PUT", f"{path}annotate_task_data/", json=body, params=params)
    assert (response.status_code, response.json()) == (400, errors)
    assert api.ok("GET", path)["data"] is None
