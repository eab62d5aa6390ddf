"""Skeletons; tests/behaviour/plugins/test_skeletons.py runs each of them."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from synapse import PluginCategory
from synapse.errors import PluginConfigError, UsageError
from synapse.plugins.config_file import load_config
from synapse.plugins.scaffold import new


def test_the_names_are_those_of_the_folder(tmp_path: Path) -> None:
    folder = new(tmp_path / "Street census_2")

    config = load_config(folder)
    assert (config.code, config.name) == ("street-census-2", "Street census 2")
    assert (config.version, config.category) == ("0.1.0", "custom")
    assert (folder / ".gitignore").is_file()
    assert (folder / "plugin" / "__init__.py").is_file()
    assert "{{" not in "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


def test_given_names(tmp_path: Path) -> None:
    category = PluginCategory.EXPORT
    folder = new(tmp_path / "x", category=category, name='It\'s: a "test" ü', code="my_code")

    config = load_config(folder)
    assert (config.code, config.name, config.category) == ("my_code", 'It\'s: a "test" ü', "export")


@pytest.mark.parametrize(
    ("folder", "code"), [("2026", "plugin-2026"), ("---", "plugin"), ("ü", "plugin")]
)
def test_folders_without_a_usable_name(tmp_path: Path, folder: str, code: str) -> None:
    assert load_config(new(tmp_path / folder)).code == code


@pytest.mark.parametrize(
    "code",
    ["true", "null", "1e3", "yes", "No", "on", "y", "2024-01-01", "0x1f", "1_000", "_", "-", "e3"],
)
def test_codes_that_yaml_takes_for_something_else(tmp_path: Path, code: str) -> None:
    assert load_config(new(tmp_path / "x", code=code)).code == code


@pytest.mark.parametrize("folder", ["true", "null", "1e3", "yes", "my thing!"])
def test_folders_that_yaml_takes_for_something_else(tmp_path: Path, folder: str) -> None:
    code = folder.replace(" ", "-").strip("!")
    assert load_config(new(tmp_path / folder)).code == code


@pytest.mark.parametrize(
    ("code", "good"),
    [("my thing!", "my-thing"), ("", "plugin"), ("5", "plugin-5"), ("\u00e9", "plugin")],
)
def test_a_bad_code_is_answered_by_a_good_one(tmp_path: Path, code: str, good: str) -> None:
    with pytest.raises(UsageError, match=f"Pass code='{good}'"):
        new(tmp_path / "x", code=code)
    assert not (tmp_path / "x").exists()


def test_the_working_folder_may_have_other_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    monkeypatch.chdir(tmp_path)

    assert new(".") == Path()
    assert load_config(".").name == load_config(tmp_path).name != ""
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_no_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "config.yaml").symlink_to("nowhere")

    with pytest.raises(UsageError, match=r"has README\.md, config\.yaml, which the skeleton would"):
        new(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "config.yaml"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"category": "exprt"}, "category='exprt' is not valid; did you mean 'export'"),
        ({"code": "a/b"}, "a code has letters"),
        ({"code": "7"}, "isn't a number alone"),
        ({"name": " "}, "name: Empty"),
        ({"name": "x" * 256}, "name: Longer than 255"),
    ],
)
def test_bad_names(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises((UsageError, PluginConfigError), match=message):
        new(tmp_path / "x", **options)
    assert not (tmp_path / "x").exists()


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")

    with pytest.raises(UsageError, match="is a file"):
        new(tmp_path / "x")
    with pytest.raises(UsageError, match="can't be written: Not a directory"):
        new(tmp_path / "x" / "y")


@pytest.mark.parametrize(
    "name", ['""" + oops + """', "ends in \\", "{{description}}", "a\x7fb", "\\N{nothing}"]
)
def test_names_are_neither_code_nor_places(tmp_path: Path, name: str) -> None:
    folder = new(tmp_path / "x", name=name)

    assert load_config(folder).name == name
    source = (folder / "plugin" / "__init__.py").read_text()
    assert ast.unparse(ast.parse(source)) == '"""The plugin\'s code."""'


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "plugin").symlink_to(outside)

    with pytest.raises(UsageError, match="through a link"):
        new(tmp_path / "x")

    assert list(outside.iterdir()) == []
