import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from synapse import errors
from synapse.cli.app import app
from synapse.transfer.bulk.report import Failure, UploadReport


class Session:
    """A session that stands for the manager and the collection, too."""

    outcomes: list[Any] = []
    calls: list[tuple[Any, ...]] = []

    def __init__(self, base_url: str | None, *, profile: str | None) -> None:
        self.data_collections = self
        self.place = (base_url, profile)

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def get(self, key: int) -> "Session":
        return self

    def upload(self, source: Any, *, workers: int, **options: Any) -> Any:
        Session.calls.append((self.place, source, workers, options["match"], Path.cwd()))
        outcome = Session.outcomes.pop(0)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    sync = download = upload


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr("synapse.session.Session", Session)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("SYNAPSE_BASE_URL", "http://a")
    monkeypatch.setattr(Session, "calls", [])
    monkeypatch.chdir(tmp_path)
    return tmp_path / "state" / "synapse" / "transfers"


def run(*arguments: str, code: int = 0) -> Any:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code, result.output
    return result


UPLOAD = ("upload", "a.png", "b.png", "--collection", "5", "--workers", "3", "--match", "a=b")


def test_an_interrupted_transfer_goes_on(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = UploadReport(failed=[Failure("a.png", errors.SynapseError("no"))], created=1)
    Session.outcomes = [KeyboardInterrupt(), failed, UploadReport(created=1)]
    run(*UPLOAD, "--profile", "p", code=130)
    [row] = [json.loads(line) for line in run("transfer", "list").stdout.splitlines()]
    assert row["what"] == "a.png b.png --collection 5"
    assert "token" not in next(state.iterdir()).read_text()
    monkeypatch.chdir("/")
    monkeypatch.delenv("SYNAPSE_BASE_URL")
    run("transfer", "resume", row["id"], code=3)
    run("transfer", "resume")
    assert list(state.iterdir()) == []
    first, *others = Session.calls
    assert first[1:] == (["a.png", "b.png"], 3, {"a": "b"}, tmp_path)
    assert {call[0] for call in others} == {("http://a", "p")}
    assert [call[1:] for call in others] == [first[1:]] * 2
    assert run("transfer", "resume").stderr == "No transfer was interrupted.\n"


def test_the_same_command_has_one_record(state: Path) -> None:
    Session.outcomes = [errors.SynapseError("gone")] * 2
    run(*UPLOAD, code=1)
    run(*UPLOAD, code=1)
    assert len(list(state.iterdir())) == 1


@pytest.mark.parametrize("error", [errors.UsageError("x"), errors.NotFound(404, "x")])
def test_what_would_fail_again_is_not_listed(state: Path, error: Exception) -> None:
    Session.outcomes = [error]
    run(*UPLOAD, code=2 if isinstance(error, errors.UsageError) else 1)
    assert list(state.iterdir()) == []


def test_other_commands_keep_their_types(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(
        Session, "sync", lambda self, source, **options: seen.append(options) or error()
    )
    monkeypatch.setattr(
        Session, "download", lambda self, dest, **options: seen.append(dest) or error()
    )

    def error() -> Any:
        raise errors.SynapseError("gone")

    run("sync", "photos", "--collection", "5", "--on-change", "replace", "--journal", "j", code=1)
    run("download", "here", "--collection", "5", code=1)
    run("transfer", "resume", code=1)
    assert (seen[0]["on_change"], seen[0]["journal"]) == ("replace", Path("j"))
    assert seen[2:] in ([seen[0], seen[1]], [seen[1], seen[0]]) or len(seen) == 4
    assert [type(one) for one in seen if not isinstance(one, dict)] == [type(Path())] * 2


def test_a_download_that_began_anew_goes_on(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def download(self: Session, dest: Path, **options: Any) -> Any:
        seen.append(options["resume"])
        raise errors.SynapseError("gone")

    monkeypatch.setattr(Session, "download", download)
    run("download", "here", "--collection", "5", "--no-resume", code=1)
    run("download", "here", "--collection", "5", code=1)
    run("transfer", "resume", code=1)
    assert seen == [False, True, True]


def test_dry_runs_are_not_listed(state: Path) -> None:
    Session.outcomes = [errors.SynapseError("gone")]
    run("sync", "photos", "--collection", "5", "--dry-run", code=1)
    assert not state.exists()


def test_unknown_broken_and_forgotten_records(state: Path) -> None:
    Session.outcomes = [errors.SynapseError("gone")]
    run(*UPLOAD, code=1)
    (state / "broken.json").write_text("{")
    (state / "other.json").write_text(
        '{"command": "rm", "values": {}, "folder": "", "settings": {}, "started": 1}'
    )
    [line] = run("transfer", "list", "-o", "ids").stdout.splitlines()
    assert "No transfer 'x'" in run("transfer", "resume", "x", code=2).stderr
    assert "No transfer '../x'" in run("transfer", "forget", "../x", code=2).stderr
    run("transfer", "forget", line)
    assert run("transfer", "list", "-o", "ids").stdout == ""


def test_a_folder_that_is_gone(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    Session.outcomes = [errors.SynapseError("gone")]
    run(*UPLOAD, code=1)
    os.chdir(tmp_path)
    (tmp_path / "work").rmdir()
    assert "can't be entered" in run("transfer", "resume", code=1).stderr


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"command": [], "values": {}, "folder": "", "settings": {}, "started": 1}',
        b'{"command": "sync", "values": 5, "folder": "", "settings": {}, "started": 1}',
        b'{"command": "sync", "values": {}, "folder": "", "settings": {}, "started": null}',
    ],
)
def test_broken_records_are_left_out(state: Path, content: bytes) -> None:
    Session.outcomes = [errors.SynapseError("gone")]
    run(*UPLOAD, code=1)
    (state / "broken.json").write_bytes(content)
    os.mkfifo(state / "pipe.json")
    [record] = [path for path in state.iterdir() if path.stem not in ("broken", "pipe")]
    assert record.stat().st_mode & 0o777 == 0o600
    [line] = run("transfer", "list").stdout.splitlines()
    assert json.loads(line)["id"] == record.stem
