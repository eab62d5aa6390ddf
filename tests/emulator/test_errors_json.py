"""Errors as JSON."""

import pytest


@pytest.mark.parametrize("path", ["nowhere/", "projects", "", "projects/1/nothing/"])
def test_an_unknown_path_is_404_in_json(api, path):
    response = api.get(path)
    assert (response.status_code, response.json()) == (404, {"detail": "Not found."})
