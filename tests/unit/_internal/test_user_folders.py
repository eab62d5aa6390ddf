"""The folders of this user, and their privacy."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from synapse._internal import user_folders
from synapse._internal.user_folders import expand_home, find_user_folder, make_private
from synapse.errors import ConfigurationError


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/c"}, "/c"),
        ("linux", {}, "/home/me/.cache"),
        ("darwin", {}, "/home/me/Library/Caches"),
        ("win32", {}, "/home/me/AppData/Local"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local"),
    ],
)
def test_folder(
    monkeypatch: pytest.MonkeyPatch, platform: str, variables: dict[str, str], expected: str
) -> None:
    monkeypatch.setattr(user_folders.sys, "platform", platform)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/me", **variables}.items():
        monkeypatch.setenv(name, value)

    assert find_user_folder("XDG_CACHE_HOME", ".cache") == Path(expected)


def test_folder_is_private(tmp_path: Path) -> None:
    made = make_private(tmp_path / "a" / "b")
    opened = tmp_path / "open"
    opened.mkdir()
    opened.chmod(0o777)

    modes = [path.stat().st_mode & 0o777 for path in (made, make_private(opened))]

    assert modes == [0o700, 0o700]


def test_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "target")

    with pytest.raises(ConfigurationError, match="or is a link"):
        make_private(tmp_path / "link")


def test_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)

    with pytest.raises(ConfigurationError, match="belongs to another user"):
        make_private(tmp_path / "folder")


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError, match="can't be created"):
        make_private(tmp_path / "file" / "folder")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("~", "/home/me"),
        ("~/dl", "/home/me/dl"),
        (Path("~/dl"), "/home/me/dl"),
        ("~root", "/root"),
        ("~$report.docx", "~$report.docx"),
        ("~no-such-user/x", "~no-such-user/x"),
        ("a/~", "a/~"),
        ("/~/x", "/~/x"),
        ("relative", "relative"),
    ],
)
def test_home_at_the_beginning_of_a_path(
    monkeypatch: pytest.MonkeyPatch, path: str | Path, expected: str
) -> None:
    monkeypatch.setenv("HOME", "/home/me")

    assert expand_home(path) == Path(expected)


def test_a_folder_of_that_name_is_given_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert expand_home(expand_home("./~/x")) == tmp_path / "~" / "x"


def test_a_home_that_is_unknown_is_no_folder_below_the_current_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(user_folders.os.path, "expanduser", lambda path: path)

    assert expand_home("~/dl") == Path("/~/dl")


def test_home_in_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_CACHE_HOME", "~/c")

    assert find_user_folder("XDG_CACHE_HOME", ".cache") == Path("/home/me/c")
