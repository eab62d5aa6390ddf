"""Ids and releases that become a segment of a path."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.clients.agent.ids import validate_id, validate_release
from synapse.errors import BadRequest


@pytest.mark.parametrize("value", ["a", "raysubmit_1", "n-1", 7, "a" * 100])
def test_id(value: Any) -> None:
    assert validate_id(value) == str(value)


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "a b", "a/b", "..", "a.b", "a\n", "ä", "a%2Fb", "a?b", "a" * 101),
        *(None, True, 1.5, b"a", ["a"], -1.0),
    ],
)
def test_invalid_id(value: Any) -> None:
    with pytest.raises(BadRequest, match="can't be an id") as caught:
        validate_id(value)

    assert caught.value.status_code == 400


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        (3, "3"),
        ("3", "3"),
        ("detector@1.0.0-rc_1", "detector@1.0.0-rc_1"),
        ("a@1!2.0+cpu", "a@1%212.0%2Bcpu"),
    ],
)
def test_release(release: Any, expected: str) -> None:
    assert validate_release(release) == expected


@pytest.mark.parametrize("release", ["@", "a@", "@1", "a@1..2", "a@1/2", "a/b@1", "a@1@2", "a@.."])
def test_invalid_release(release: str) -> None:
    with pytest.raises(BadRequest, match="can't be an id"):
        validate_release(release)
