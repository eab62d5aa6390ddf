"""Run every example in a docstring.

An example uses the names that `docs/reference/index.md` introduces, such as `session` and
`project`, and `Path`. It starts in an empty folder, with sample objects of its own.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.real_pauses

# Fixtures by the names that examples use without creating them.
FIXTURES = {
    **{name: name for name in ("session", "project", "unit", "client", "emulator")},
    "tenant": "synapse_emulator",
    "running_agent": "synapse_agent",
}
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


def find_free_names(examples: Iterable[doctest.Example]) -> list[str]:
    """Return the names of fixtures that the examples read before they set them."""
    stored: set[str] = set()
    free = []
    for example in examples:
        names = [node for node in ast.walk(ast.parse(example.source)) if isinstance(node, ast.Name)]
        read = {node.id for node in names if isinstance(node.ctx, ast.Load)}
        free += [name for name in FIXTURES if name in read - stored]
        stored |= {node.id for node in names if isinstance(node.ctx, ast.Store)} | {*free}
    return free


EXAMPLES = list(find_examples())


@pytest.mark.parametrize(
    ("module", "name", "text", "line"), EXAMPLES, ids=[name for _, name, _, _ in EXAMPLES]
)
def test_docstring(
    module: str,
    name: str,
    text: str,
    line: int,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"Path": Path, **vars(importlib.import_module(module))}
    test = doctest.DocTestParser().get_doctest(text, {}, name, module, line)
    if any(re.search(r"^[A-Z]\w+\.(create|objects)\b", each.source) for each in test.examples):
        request.getfixturevalue("session")  # the default session, which classes use
    for free in find_free_names(test.examples):
        names[free] = request.getfixturevalue(FIXTURES[free])
    test.globs.update(names)
    report = io.StringIO()

    results = doctest.DocTestRunner().run(test, out=report.write)

    assert results.failed == 0, report.getvalue()
    assert results.attempted > 0, "a skipped example shows nothing"


def test_names_of_fixtures_are_found() -> None:
    source = ">>> session.tasks\n>>> project = session.get(1)\n>>> project.name = unit\n"
    examples = doctest.DocTestParser().get_examples(source)

    assert find_free_names(examples) == ["session", "unit"]


def test_examples_use_no_fixture_by_a_call() -> None:
    """A reader can paste them."""
    assert [name for _, name, text, _ in EXAMPLES if "getfixture" in text] == []
