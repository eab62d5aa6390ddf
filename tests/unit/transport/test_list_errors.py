"""Reasons for the refused items of a list."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.transport.list_errors import reasons_by_position

REASON = {"name": ["Required."]}


@pytest.mark.parametrize(
    ("response", "reasons"),
    [
        ([{}, REASON, None], {1: REASON}),
        ({"0": REASON, "2": {}, "detail": "no"}, {0: REASON}),
        ({3: REASON}, {3: REASON}),
        ("text", {}),
        (None, {}),
    ],
)
def test_reasons_by_position(response: Any, reasons: dict[int, Any]) -> None:
    assert reasons_by_position(response) == reasons
