"""The table of public names agrees with the package."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import synapse
from synapse._public import MODULE_OF


def imported_for_type_checkers() -> dict[str, str]:
    """Return the names that `synapse/__init__.py` imports for type checkers, with modules."""
    tree = ast.parse(Path(str(synapse.__file__)).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.name: str(node.module)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_type_checkers_see_the_names_of_the_table() -> None:
    assert imported_for_type_checkers() == MODULE_OF


def test_all_lists_the_names_of_the_table() -> None:
    assert set(synapse.__all__) == {*MODULE_OF, "__version__"}


@pytest.mark.parametrize("name", sorted(MODULE_OF))
def test_a_public_name_is_importable(name: str) -> None:
    assert getattr(synapse, name) is getattr(importlib.import_module(MODULE_OF[name]), name)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Projct'"):
        _ = synapse.Projct  # type: ignore[attr-defined] # the mistake
