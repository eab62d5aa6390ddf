"""What an import costs, and which part of the package may import which."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "synapse"
MODULES = sorted(PACKAGE.rglob("*.py"))

HEAVY = {"django", "rest_framework", "rich", "typer", "numpy", "PIL", "pandas", "torch", "ray"}
# Needed to make a request, but not to `import synapse`.
LATER = {"requests", "urllib3", "attrs", "attr", "cattrs", "cachetools"}

# Which parts each part may import besides itself: the table in `docs/explanation/architecture.md`.
ALLOWED = {
    "_public": set(),
    "_version": set(),
    "errors": set(),
    "_internal": {"errors"},
    "config": {"errors", "profiles"},
    "profiles": {"errors"},
    "transport": {"_version", "errors", "config"},
    "transfer": {"errors", "transport"},
    "orm": {"_public", "errors", "transport"},
    # What checks a release or a run is imported when one is made; the context of a job, which is
    # a plugin's as well, makes a session.
    "resources": {"_public", "errors", "orm", "transfer", "plugins", "transport"},
    # `Session.client` imports the clients when it is asked for, so that moving a script over one
    # call at a time works from either end.
    "session": {"errors", "config", "transport", "orm", "resources", "clients"},
    # A folder for a Ray cluster is packed as a plugin's is.
    "clients": {
        "config",
        "orm",
        "errors",
        "plugins",
        "resources",
        "session",
        "transfer",
        "transport",
    },
    "_synapse_sdk": {"_version", "clients"},
    "plugins": {"errors", "orm", "session"},
    "jobs": {"errors", "plugins"},
    "jobs.ray": {"agent", "clients", "errors", "jobs", "plugins", "transport"},
    "emulator": {"_version", "jobs", "errors", "plugins"},
    "agent": {
        "orm",
        "_version",
        "clients",
        "config",
        "jobs",
        "jobs.ray",
        "errors",
        "plugins",
        "session",
        "transport",
    },
    "integrations": {"orm", "errors", "resources", "session", "transfer"},
    "testing": {"session", "orm", "emulator"},
    "cli": {"_version", "errors"},
    "": {"_public", "_version"},
}
# Parts whose functions may import anything, so that it is loaded when it is used.
LAZY = {"cli", ""}


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        ("import synapse", HEAVY | LATER),
        ("import synapse; synapse.Session; synapse.Project", HEAVY),
        ("import synapse.cli", HEAVY | LATER),
        ("import synapse.testing", HEAVY | LATER),
        ("import synapse.testing.plugin", HEAVY | LATER),
        ("from synapse.emulator import Emulator", HEAVY | LATER),
    ],
)
def test_import_loads_no_more_than_needed(statement: str, unwanted: set[str]) -> None:
    script = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"

    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )

    assert "synapse" in result.stdout.split()
    assert not unwanted & set(result.stdout.split())


def part_of(module: str) -> str:
    """Return the part of the package that a module is in; the package's own file is `""`."""
    if module.startswith("synapse.jobs.ray"):
        return "jobs.ray"
    return module.split(".")[1] if "." in module else ""


def name_of(path: Path) -> str:
    """Return a file's module name."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(nodes: Iterable[ast.AST], *, into_functions: bool) -> Iterator[tuple[int, str]]:
    """Give line and name of what code imports of the package when it runs."""
    for node in nodes:
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                yield from imports_of(node.orelse, into_functions=into_functions)
            case ast.FunctionDef() | ast.AsyncFunctionDef() if not into_functions:
                pass
            case ast.Import(names=names):
                for alias in names:
                    if alias.name.split(".")[0] == "synapse":
                        yield node.lineno, alias.name
            case ast.ImportFrom(level=0, module="synapse", names=names):
                # `from synapse import errors` is about a part, `import Session` about the root.
                for alias in names:
                    is_part = (PACKAGE / alias.name).exists() or (
                        PACKAGE / f"{alias.name}.py"
                    ).exists()
                    yield node.lineno, f"synapse.{alias.name}" if is_part else "synapse"
            case ast.ImportFrom(level=0, module=str(module)):
                if module.split(".")[0] == "synapse":
                    yield node.lineno, module
            case ast.ImportFrom():
                raise AssertionError(f"line {node.lineno}: imports are absolute here")
            case _:
                below = ast.iter_child_nodes(node)
                yield from imports_of(below, into_functions=into_functions)


def refused(source: str, part: str) -> list[str]:
    """Return what a module of a part must not import, as `line: module`."""
    found = imports_of(ast.parse(source).body, into_functions=part not in LAZY)
    allowed = ALLOWED[part] | {part, "_internal"}  # helpers that every part may use
    return [f"{line}: {module}" for line, module in found if part_of(module) not in allowed]


def test_every_part_has_its_place() -> None:
    parts = {part_of(name_of(path)) for path in MODULES}

    assert parts == set(ALLOWED), (
        "a new part needs a row here and in the architecture page"
    )


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_one_way(path: Path) -> None:
    assert refused(path.read_text(encoding="utf-8"), part_of(name_of(path))) == []


@pytest.mark.parametrize(
    ("source", "part", "expected"),
    [
        ("import synapse.session", "orm", ["1: synapse.session"]),
        ("from synapse.orm.query import Query", "transport", ["1: synapse.orm.query"]),
        ("from synapse import errors", "orm", []),
        ("from synapse import Session", "orm", ["1: synapse"]),
        ("def f():\n    import synapse.session", "orm", ["2: synapse.session"]),
        ("def f():\n    import synapse.session", "cli", []),
        ("try:\n    import synapse.emulator\nexcept E:\n    pass", "orm", ["2: synapse.emulator"]),
        ("if TYPE_CHECKING:\n    import synapse.session", "orm", []),
        ("if TYPE_CHECKING:\n    pass\nelse:\n    import synapse.cli", "orm", ["4: synapse.cli"]),
        ("import requests, typing", "orm", []),
    ],
)
def test_wrong_direction_is_found(source: str, part: str, expected: list[str]) -> None:
    assert refused(source, part) == expected
