"""Git's rules: the files that the module keeps are those that git takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from synapse.plugins.folder import IgnoredPaths, list_files
from synapse.plugins.git_rules import (
    find_repository,
    is_left_out,
    parse_rules,
    read_rules,
    read_settings,
)

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="compares with git")

Git = Callable[..., str]
NAMES = ["a", "b", "ab", "a.log", "x y", "a]", "A", "\u00e9", ".env", "[b]", "#x", "!y", "a\\b"]
PIECES = [
    *("a", "b", "x", ".log", "*", "**", "?", "[ab]", "[!a]", "[a", "]", "-", "\\", "/", "!", " "),
    *("[[:alpha:]]", "[a-", "[]-a]", "x y", "[^/]", "/**/", "**/", "/**", "#", ".env", "\t", "\r"),
    *("[[:nothing:]]", "[[:", "[[:[ab]", "[\\]]", "\u00e9", "."),
]


def ask_git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "core.quotepath=off", *arguments]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


def taken_by_git(folder: Path) -> list[str]:
    """Return what git would have after `git add .`."""
    listed = ask_git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return sorted(filter(None, listed.split("\0")), key=os.fsencode)


def taken(folder: Path) -> list[str]:
    return [file.name for file in list_files(folder)]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any configuration."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return home


@pytest.fixture
def plugin(tmp_path: Path, home: Path) -> Path:
    """A plugin's folder inside a repository."""
    plugin = tmp_path / "repository" / "plugins" / "one"
    plugin.mkdir(parents=True)
    ask_git(tmp_path / "repository", "init", "-q")
    for name in ("a.py", "secret.txt", "data/secret.txt", "data/b.py"):
        (plugin / name).parent.mkdir(exist_ok=True)
        (plugin / name).write_text("x")
    return plugin


RULE = "secret.txt\n"
ALL = ["a.py", "data/b.py"]


def write_above(plugin: Path, home: Path) -> None:
    (plugin.parents[1] / ".gitignore").write_text(RULE)


def write_between(plugin: Path, home: Path) -> None:
    (plugin.parent / ".gitignore").write_text(f"one/{RULE}one/data/{RULE}")


def write_exclude(plugin: Path, home: Path) -> None:
    (plugin.parents[1] / ".git" / "info" / "exclude").write_text(RULE)


def write_default_of_user(plugin: Path, home: Path) -> None:
    (home / ".config" / "git").mkdir(parents=True)
    (home / ".config" / "git" / "ignore").write_text(RULE)


def write_named_by_user(plugin: Path, home: Path) -> None:
    (home / ".gitconfig").write_text("[core]\n\texcludesFile = ~/mine\n")
    (home / "mine").write_text(RULE)


def write_included_by_user(plugin: Path, home: Path) -> None:
    (home / ".gitconfig").write_text("[include]\n\tpath = more\n")
    (home / "more").write_text("[core]\n\texcludesFile = ~/mine\n")
    (home / "mine").write_text(RULE)


def write_with_bom(plugin: Path, home: Path) -> None:
    (plugin / ".git").mkdir()  # no repository
    (plugin.parents[1] / ".gitignore").write_bytes(b"\xef\xbb\xbf" + RULE.encode())


def write_without_end(plugin: Path, home: Path) -> None:
    (plugin.parents[1] / ".gitignore").write_bytes(b"# comment\r\nsecret.txt \r\nnothing")


def write_in_other_case(plugin: Path, home: Path) -> None:
    ask_git(plugin, "config", "core.ignoreCase", "true")
    (plugin.parents[1] / ".gitignore").write_text("SECRET.txt\n")


@needs_git
@pytest.mark.parametrize(
    "write",
    [
        write_above,
        write_between,
        write_exclude,
        write_default_of_user,
        write_named_by_user,
        write_included_by_user,
        write_with_bom,
        write_without_end,
        write_in_other_case,
    ],
)
def test_places_of_rules(plugin: Path, home: Path, write: Callable[[Path, Path], None]) -> None:
    assert taken(plugin) == sorted([*ALL, "secret.txt", "data/secret.txt"], key=os.fsencode)
    write(plugin, home)

    assert taken(plugin) == ALL == taken_by_git(plugin)


@needs_git
@pytest.mark.parametrize("is_worktree", [False, True])
def test_another_work_tree_and_a_submodule(tmp_path: Path, plugin: Path, is_worktree: bool) -> None:
    repository = plugin.parents[1]
    ask_git(
        repository,
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "commit",
        "-qm",
        "x",
        "--allow-empty",
    )
    if is_worktree:
        ask_git(repository, "worktree", "add", "-q", str(tmp_path / "other"))
        exclude = repository / ".git" / "info" / "exclude"
    else:
        ask_git(
            tmp_path,
            "clone",
            "-q",
            "--separate-git-dir",
            str(tmp_path / "git"),
            str(repository),
            str(tmp_path / "other"),
        )
        exclude = tmp_path / "git" / "info" / "exclude"
    exclude.write_text(RULE)
    shutil.copytree(plugin, tmp_path / "other" / "plugin")

    assert taken(tmp_path / "other" / "plugin") == ALL
    assert taken_by_git(tmp_path / "other" / "plugin") == ALL


@needs_git
def test_tracked_files_are_taken_although_a_rule_names_them(plugin: Path) -> None:
    ask_git(plugin, "add", "data/secret.txt")
    (plugin / ".gitignore").write_text("data/\nsecret.txt\n")
    ignored = IgnoredPaths()

    assert [file.name for file in list_files(plugin, ignored)] == taken_by_git(plugin)
    assert taken(plugin) == [".gitignore", "a.py", "data/secret.txt"]
    assert ignored.has_path("data/b.py")


def test_rules_count_without_git_and_without_a_repository(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    write_default_of_user(tmp_path, home)
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("secret.txt", "a.py"):
        (folder / name).touch()

    assert taken(folder) == ["a.py"]
    assert read_settings(folder).tracked == frozenset()


def test_a_link_shows_nothing_that_rules_leave_out(tmp_path: Path, home: Path) -> None:
    for name in ("data/secret/key.txt", "a.py", ".venv/x.txt"):
        (tmp_path / "p" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "p" / name).touch()
    (tmp_path / "p" / "data" / ".gitignore").write_text("secret/\n")
    for name in ("data", "data/secret", "data/secret/key.txt", ".venv"):
        (tmp_path / "p" / f"to-{name.replace('/', '-')}").symlink_to(tmp_path / "p" / name)

    assert taken(tmp_path / "p") == ["a.py", "data/.gitignore", "to-data/.gitignore"]


def test_rules_that_are_a_link_are_none_as_in_git(tmp_path: Path, home: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "rules").write_text("a.py\n")
    (tmp_path / "p" / "a.py").touch()
    (tmp_path / "p" / ".gitignore").symlink_to(tmp_path / "p" / "a.py")
    (tmp_path / "p" / "a.py").write_text("*.py\n")

    assert taken(tmp_path / "p") == [".gitignore", "a.py"]


def test_missing_files_have_no_rules(tmp_path: Path) -> None:
    assert read_rules(tmp_path / "none") == []
    assert read_rules(tmp_path) == []
    assert find_repository(tmp_path) is None


@pytest.mark.parametrize(
    ("rules", "path", "is_folder", "expected"),
    [
        ("*.log", "a/b.log", False, True),
        ("*.log\n!keep.log", "keep.log", False, False),
        ("/a", "b/a", False, False),
        ("a/", "a", False, False),
        ("a/", "a", True, True),
        ("a/**/b", "a/b", False, True),
        ("a/**/b", "a/x/y/b", False, True),
        ("**/b", "a/b", False, True),
        ("a\\ ", "a ", False, True),
        ("a ", "a", False, True),
        ("\\#x", "#x", False, True),
        ("[", "[", False, False),
        ("a\\", "a\\", False, False),
        ("!", "!", False, False),
    ],
)
def test_patterns(rules: str, path: str, is_folder: bool, expected: bool) -> None:
    parsed = [(b"", parse_rules(rules.encode()))]

    assert is_left_out(path.encode(), parsed, is_folder=is_folder) == expected


@needs_git
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join), max_size=12),
    st.lists(st.lists(st.sampled_from(PIECES), max_size=4).map("".join), max_size=5),
    st.sampled_from([".gitignore", "a/.gitignore", ".git/info/exclude"]),
)
@example(["a.log/b/#x"], ["!/a/b", "b/", "!a.log"], ".gitignore")
@example(["x/ab/c"], ["x/a**"], ".gitignore")
@example(["\u00e9"], ["?", "[!a]"], ".gitignore")
@example(["a", "[", ":"], ["[[:[ab]"], ".gitignore")
@example(["[", ":", "a:]"], ["[[:]", "[[::]]", "[[:a]:]"], ".gitignore")
def test_the_same_as_git_for_any_rules(paths: list[str], rules: list[str], place: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        ask_git(folder, "init", "-q")
        for path in paths:
            if all(not parent.is_file() for parent in (folder / path).parents):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                if not (folder / path).is_dir():
                    (folder / path).touch()
        if not (folder / place).parent.is_file():
            (folder / place).parent.mkdir(exist_ok=True)
            (folder / place).write_bytes("\n".join(rules).encode())

        assert taken(folder) == taken_by_git(folder)


def test_pipes_and_devices_have_no_rules(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".gitignore")
    assert read_rules(tmp_path / ".gitignore") == []
    assert read_rules(Path("/dev/zero")) == []


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ("*a" * 40 + "*b", "a" * 250),
        ("x/" + "*a*" * 60 + "b", "x/" + "a" * 250),
        ("**/a/" * 40 + "b", "a/" * 1000 + "a"),
        ("**/*a*a/" * 20 + "b", "aaaa/" * 500 + "a"),
    ],
)
def test_many_stars_end(rule: str, path: str) -> None:
    (parsed,) = parse_rules(rule.encode())
    assert not parsed.matches(path.encode(), is_folder=False)
    assert parsed.matches(path[:-1].encode() + b"b", is_folder=False)


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ("*a*ab", "aab"),
        ("*a*b/c*d", "xab/cdd"),
        ("**/a*b/**/c", "a/ab/x/acb/c/c"),
        ("**/x/*a*b", "x/x/x/aab"),
        ("a**/b/**", "ax/b/c"),
        ("**/**/b", "b"),
    ],
)
def test_stars_try_every_place_that_counts(rule: str, path: str) -> None:
    (parsed,) = parse_rules(rule.encode())
    assert parsed.matches(path.encode(), is_folder=False)
