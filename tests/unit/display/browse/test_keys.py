"""The table of keys, and the help and the manual that come out of it."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from synapse.display.browse.keys import KEYS, KeyBinding, describe_keys, make_key_table

SCRIPT = files("synapse.display.browse").joinpath("browse.js").read_text(encoding="utf-8")


def test_a_key_has_one_action() -> None:
    keys = [key for each in KEYS for key in each.keys]

    assert len(keys) == len(set(keys))
    assert len({each.action for each in KEYS}) == len(KEYS)


def test_script_does_exactly_the_actions_of_the_table() -> None:
    table = re.search(r"const actions = \{(.*?)\n    \};", SCRIPT, re.DOTALL)
    assert table is not None

    assert re.findall(r"^      (\w+):", table[1], re.MULTILINE) == [each.action for each in KEYS]


def test_manual_has_the_table() -> None:
    manual = Path(__file__).parents[4] / "docs" / "howto" / "notebooks.md"

    assert make_key_table() in manual.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("key", "shown"),
    [("ArrowLeft", "←"), ("Shift+ArrowUp", "Shift+↑"), ("+", "+"), ("Ctrl+z", "Ctrl+z")],
)
def test_keys_are_shown_by_short_names(key: str, shown: str) -> None:
    assert KeyBinding("go", (key,), "").shown == (shown,)


def test_description_is_json_for_the_widget() -> None:
    described = {each["action"]: each for each in describe_keys()}

    assert described["relabel"]["keys"] == list("123456789")
    assert described["relabel"]["range"]
    assert described["next"]["shown"] == ["→", "n"]
    assert not described["next"]["range"]


@pytest.mark.parametrize(
    "word", ["innerHTML", "outerHTML", "insertAdjacent", "eval(", "http://www"]
)
def test_script_writes_no_html_and_asks_nobody(word: str) -> None:
    assert SCRIPT.count(word) == (1 if word == "http://www" else 0)  # the namespace of SVG


def test_script_asks_nobody() -> None:
    assert re.findall(r"\b(?:fetch|XMLHttpRequest|WebSocket|import)\b\s*\(", SCRIPT) == []
    style = files("synapse.display.browse").joinpath("browse.css").read_text(encoding="utf-8")
    assert "url(" not in style
    assert "@import" not in style
