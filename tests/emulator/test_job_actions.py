"""Requested actions, checked against those of the release."""

import json

import pytest

from .releasing import release, zipped

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
