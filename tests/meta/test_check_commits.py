"""The check of commit subjects finds each fault, and copes with checkouts of every kind."""

from __future__ import annotations

import subprocess
from pathlib import Path

import check_commits
import pytest


@pytest.mark.parametrize(
    ("subject", "fault"),
    [
        ("Count the rows of a page", None),
        ("C" * 72, None),
        ("Merge branch 'orm' into main, with a subject that is much longer than others", None),
        ('Revert "count the rows."', None),
        ("C" * 73, "73 characters, 1 too many"),
        ("count the rows", "no capital letter"),
        ("Count the rows.", "full stop"),
        ("", "no capital letter"),
    ],
)
def test_subject(subject: str, fault: str | None) -> None:
    faults = check_commits.find_faults(subject)

    assert faults == [] if fault is None else [each for each in faults if fault in each]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with three commits."""
    _git(tmp_path, "init", "--quiet")
    for subject in ("First", "Second", "third."):
        _git(tmp_path, "commit", "--quiet", "--allow-empty", "--message", subject)
    return tmp_path


def _git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


def test_commits_after_the_base_are_listed(repository: Path) -> None:
    base = _git(repository, "rev-parse", "HEAD~2").strip()

    rows = check_commits.list_subjects(repository, base)

    assert rows is not None
    assert [subject for _, subject in rows] == ["third.", "Second"]


def test_without_the_base_every_recent_commit_is_listed(repository: Path) -> None:
    rows = check_commits.list_subjects(repository, "0" * 40)

    assert rows is not None
    assert [subject for _, subject in rows] == ["third.", "Second", "First"]


def test_shallow_clone(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    clone = tmp_path_factory.mktemp("clone")
    base = _git(repository, "rev-parse", "HEAD~2").strip()
    _git(clone, "clone", "--quiet", "--depth=1", repository.as_uri(), "here")

    rows = check_commits.list_subjects(clone / "here", base)

    assert rows is not None
    assert [subject for _, subject in rows] == ["third."]


@pytest.mark.parametrize("is_empty", [True, False])
def test_nothing_to_check(tmp_path: Path, is_empty: bool) -> None:
    if is_empty:
        _git(tmp_path, "init", "--quiet")

    assert check_commits.list_subjects(tmp_path) is None


def test_refused_message_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "message"
    path.write_text("count rows\n\nWhy.\n")

    assert check_commits.main(["--message", str(path)]) == 1
    assert "'count rows': no capital letter" in capsys.readouterr().out

    path.write_text("Count rows\n\nwhy.\n")
    assert check_commits.main(["--message", str(path)]) == 0
