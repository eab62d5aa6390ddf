"""Bounds of the answers; the calls are tested against a server in tests/behaviour/test_mcp.py."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse import Task
from synapse.integrations.model_tools import (
    ModelTools,
    _cut_counts,
    _make_uri,
    _shorten,
    _take_last,
    _to_id,
)

JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=2_000),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=20), inner),
)


@given(st.dictionaries(st.sampled_from(["meta", "data", "title"]), JSON), st.integers(10, 500))
def test_values_are_whole_or_cut_and_say_so(row: dict[str, Any], length: int) -> None:
    shown = _shorten(row, length)
    assert shown.keys() == row.keys()
    for value in shown.values():
        text = json.dumps(value, ensure_ascii=False)
        if len(text) > length + 2:
            assert isinstance(value, str)
            assert "… cut: " in value
            assert len(value) < length + 40


def test_credentials_are_left_out_at_any_depth() -> None:
    row = {"api_token": "t", "configuration": {"deep": [{"secret_key": "k", "region": "eu"}]}}
    assert _shorten(row) == {"configuration": {"deep": [{"secret_key": "***", "region": "eu"}]}}


def test_many_counts_are_added_up() -> None:
    counts = _cut_counts({**{str(number): 1 for number in range(300)}, None: 2})
    assert len(counts) == 201
    assert counts["others"] == 102


@given(st.lists(st.text(max_size=20)), st.integers(0, 100))
def test_the_last_lines_are_kept(lines: list[str], length: int) -> None:
    kept = list(_take_last(lines, length))
    assert kept == lines[len(lines) - len(kept) :]
    assert sum(map(len, kept)) <= length
    assert len(kept) == len(lines) or sum(map(len, kept)) + len(lines[-len(kept) - 1]) > length


class Manager:
    """Objects of a server that sends megabytes."""

    def get(self, key: Any) -> Any:
        summary = SimpleNamespace(
            title="t" * 10**6,
            tasks=1,
            by_status={"s" * 10**6: 1},
            by_class={},
            by_assignee={},
            by_time={},
        )
        logs = SimpleNamespace(last=lambda count: ["x" * 10**4] * 100)
        status = "https://a.example/?X-Amz-Signature=s3cret" + "y" * 10**5
        return SimpleNamespace(summary=lambda: summary, logs=lambda: logs, status=status)


def test_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    tools = ModelTools(SimpleNamespace())  # type: ignore[arg-type] # the manager is replaced
    monkeypatch.setattr(tools, "_manager", lambda cls: Manager())
    assert len(json.dumps(tools.summary(1))) < 3_000
    answer = json.dumps(tools.logs("1"))
    assert len(answer) < 60_000
    assert "s3cret" not in answer
    assert len(_make_uri(Task, "k" * 10**6)) < 200


def test_long_numbers_are_texts() -> None:
    assert [_to_id("5"), _to_id("a"), _to_id("9" * 5000)] == [5, "a", "9" * 5000]
