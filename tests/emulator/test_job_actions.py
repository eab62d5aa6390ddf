"""Requested actions, checked against those of the release."""

import concurrent.futures
import json

import pytest

from .releasing import release, zipped
from .running import released

CONFIG = {
    "code": "person-detector",
    "name": "Person detector",
    "version": "1.0.0",
    "category": "neural_net",
    "actions": {
        "train": {
            "entrypoint": "train:run",
            "parameters": {"type": "object", "properties": {"epochs": {"type": "integer"}}},
        }
    },
}


@pytest.fixture
def path(api, plugin):
    files = {"config__json": json.dumps(CONFIG), "train__py": "def run(context): pass"}
    response = release(api, plugin["id"], content=zipped(**files))
    assert response.status_code == 201, response.text
    return f"plugins/{plugin['id']}/run/"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"action": "tain"}, "action"),
        ({"action": "train", "params": {"epochs": "many"}}, "params"),
        ({"action": "train", "version": "9"}, "version"),
    ],
)
def test_a_run_that_the_release_cannot_do(api, path, body, error):
    response = api.post(path, body)

    assert (response.status_code, list(response.json())) == (400, [error])
    assert api.ids("jobs/") == []


@pytest.mark.slow
def test_a_pattern_without_end_stops_neither_the_backend_nor_other_runs(api, other):
    schema = {"properties": {"name": {"type": "string", "pattern": "^(a+)+$"}}}
    actions = {"train": {"entrypoint": "plugin:run", "parameters": schema}}
    released(api, "def run(): ...", actions=actions)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        body = {"params": {"name": "a" * 40 + "!"}}
        hostile = [pool.submit(api.post, "plugins/tried/run/", body) for _ in range(3)]
        while not all(future.done() for future in hostile):
            assert other.project()["id"]  # nobody else waits for a lock
    for future in hostile:
        response = future.result()
        assert response.status_code == 400
        (problem,) = response.json()["params"]["non_field_errors"]
        assert problem.startswith("The check took more than 2 s")
    assert api.ids("jobs/") == []
    assert api.post("plugins/tried/run/", {"params": {"name": "aaa"}}).status_code == 201
