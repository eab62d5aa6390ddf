from typing import Any

import pytest
from typer.testing import CliRunner

from synapse import session
from synapse.cli.app import app
from synapse.transfer.progress import LiveProgress, Progress


class Report:
    """A report of one file, with or without a failure."""

    notes: tuple[str, ...] = ()

    def __init__(self, *failed: str) -> None:
        self.failed = failed

    def __str__(self) -> str:
        return "1 file\nmore"


class Session:
    """A session that stands for the managers and for each object, too."""

    report = Report()
    calls: list[tuple[Any, ...]]
    options: dict[str, Any]
    progress: Any

    def __init__(self, base_url: str | None, *, profile: str | None) -> None:
        Session.calls = [("profile", profile)]
        self.data_collections = self.projects = self

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get(self, key: int) -> "Session":
        self.calls.append(("get", key))
        return self

    def upload(
        self, source: str, *, project: int | None, workers: int, progress: Any, **options: Any
    ) -> Report:
        self.calls.append(("upload", source, project, workers))
        Session.options = options
        Session.progress = progress
        return self.report

    def download(self, dest: Any, *, workers: int, progress: Any, **options: Any) -> Report:
        self.calls.append(("download", str(dest), workers))
        Session.options = options
        return self.report


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "Session", Session)
    monkeypatch.setattr(Session, "report", Report())


def test_upload() -> None:
    result = CliRunner().invoke(app, ["upload", "photos", "--collection", "5", "--profile", "p"])

    assert (result.exit_code, result.stdout) == (0, "1 file\n")
    assert Session.calls == [("profile", "p"), ("get", 5), ("upload", "photos", None, 8)]


@pytest.mark.parametrize("option", ["--collection", "--project"])
def test_download(option: str) -> None:
    result = CliRunner().invoke(app, ["download", "here", option, "5", "--workers", "2"])

    assert result.exit_code == 0
    assert Session.calls[1:] == [("get", 5), ("download", "here", 2)]
    assert Session.options == {"dry_run": False, "resume": True}


def test_a_download_that_begins_anew() -> None:
    command = ["download", "here", "--collection", "5", "--no-resume"]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert Session.options["resume"] is False


def test_failures_are_lines_on_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "report", Report("a.png: gone", "b.png: gone"))

    result = CliRunner().invoke(app, ["upload", "photos", "--collection", "5"])

    assert (result.exit_code, result.stdout) == (1, "1 file\n")
    assert result.stderr == "a.png: gone\nb.png: gone\n"


@pytest.mark.parametrize("options", [[], ["--collection", "1", "--project", "1"]])
def test_a_download_is_of_a_collection_or_of_a_project(options: list[str]) -> None:
    assert CliRunner().invoke(app, ["download", "here", *options]).exit_code == 2


def test_layout_options() -> None:
    options = ["--match", "a=b/*.png=image", "--match", "c=mask", "--ignore", "x", "--ignore", "y"]
    command = ["upload", "photos", "--collection", "5", *options, "--columns", "file=image"]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert Session.options == {
        "match": {"a=b/*.png": "image", "c": "mask"},
        "ignore": ["x", "y"],
        "columns": {"file": "image"},
        "dry_run": False,
    }


@pytest.mark.parametrize("value", ["image", "=image", "a="])
def test_pairs_need_both_parts(value: str) -> None:
    command = ["upload", "photos", "--collection", "5", "--match", value]
    assert CliRunner().invoke(app, command).exit_code == 2


@pytest.mark.parametrize(("options", "cls"), [([], LiveProgress), (["--quiet"], Progress)])
def test_quiet_turns_the_progress_off(options: list[str], cls: type[Progress]) -> None:
    CliRunner().invoke(app, ["upload", "photos", "--collection", "7", *options])

    assert type(Session.progress) is cls
