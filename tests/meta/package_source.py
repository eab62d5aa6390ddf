"""The package's modules as syntax trees, and the imports in them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "synapse"
PATHS = sorted(PACKAGE.rglob("*.py"))


def get_module_name(path: Path) -> str:
    """Return a file's module name."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {get_module_name(path): path for path in PATHS}


def read_tree(path: Path) -> ast.Module:
    """Parse a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


@attrs.frozen
class Import:
    """An import of something in the package.

    Attributes:
        line: The line.
        module: The imported module: `from synapse.a import b` imports `synapse.a.b` if that is a
            module, else `synapse.a`.
        is_type_only: Whether type checkers alone see it.
        is_in_function: Whether it is run by a function, when that is called.
    """

    line: int
    module: str
    is_type_only: bool = False
    is_in_function: bool = False


def _is_type_checking(node: ast.AST) -> bool:
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
            return True
    return False


def find_imports(
    tree: ast.AST, *, is_type_only: bool = False, is_in_function: bool = False
) -> Iterator[Import]:
    """Yield the imports of the package's own modules, wherever they are."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.If() if _is_type_checking(node):
                block = ast.Module(node.body, [])
                yield from find_imports(block, is_type_only=True, is_in_function=is_in_function)
                block = ast.Module(node.orelse, [])
                yield from find_imports(
                    block, is_type_only=is_type_only, is_in_function=is_in_function
                )
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from find_imports(node, is_type_only=is_type_only, is_in_function=True)
            case ast.Import(names=names):
                for alias in names:
                    if alias.name.split(".")[0] == "synapse":
                        yield Import(node.lineno, alias.name, is_type_only, is_in_function)
            case ast.ImportFrom(level=0, module=str(module), names=names):
                if module.split(".")[0] == "synapse":
                    for target in dict.fromkeys(
                        f"{module}.{alias.name}" if f"{module}.{alias.name}" in MODULES else module
                        for alias in names
                    ):
                        yield Import(node.lineno, target, is_type_only, is_in_function)
            case ast.ImportFrom(level=level) if level:
                raise ValueError(f"line {node.lineno}: imports are absolute in this package")
            case _:
                yield from find_imports(
                    node, is_type_only=is_type_only, is_in_function=is_in_function
                )
