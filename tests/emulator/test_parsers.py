"""Malformed bodies."""

import pytest


@pytest.mark.parametrize(
    "body",
    [
        b"{bad",
        b"[" * 100_000,
        b'{"title": "\xff"}',
        b'{"settings": NaN}',
        b'{"category": "\\uD800"}',
    ],
    ids=["syntax", "nesting", "encoding", "nan", "surrogate"],
)
def test_a_body_that_is_not_json_is_400(api, body):
    response = api.request(
        "POST", "projects/", data=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 400
    assert response.json()["detail"].startswith("JSON parse error")


def test_an_infinite_number_is_refused(api):
    response = api.request(
        "POST",
        "projects/",
        data=b'{"title": "a", "category": "image", "settings": {"n": 1e999}}',
        headers={"Content-Type": "application/json"},
    )
    assert (response.status_code, list(response.json())) == (400, ["settings"])
