"""The wording of messages and docstrings: the rules that a program can check."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import docstring_words
import pytest
from package_source import MODULES, get_module_name, read_tree

RIDDLE = re.compile(r"\bis no (?!t\b|longer|more)")
OPENING = re.compile(r"(What|How|Say|Says|Have|Has|Give|Gives|Tell|Tells)\b")


def find_riddles(tree: ast.AST) -> Iterator[str]:
    """Yield the texts that say "is no X"; say what the value is, or isn't."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for match in RIDDLE.finditer(node.value):
                yield f"{node.lineno}: {node.value[max(match.start() - 20, 0) : match.end() + 20]}"


def find_openings(tree: ast.AST) -> Iterator[str]:
    """Yield the docstrings that begin with a word that names nothing."""
    for docstring in docstring_words.find_docstrings(tree):
        if OPENING.match(docstring):
            yield docstring.splitlines()[0]


@pytest.mark.parametrize("path", MODULES.values(), ids=get_module_name)
def test_messages_state_facts(path: Path) -> None:
    assert list(find_riddles(read_tree(path))) == []


@pytest.mark.parametrize("path", MODULES.values(), ids=get_module_name)
def test_docstrings_open_with_a_verb_or_a_noun(path: Path) -> None:
    assert list(find_openings(read_tree(path))) == []


@pytest.mark.parametrize(
    ("source", "is_found"),
    [
        ('raise E("abc is no id")', True),
        ('raise E(f"{name!r} is no name: give the names one by one.")', True),
        ('"""A page is no list."""', True),
        ('raise E("The job is no longer there.")', False),
        ('raise E("This is not an id.")', False),
        ("# this is no string", False),
    ],
)
def test_riddle_is_found(source: str, is_found: bool) -> None:
    assert bool(list(find_riddles(ast.parse(source)))) == is_found


@pytest.mark.parametrize(
    ("source", "is_found"),
    [
        ('def f():\n    """What comes after nothing."""', True),
        ('class C:\n    """Tell the server."""', True),
        ('"""How a page is read."""', True),
        ('def f():\n    """Return the rows."""', False),
        ('def f():\n    """Whatever."""', False),
        ('def f():\n    "What"', True),
        ('x = "What comes"', False),
    ],
)
def test_opening_is_found(source: str, is_found: bool) -> None:
    assert bool(list(find_openings(ast.parse(source)))) == is_found


class TestWordCounts:
    def test_words_are_counted_with_contractions(self) -> None:
        total, frequencies = docstring_words.count_words(["It is what it's: its item.", "There!"])

        assert total == 7
        assert {word: round(number * total / 1000) for word, number in frequencies.items()} == {
            "it": 2,
            "its": 1,
            "what": 1,
            "there": 1,
        }

    def test_docstrings_of_all_definitions_are_found(self) -> None:
        source = (
            '"""M."""\nclass C:\n    """C."""\n    async def f(self):\n        """F."""\nx = "x"'
        )

        assert sorted(docstring_words.find_docstrings(ast.parse(source))) == ["C.", "F.", "M."]

    @pytest.mark.parametrize(("word", "expected"), [("it", 1), ("page", 0)])
    def test_exit_code(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str, expected: int
    ) -> None:
        path = tmp_path / "module.py"
        path.write_text(f'"""Read {word}."""')

        assert docstring_words.main([str(path)]) == expected
        assert ("TOO MANY" in capsys.readouterr().out) == bool(expected)

    def test_nothing_to_count(self) -> None:
        assert docstring_words.find_excesses(docstring_words.count_words([])[1]) == []
