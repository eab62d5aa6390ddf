"""Which part of the package may import which, and that no imports form a circle.

Imports for type checkers and inside functions count as well: a reader follows all of them.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

import pytest
from package_source import MODULES, PACKAGE, Import, find_imports, get_module_name, read_tree

# The parts that each part may import besides itself: the table of the manual's architecture page.
ALLOWED: dict[str, set[str]] = {
    "_public": set(),
    "_version": set(),
    "errors": set(),
    "_internal": {"errors"},
    "config": {"errors", "profiles"},
    "profiles": {"errors"},
    "transport": {"_version", "config", "errors"},
    "transfer": {"errors", "transport"},
    "annotations": {"errors"},
    "display": {"annotations", "errors", "orm", "transfer", "transport"},
    "formats": {"annotations", "errors"},
    "orm": {"config", "errors", "transport"},
    # A release and a run are checked before their request is sent.
    "resources": {
        *("_public", "annotations", "errors", "formats", "integrations", "orm", "plugins"),
        *("transfer", "transport"),
    },
    "stats": {"annotations", "errors", "orm", "resources"},
    "plots": {"display", "errors", "orm", "resources", "stats"},
    # Checks need no session: one that can't be made is a finding.
    "doctor": {"_version", "config", "errors", "profiles", "transfer", "transport"},
    # `Session.client` returns the client that shares the session's connection, and the other way
    # around.
    "aio": {"errors", "orm"},
    "session": {"aio", "clients", "config", "doctor", "errors", "orm", "resources", "transport"},
    # A folder for a Ray cluster is packed as a plugin's is.
    "clients": {
        *("config", "errors", "orm", "plugins", "resources", "session", "transfer", "transport")
    },
    "_synapse_sdk": {"_version", "clients"},
    # The context of a job makes a session.
    "plugins": {"errors", "orm", "session"},
    "jobs": {"errors", "plugins"},
    "jobs.ray": {"clients", "errors", "jobs", "plugins", "transport"},
    "emulator": {"_version", "errors", "jobs", "plugins"},
    "agent": {*("_version", "config", "errors", "jobs", "orm", "plugins", "session")},
    "integrations": {
        *("_version", "annotations", "errors", "formats", "orm", "transfer", "transport")
    },
    "testing": {"config", "emulator", "errors", "orm", "session", "transport"},
    "extending": {"orm", "transport"},
    "cli": {"_version", "errors"},
    "__main__": {"cli"},
    "": {"_internal", "_public", "_version"},
}
# Parts that import the rest when a function is called, so that `import synapse` stays cheap; the
# package's own file names every public class for type checkers.
LAZY = {"cli", ""}


def get_part(module: str) -> str:
    """Return the part of the package that a module belongs to; `""` is the package's own file."""
    if module.startswith("synapse.jobs.ray"):
        return "jobs.ray"
    return module.split(".")[1] if "." in module else ""


def find_wrong_imports(source: str, part: str) -> list[str]:
    """Return the imports that a part must not have, as `line: module`."""
    allowed = ALLOWED[part] | {part, "_internal"}  # helpers that every part may use
    return [
        f"{each.line}: {each.module}"
        for each in find_imports(ast.parse(source))
        if get_part(each.module) not in allowed
        and not (part in LAZY and (each.is_in_function or each.is_type_only))
    ]


def test_every_part_has_a_row() -> None:
    assert {get_part(module) for module in MODULES} == set(ALLOWED)


def test_every_permission_is_used() -> None:
    used: dict[str, set[str]] = {part: set() for part in ALLOWED}
    for module, path in MODULES.items():
        part = get_part(module)
        used[part].update(get_part(each.module) for each in find_imports(read_tree(path)))

    unused = {part: ALLOWED[part] - used[part] for part in ALLOWED if ALLOWED[part] - used[part]}
    assert unused == {}, "remove these from the table"


@pytest.mark.parametrize("path", MODULES.values(), ids=get_module_name)
def test_imports_go_one_way(path: Path) -> None:
    part = get_part(get_module_name(path))

    assert find_wrong_imports(path.read_text(encoding="utf-8"), part) == []


@pytest.mark.parametrize(
    ("source", "part", "expected"),
    [
        ("import synapse.session", "orm", ["1: synapse.session"]),
        ("from synapse.orm.query import Query", "transport", ["1: synapse.orm.query"]),
        ("from synapse import errors", "orm", []),
        ("from synapse import Session", "orm", ["1: synapse"]),
        ("from synapse import session, errors", "orm", ["1: synapse.session"]),
        ("def f():\n    import synapse.session", "orm", ["2: synapse.session"]),
        ("def f():\n    import synapse.session", "cli", []),
        ("try:\n    import synapse.emulator\nexcept E:\n    pass", "orm", ["2: synapse.emulator"]),
        ("if TYPE_CHECKING:\n    import synapse.session", "orm", ["2: synapse.session"]),
        ("if TYPE_CHECKING:\n    import synapse.session", "", []),
        ("if TYPE_CHECKING:\n    pass\nelse:\n    import synapse.cli", "orm", ["4: synapse.cli"]),
        ("import requests, typing", "orm", []),
    ],
)
def test_wrong_direction_is_found(source: str, part: str, expected: list[str]) -> None:
    assert find_wrong_imports(source, part) == expected


# -- Circles -------------------------------------------------------------------------------------

Graph = Mapping[str, Mapping[str, Import]]


def is_exempt(module: str, each: Import) -> bool:
    """Return whether an import may close a circle."""
    pair = {module, each.module}
    # A session makes its client, and a client its session, when somebody asks for them.
    if pair in ({"synapse.session", "synapse.clients.backend"},):
        return each.is_in_function
    # Resources and stored models refer to each other as their rows do, by type only.
    return each.is_type_only and any(
        all(name.startswith(package) for name in pair)
        for package in ("synapse.resources.", "synapse.emulator.models.")
    )


def find_circles(graph: Graph) -> list[list[str]]:
    """Return the groups of modules that import each other (Tarjan's algorithm)."""
    numbers: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    circles: list[list[str]] = []

    def visit(module: str) -> None:
        numbers[module] = lowest[module] = len(numbers)
        stack.append(module)
        for target, each in graph[module].items():
            if target not in graph or target == module or is_exempt(module, each):
                continue
            if target not in numbers:
                visit(target)
                lowest[module] = min(lowest[module], lowest[target])
            elif target in stack:
                lowest[module] = min(lowest[module], numbers[target])
        if lowest[module] == numbers[module]:
            start = stack.index(module)
            if len(stack) - start > 1:
                circles.append(sorted(stack[start:]))
            del stack[start:]

    for module in graph:
        if module not in numbers:
            visit(module)
    return circles


def build_graph() -> Graph:
    """Return the imports of each module by the module that is imported."""
    graph: dict[str, dict[str, Import]] = {}
    for module, path in MODULES.items():
        row = graph[module] = {}
        for each in find_imports(read_tree(path)):
            other = row.get(each.module)
            # Where a module is imported twice, the stricter import counts.
            if other is None or (other.is_type_only and not each.is_type_only):
                row[each.module] = each
    return graph


def test_no_modules_import_each_other() -> None:
    assert find_circles(build_graph()) == []


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ({"a": ["b"], "b": ["c"], "c": []}, []),
        ({"a": ["b"], "b": ["c"], "c": ["a"]}, [["a", "b", "c"]]),
        ({"a": ["b", "d"], "b": ["a"], "d": ["e"], "e": ["d"]}, [["d", "e"], ["a", "b"]]),
        ({"a": ["a"]}, []),
        ({"a": ["requests"]}, []),
    ],
)
def test_circle_is_found(edges: dict[str, list[str]], expected: list[list[str]]) -> None:
    graph = {
        module: {target: Import(1, target, is_type_only=True) for target in targets}
        for module, targets in edges.items()
    }

    assert sorted(find_circles(graph)) == sorted(expected)


@pytest.mark.parametrize(
    ("module", "target", "is_type_only", "is_in_function", "expected"),
    [
        ("synapse.resources.jobs", "synapse.resources.plugins", True, False, True),
        ("synapse.resources.jobs", "synapse.resources.plugins", False, True, False),
        ("synapse.resources.jobs", "synapse.orm.fields", True, False, False),
        ("synapse.emulator.models.jobs", "synapse.emulator.models.data", True, False, True),
        ("synapse.session", "synapse.clients.backend", False, True, True),
        ("synapse.session", "synapse.clients.backend", False, False, False),
        ("synapse.orm.fields", "synapse.orm.resource", True, False, False),
    ],
)
def test_exemption(
    module: str, target: str, is_type_only: bool, is_in_function: bool, expected: bool
) -> None:
    each = Import(1, target, is_type_only=is_type_only, is_in_function=is_in_function)

    assert is_exempt(module, each) is expected


def test_a_file_is_found_under_the_name_that_imports_use() -> None:
    assert get_module_name(PACKAGE / "orm" / "query.py") == "synapse.orm.query"
    assert get_module_name(PACKAGE / "orm" / "__init__.py") == "synapse.orm"
