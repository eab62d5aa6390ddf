from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from synapse import errors, session
from synapse.cli.app import app
from synapse.transfer.bulk.report import Failure, SyncReport
from synapse.transfer.bulk.server_units import SyncEntry


class Session:
    """A session that stands for the manager and the collection, too."""

    report: Any = None
    options: dict[str, Any]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.data_collections = self

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get(self, key: int) -> "Session":
        return self

    def sync(self, source: str, **options: Any) -> Any:
        Session.options = options
        if isinstance(self.report, BaseException):
            raise self.report
        return self.report


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "Session", Session)
    monkeypatch.setattr(Session, "report", SyncReport(new=[SyncEntry("a.png", 7)], notes=["n"]))


def run(*arguments: object) -> Any:
    command = ["sync", "photos", "--collection", "5", *map(str, arguments)]
    return CliRunner().invoke(app, command)


def test_defaults() -> None:
    result = run()
    assert (result.exit_code, result.stderr) == (0, "note: n\n")
    assert result.stdout.startswith("new: 1, changed: 0, unchanged: 0, gone: 0, created: 0")
    chosen = {name: Session.options[name] for name in ("key", "on_change", "annotations", "delete")}
    assert chosen == {"key": "path", "on_change": "new", "annotations": "move", "delete": False}


def test_options() -> None:
    result = run(
        *("--key", "meta.id", "--on-change", "replace", "--annotations", "review"),
        *("--delete-annotated", "--yes", "--scope", "a/*", "--max-delete", "0.1", "--dry-run"),
        *("--match", "*.png=image", "--ignore", "docs", "--journal", "j"),
    )
    assert result.exit_code == 0
    assert "new: a.png (unit 7)" in result.stdout
    assert Session.options["delete"] == "annotated"
    assert (Session.options["scope"], Session.options["max_delete"]) == ("a/*", 0.1)
    assert (Session.options["dry_run"], Session.options["journal"]) == (True, Path("j"))
    assert Session.options["match"] == {"*.png": "image"}


def test_deleting_needs_yes_where_nobody_answers() -> None:
    result = run("--delete")
    assert (result.exit_code, "--delete needs --yes" in result.output) == (2, True)
    assert run("--delete", "--dry-run").exit_code == 0


def test_one_line_in_the_log_for_each_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "sync.log"
    run("--log", log)
    failed = SyncReport(failed=[Failure("a.png", errors.SynapseError("broken\nin two"))])
    monkeypatch.setattr(Session, "report", failed)
    assert run("--log", log).exit_code == 1
    monkeypatch.setattr(Session, "report", errors.JournalInUse("Another upload"))
    assert run("--log", log).exit_code == 75
    monkeypatch.setattr(Session, "report", errors.UsageError("wrong"))
    assert run("--log", log).exit_code == 2
    monkeypatch.setattr(Session, "report", RuntimeError("bug"))
    assert run("--log", log).exit_code == 1

    lines = log.read_text().splitlines()
    texts = ["new: 1", "first failure: a.png: SynapseError: broken", "Another", "wrong", "bug"]
    assert all(text in line for text, line in zip(texts, lines, strict=True))
    codes = [line.split()[1] for line in lines]
    assert codes == ["exit=0", "exit=1", "exit=75", "exit=2", "exit=1"]
    assert all("collection=5 'photos'" in line for line in lines)


def test_log_that_cannot_be_written(tmp_path: Path) -> None:
    result = run("--log", tmp_path / "no" / "log")
    assert (result.exit_code, "can't be written" in result.output) == (2, True)
