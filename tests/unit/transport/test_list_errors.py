"""Reasons for the refused items of a list."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.transport.list_errors import describe_reasons, reasons_by_position

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


@pytest.mark.parametrize(
    ("reasons", "text"),
    [
        ({}, ""),
        (
            {700: {"name": ["Required.", "Short."], "size": "odd"}},
            "item 700: name: Required. Short.; size: odd",
        ),
        ({0: "locked"}, "locked"),
        (
            dict.fromkeys(range(5), REASON),
            "item 0: name: Required.; item 1: name: Required.; item 2: name: Required.; and 2 more",
        ),
    ],
)
def test_describe_reasons(reasons: dict[int, Any], text: str) -> None:
    assert describe_reasons(reasons) == text
