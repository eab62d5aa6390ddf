"""Run every example in a docstring, with fixtures from `getfixture`."""

from __future__ import annotations

import ast
import doctest
import importlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.real_pauses

PACKAGE = Path(__file__).parents[2] / "synapse"


def find_examples() -> Iterator[tuple[str, str, str, int]]:
    """Yield module, name, docstring and line of each docstring with an example.

    The search imports nothing, so a failing import fails one test only.
    """
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield from _find_examples_in(ast.parse(path.read_text(encoding="utf-8")), module, module)


def _find_examples_in(node: ast.AST, module: str, name: str) -> Iterator[tuple[str, str, str, int]]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(node, kinds) and ">>>" in (text := ast.get_docstring(node, clean=False) or ""):
        assert isinstance(node.body[0], ast.Expr)
        yield module, name, text, node.body[0].lineno - 1
    for child in ast.iter_child_nodes(node):
        below = f"{name}.{child.name}" if isinstance(child, kinds[1:]) else name
        yield from _find_examples_in(child, module, below)


EXAMPLES = list(find_examples())


@pytest.mark.parametrize(
    ("module", "name", "text", "line"), EXAMPLES, ids=[name for _, name, _, _ in EXAMPLES]
)
def test_docstring(
    module: str, name: str, text: str, line: int, request: pytest.FixtureRequest
) -> None:
    names = {**vars(importlib.import_module(module)), "getfixture": request.getfixturevalue}
    report = io.StringIO()

    test = doctest.DocTestParser().get_doctest(text, names, name, module, line)
    results = doctest.DocTestRunner().run(test, out=report.write)

    assert results.failed == 0, report.getvalue()
    assert results.attempted > 0, "a skipped example shows nothing"
