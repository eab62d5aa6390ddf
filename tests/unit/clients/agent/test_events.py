"""Server-sent events: JSON objects in `data:` lines, and nothing else."""

from __future__ import annotations

import pytest

from synapse.clients.agent.events import read_events
from synapse.errors import InvalidResponse


@pytest.mark.parametrize(
    ("text", "events"),
    [
        ("", []),
        ('data: {"a": 1}\n\n', [{"a": 1}]),
        ('data:{"a": 1}\n\ndata: {"b": 2}\n\n', [{"a": 1}, {"b": 2}]),
        ('data: {"a": 1}\r\n\r\n', [{"a": 1}]),
        ('data: {"a":\ndata: 1}\n\n', [{"a": 1}]),
        (': a comment\nid: 3\nevent: log\ndata: {"a": 1}\n\n', [{"a": 1}]),
        (": a comment\n\n\n", []),
        ('data: {"a": 1}\n', []),
    ],
)
def test_events(text: str, events: list[object]) -> None:
    assert list(read_events(text.split("\n")[:-1], "job 1")) == events


@pytest.mark.parametrize("data", ["Hello!", "[1]", "3", "{", "[" * 100_000])
def test_data_that_is_no_object(data: str) -> None:
    with pytest.raises(InvalidResponse, match="job 1: an event of the log is not a JSON object"):
        list(read_events([f"data: {data}", ""], "job 1"))
