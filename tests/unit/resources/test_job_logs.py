"""Entries of a job's log."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse.errors import UsageError
from synapse.resources.job_logs import data_uri, is_uri

from .conftest import ScriptedSession

URI = "data:application/octet-stream;base64,aGVsbG8="


def test_a_file_travels_inside_the_request(scripted: ScriptedSession, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("hello")
    scripted.reply({"id": 1}, status=201)

    scripted.session.logs.create(message="done", file=path)

    assert scripted.body == {"message": "done", "file": URI}


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read: No such file"):
        data_uri(tmp_path / "gone")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data:text/plain;base64,eA==", True),
        ("https://example.com/a", True),
        ("http://example.com/a", True),
        ("a.txt", False),
        ("/data/a.txt", False),
        ("", False),
    ],
)
def test_uri_is_not_a_path(text: str, expected: bool) -> None:
    assert is_uri(text) is expected
