import inspect
from typing import Any

import pytest
from typer.testing import CliRunner

from synapse.cli import special_verbs
from synapse.cli.app import app


def test_the_id_is_the_first_argument() -> None:
    parameters = inspect.signature(special_verbs.sync).parameters
    assert list(parameters)[:2] == ["collection", "source"]
    assert "delete" in parameters
    assert list(inspect.signature(special_verbs.download_project).parameters)[:2] == [
        "project",
        "dest",
    ]


def test_a_deletion_asks_as_without_a_resource() -> None:
    result = CliRunner().invoke(app, ["collections", "sync", "5", "photos", "--delete"])
    assert (result.exit_code, "--delete needs --yes" in result.output) == (2, True)


class Tags:
    """Tags that ignore the filter by name, as some servers do."""

    rows = [{"id": 1, "name": "a", "project": 1}, {"id": 2, "name": "b", "project": 1}]

    def all(self) -> "Tags":
        return self

    def filter(self, **_: Any) -> "Tags":
        return self

    def values(self, *_: str) -> Any:
        return self.rows

    def __getitem__(self, _: Any) -> "Tags":
        return self


def test_tags_are_compared_by_name() -> None:
    session: Any = type("Session", (), {"task_tags": Tags()})()
    assert special_verbs._find_tag(session, " b", None) == 2
    assert special_verbs._find_tag(session, "77", None) == 77
    with pytest.raises(ValueError, match="No tag 'c'"):
        special_verbs._find_tag(session, "c", None)
