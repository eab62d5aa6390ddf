"""Count words that make docstrings vague, and fail where they are too frequent.

Pronouns and existential sentences hide the noun that a reader looks for. The limits are twice the
frequencies in Django's docstrings.

    python tools/docstring_words.py [PATH ...]
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "synapse"

# Occurrences per 1,000 words.
LIMITS = {"it": 10.0, "its": 2.8, "what": 1.4, "there": 1.6}

_WORD = re.compile(r"[A-Za-z']+")
_CONTRACTIONS = ("'s", "'re", "'ll", "'d")


def find_docstrings(tree: ast.AST) -> Iterator[str]:
    """Yield the docstrings of a module, its classes and its functions."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            docstring = ast.get_docstring(node)
            if docstring:
                yield docstring


def split_words(text: str) -> Iterator[str]:
    """Yield the words of a text in lower case, without contractions: `it's` counts as `it`."""
    for match in _WORD.finditer(text.lower()):
        word = match[0].strip("'")
        for end in _CONTRACTIONS:
            word = word.removesuffix(end)
        yield word


def count_words(docstrings: Iterable[str]) -> tuple[int, dict[str, float]]:
    """Return the number of all words, and how often each limited word stands in 1,000."""
    counts = Counter(word for docstring in docstrings for word in split_words(docstring))
    total = counts.total()
    return total, {word: 1000 * counts[word] / max(total, 1) for word in LIMITS}


def find_excesses(frequencies: Mapping[str, float]) -> list[str]:
    """Return the words that are above their limit."""
    return [word for word, limit in LIMITS.items() if frequencies[word] > limit]


def main(arguments: list[str]) -> int:
    """Print the frequencies; return 1 if one is above its limit."""
    roots = [Path(argument) for argument in arguments] or [PACKAGE]
    paths = [path for root in roots for path in ([root] if root.is_file() else root.rglob("*.py"))]
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in paths)
    total, frequencies = count_words(text for tree in trees for text in find_docstrings(tree))
    excesses = find_excesses(frequencies)
    print(f"docstrings: {total:,} words; per 1,000 words:")
    for word, limit in LIMITS.items():
        mark = "  TOO MANY" if word in excesses else ""
        print(f"  {word:6}{frequencies[word]:6.2f} (limit {limit:g}){mark}")
    return 1 if excesses else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
