"""One name means one class, and every module has its file of tests."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

import pytest
from package_source import MODULES, PACKAGE, ROOT, read_tree

# -- Classes -------------------------------------------------------------------------------------

# Stored models are named as the resources that they store. Migrations are classes of the framework.
EXEMPT_PACKAGES = (
    "synapse.emulator.migrations.",
    "synapse.emulator.models.",
    "synapse._synapse_sdk.",
)
# Names that the platform's users know from two places, and the reason.
SHARED_NAMES = {
    # One page of a list as a dict (clients) and as rows (transport): both are public.
    "Page": {"synapse.clients.page", "synapse.transport.page"},
}


def find_repeated_classes(sources: Mapping[str, ast.Module]) -> dict[str, set[str]]:
    """Return the names of top-level classes that several modules define, with the modules."""
    modules: dict[str, set[str]] = defaultdict(set)
    for module, tree in sources.items():
        if not module.startswith(EXEMPT_PACKAGES):
            for node in tree.body:
                if isinstance(node, ast.ClassDef):
                    modules[node.name].add(module)
    return {
        name: found
        for name, found in sorted(modules.items())
        if len(found) > 1 and SHARED_NAMES.get(name) != found
    }


def test_no_two_classes_share_a_name() -> None:
    assert find_repeated_classes({name: read_tree(path) for name, path in MODULES.items()}) == {}


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ({"synapse.a": "class Line: ...", "synapse.b": "class Line: ..."}, ["Line"]),
        ({"synapse.a": "class _Run: ...", "synapse.b": "class _Run: ..."}, ["_Run"]),
        ({"synapse.a": "class Line: ...", "synapse.b": "class Lines: ..."}, []),
        ({"synapse.a": "def f():\n    class Line: ...", "synapse.b": "class Line: ..."}, []),
        (
            {"synapse.emulator.models.jobs": "class Job: ...", "synapse.b": "class Job: ..."},
            [],
        ),
        ({"synapse.a": "class Page: ...", "synapse.clients.page": "class Page: ..."}, ["Page"]),
    ],
)
def test_repeated_class_is_found(sources: dict[str, str], expected: list[str]) -> None:
    trees = {module: ast.parse(source) for module, source in sources.items()}

    assert list(find_repeated_classes(trees)) == expected


# -- Files of tests ------------------------------------------------------------------------------

# Modules without a file of unit tests, and the reason.
UNTESTED = {
    "_version.py": "a constant",
    "orm/_typing.py": "protocols for type checkers",
    "emulator/wsgi.py": "the server's entry point; tests/emulator starts it",
    "emulator/settings.py": "constants that Django reads",
}
UNTESTED_FOLDERS = {
    "_synapse_sdk": "re-exports; tests/behaviour/clients/test_compat_imports.py",
    "emulator/migrations": "written by Django; every test of the emulator runs them",
    "emulator/models": "declarations of tables; the tests of the views read and write them",
}


def find_untested_modules(modules: Iterable[str], tests: Iterable[str]) -> list[str]:
    """Return the test files that are missing.

    Args:
        modules: Paths below `synapse/`.
        tests: Paths below `tests/`.
    """
    paths = {PurePosixPath(test) for test in tests}
    of_emulator = {path.name for path in paths if "emulator" in path.parts[:2]}
    missing = []
    for module in map(PurePosixPath, modules):
        name = f"test_{module.stem.lstrip('_')}.py"
        is_exempt = (
            module.name in ("__init__.py", "__main__.py")
            or str(module) in UNTESTED
            or any(str(module).startswith(f"{folder}/") for folder in UNTESTED_FOLDERS)
        )
        expected = PurePosixPath("unit") / module.parent / name
        is_emulator = module.parts[0] == "emulator" and name in of_emulator
        if not (is_exempt or expected in paths or is_emulator):
            missing.append(f"tests/{expected}")
    return missing


def find_strays(modules: Iterable[str], tests: Iterable[str]) -> list[str]:
    """Return the files below `tests/unit` that no module corresponds to.

    The tests of a large module may be split by topic: `test_body.py` and `test_body_lines.py`.
    """
    names = set()
    for module in map(PurePosixPath, modules):
        stem = "init" if module.stem == "__init__" else module.stem.lstrip("_")
        names.add(PurePosixPath("unit") / module.parent / f"test_{stem}.py")
    return sorted(
        f"tests/{test}"
        for test in map(PurePosixPath, tests)
        if test.parts[0] == "unit"
        and test.name.startswith("test_")
        and test not in names
        and not any(
            test.parent == name.parent and test.stem.startswith(f"{name.stem}_") for name in names
        )
    )


def list_files(folder: Path) -> list[str]:
    """Return the Python files below a folder, relative to it."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))


def test_every_module_has_its_tests() -> None:
    missing = find_untested_modules(list_files(PACKAGE), list_files(ROOT / "tests"))
    known = (ROOT / "tests" / "meta" / "without_unit_tests.txt").read_text(encoding="utf-8")

    # The list only shrinks: behaviour tests cover these modules, and each waits for tests of its
    # own. A new module without tests fails here, and so does a line whose tests now exist.
    assert missing == known.split()


def test_unit_tests_mirror_the_package() -> None:
    assert find_strays(list_files(PACKAGE), list_files(ROOT / "tests")) == []


@pytest.mark.parametrize("path", [*UNTESTED, *UNTESTED_FOLDERS])
def test_exemption_is_needed(path: str) -> None:
    assert (PACKAGE / path).exists()


@pytest.mark.parametrize(
    ("module", "tests", "expected"),
    [
        ("orm/query.py", [], ["tests/unit/orm/test_query.py"]),
        ("orm/query.py", ["unit/orm/test_query.py"], []),
        ("orm/query.py", ["unit/transport/test_query.py"], ["tests/unit/orm/test_query.py"]),
        ("orm/query.py", ["emulator/test_query.py"], ["tests/unit/orm/test_query.py"]),
        ("_public.py", ["unit/test_public.py"], []),
        ("emulator/api/jobs.py", ["emulator/test_jobs.py"], []),
        (
            "emulator/api/jobs.py",
            ["behaviour/test_jobs.py"],
            ["tests/unit/emulator/api/test_jobs.py"],
        ),
        ("orm/__init__.py", [], []),
        ("_synapse_sdk/clients/base.py", [], []),
    ],
)
def test_missing_tests_are_found(module: str, tests: list[str], expected: list[str]) -> None:
    assert find_untested_modules([module], tests) == expected


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("unit/orm/test_query.py", []),
        ("unit/orm/test_init.py", []),
        ("unit/orm/conftest.py", []),
        ("behaviour/test_anything.py", []),
        ("unit/orm/test_terms.py", ["tests/unit/orm/test_terms.py"]),
        ("unit/test_query.py", ["tests/unit/test_query.py"]),
    ],
)
def test_stray_is_found(test: str, expected: list[str]) -> None:
    assert find_strays(["orm/query.py", "orm/__init__.py"], [test]) == expected
