"""Reading a mapping written by people."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.plugins.mapping_reader import Mistakes, did_you_mean


@pytest.mark.parametrize(
    ("word", "hint"),
    [("tarin", "; did you mean 'train'?"), ("TRAIN", "; did you mean 'train'?"), ("x", ".")],
)
def test_a_suggestion_for_a_misspelled_word(word: str, hint: str) -> None:
    assert did_you_mean(word, ["train", "export"]) == hint


def test_values_of_a_good_mapping() -> None:
    mistakes = Mistakes()
    reader = mistakes.read_mapping("", {"name": "Digits", "install": True, "x": 1}, known=["name"])

    assert reader is not None
    assert (reader.text("name"), reader.flag("install"), reader.texts("tags")) == (
        "Digits",
        True,
        [],
    )
    assert reader.rest() == {"install": True, "x": 1}
    assert mistakes.problems == {}


def test_a_misspelled_key_is_a_mistake_and_an_unknown_one_is_not() -> None:
    mistakes = Mistakes()
    mistakes.read_mapping("action", {"entrypiont": "a:b", "owner": "me"}, known=["entrypoint"])

    assert mistakes.problems == {
        "action.entrypiont": ["Unknown key; did you mean 'entrypoint'?"],
    }


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({}, "Missing."),
        ({"version": " "}, "Empty."),
        ({"version": 1.0}, 'Expected text, not the number 1.0: write "1.0", in quotes.'),
        ({"version": ["1"]}, "Expected text, not a list."),
    ],
)
def test_a_required_text(document: dict[str, Any], problem: str) -> None:
    mistakes = Mistakes()
    reader = mistakes.read_mapping("", document)

    assert reader is not None
    assert reader.text("version", required=True) is None
    assert mistakes.problems == {"version": [problem]}


def test_anything_else_than_a_mapping() -> None:
    mistakes = Mistakes()

    assert mistakes.read_mapping("actions", ["train"]) is None
    assert mistakes.problems == {"actions": ["Expected a mapping, not a list."]}
