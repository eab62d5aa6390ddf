"""Clients use the transport and the declared paths only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import synapse
from synapse.orm import registry

PACKAGE = Path(synapse.__file__).parent
CLIENTS = sorted((PACKAGE / "clients").rglob("*.py"))

# What only the transport and the transfer may import.
WAYS_OUT = {"requests", "urllib3", "json", "orjson", "http", "socket", "ssl", "urllib", "hashlib"}
# A Ray package is named for its content.
ALLOWED = {"agent/ray_packages.py": {"hashlib"}}

# Actions below a declared path.
ACTIONS = {
    "backend/annotation.py": {"annotate_task_data/", "data/", "files/", "set_tags/"},
    "backend/bulk_upload.py": {"presigned_upload/upload/", "presigned_upload/confirm_upload/"},
    "backend/data_collection.py": {"verify_checksums/"},
    "backend/hitl.py": {"data/", "files/", "set_tags/"},
    "backend/integration.py": {"run/", "console_logs/", "tail_console_logs/"},
    "backend/ml.py": {"data/", "files/"},
    # The script that installs an agent, which has the agent's token.
    "backend/models.py": {r"agents/([0-9a-f]{40})/node_install_script"},
}
# An agent's endpoints, and those of a Ray cluster's dashboard, which no resource declares.
ENDPOINTS = {
    "agent/__init__.py": {"health/", "metrics/", "plugin_releases/", "/", "/run/"},
    "agent/ray_mixin.py": {
        *("jobs/", "/", "/logs/", "/stop/"),
        *("nodes/", "tasks/", "serve_applications/"),
    },
    "agent/log_tail.py": {"jobs/", "ray/jobs/", "/", "/logs/", "/logs/stream/", "/logs/ws/"},
    "agent/ray_jobs.py": {"api/jobs/", "/stop", "api/packages/gcs/", "://"},
    "agent/ray_logs.py": {"api/jobs/", "/logs", "/logs/tail"},
    "agent/ray_packages.py": {"gcs://"},
    "agent/ray_rest.py": {"*/*"},
    "agent/ray_serve.py": {"api/serve/applications/", "/"},
    "agent/ray_state.py": {"api/v0/", "api/version"},
    # A slash in front or behind is taken off.
    "base.py": {"/"},
}


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE / "clients").as_posix()


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module).partition(".")[0]


def texts(tree: ast.AST) -> Iterator[str]:
    """Give every text in the code that isn't a docstring or part of a message."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        is_message = isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
            ("UsageError", "InvalidResponse", "BadRequest", "ConfigurationError")
        )
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_message or is_docstring:
            skipped.update(id(below) for below in ast.walk(node))
        elif isinstance(node, ast.Constant) and id(node) not in skipped:
            yield from [node.value] if isinstance(node.value, str) else []


def paths_in(source: str) -> set[str]:
    return {text for text in texts(ast.parse(source)) if "/" in text}


@pytest.mark.parametrize("path", CLIENTS, ids=name_of)
def test_no_way_out_of_its_own(path: Path) -> None:
    found = set(imports(ast.parse(path.read_text(encoding="utf-8"))))

    assert found & WAYS_OUT == ALLOWED.get(name_of(path), set())


@pytest.mark.parametrize("path", CLIENTS, ids=name_of)
def test_no_path_of_its_own(path: Path) -> None:
    name = name_of(path)

    found = paths_in(path.read_text(encoding="utf-8"))

    assert found == ACTIONS.get(name, set()) | ENDPOINTS.get(name, set())


def test_tables_have_no_declared_path() -> None:
    declared = {cls.__schema__.path for cls in registry.declared()}
    declared |= {cls.__schema__.list_path for cls in registry.declared()}

    assert "projects/" in declared
    assert set().union(*ACTIONS.values()) & declared == set()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('x._get("projects/")', {"projects/"}),
        ('x._get(f"projects/{key}/")', {"projects/", "/"}),
        ('"""a/b"""', set()),
        ('def f():\n    """a/b"""\n    return "c/"', {"c/"}),
        ('raise UsageError(f"not a/b: {x}")', set()),
        ('PATH = "data_" + "files/"', {"files/"}),
        ("x.request('GET', 'tasks')", set()),
    ],
)
def test_path_is_found(source: str, expected: set[str]) -> None:
    assert paths_in(source) == expected
