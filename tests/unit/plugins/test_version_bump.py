"""Raising the version in a configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from synapse.errors import PluginConfigError, UsageError
from synapse.plugins.version_bump import bump_version, raise_version


@pytest.mark.parametrize(
    ("version", "part", "raised"),
    [
        ("1.2.3", "patch", "1.2.4"),
        ("1.2.9", "patch", "1.2.10"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "major", "2.0.0"),
        ("0.0.0", "patch", "0.0.1"),
    ],
)
def test_next_version(version: str, part: str, raised: str) -> None:
    assert raise_version(version, part) == raised


@pytest.mark.parametrize("version", ["1", "1.0", "1.0.0-rc1", "1.0.0.0", "v1.0.0", "", "1.0.x"])
def test_other_versions_are_left_to_people(version: str) -> None:
    with pytest.raises(UsageError, match="is not three numbers"):
        raise_version(version, "patch")


def test_misspelt_part() -> None:
    with pytest.raises(UsageError, match="bump='pach' is not valid; did you mean 'patch'"):
        raise_version("1.0.0", "pach")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.yaml", "# 1.0.0 is old\nname: n  # a\nversion: 1.0.0 # b\r\nother: 1.0.0\n"),
        ("config.yaml", "{'note': '1.0.0', 'version': '1.0.0', \"more\": 1}"),
        ("config.yaml", "\ufeffrequires: {sdk: '>=1.0.0'}\nversion:\n  >-\n  1.0.0\n"),
        ("config.json", '{"note": "1.0.0", "deep": {"version": "1.0.0"}, "version":\t"1.0.0"}'),
    ],
)
def test_the_rest_of_the_file_stays(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode())
    path.chmod(0o640)
    place = text.index("1.0.0", text.rindex("version"))

    undo = bump_version(tmp_path, "minor")

    assert path.read_bytes().decode() == text[:place] + "1.1.0" + text[place + 5 :]
    assert path.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in tmp_path.iterdir()] == [name]
    undo()
    assert path.read_bytes().decode() == text


def test_undoing_leaves_later_changes(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("version: 1.0.0\n")

    undo = bump_version(tmp_path, "patch")
    path.write_text("version: 1.0.1\nname: later\n")
    undo()

    assert path.read_text() == "version: 1.0.1\nname: later\n"


def test_a_version_in_another_spelling_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"version": "1.0.\\u0030"}')

    with pytest.raises(PluginConfigError, match=r"Write 1\.0\.1 yourself"):
        bump_version(tmp_path, "patch")
    assert path.read_text() == '{"version": "1.0.\\u0030"}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"config\.yaml: Missing at the top of .* make one: `synapse plugin new FOLDER`"),
        ("name: n\n", "version: Expected text"),
        ("version: 1.0\n", "version: Expected text"),
        ("version: 1.0b\n", "version: The version '1.0b' is not three numbers"),
    ],
)
def test_no_version_to_raise(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "config.yaml").write_text(text)

    with pytest.raises(PluginConfigError, match=message):
        bump_version(tmp_path, "patch")


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a folder"):
        bump_version(tmp_path / "none", "patch")
