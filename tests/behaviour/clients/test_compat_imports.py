"""The names that older scripts import are the objects of `synapse`, never a second copy."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import synapse.clients.exceptions
import synapse.errors

ROOT = Path(synapse.errors.__file__).parent / "_synapse_sdk"
PATHS = sorted(ROOT.rglob("*.py"))

# Every module with the names that scripts import from it.
MODULES = {
    "": ["__version__"],
    ".clients": ["AgentClient", "BackendClient", "BaseClient", "ClientError"],
    ".clients.base": ["BaseClient"],
    ".clients.exceptions": [*synapse.clients.exceptions.__all__],
    ".exceptions": [*synapse.clients.exceptions.__all__],
    ".clients.agent": ["AgentClient"],
    ".clients.agent.ray": ["RayClient", "RayClientMixin"],
    ".clients.backend": [
        *("BackendClient", "CoreClientMixin", "MLClientMixin"),
        *("Agent", "JobStatus", "Storage", "StorageCategory", "StorageProvider"),
        "UpdateJobRequest",
    ],
    ".clients.backend.models": ["CreateLogsRequest", "DataFileResponse", "JobStatus"],
    ".clients.backend.annotation": ["AnnotationClientMixin"],
    ".clients.backend.bulk_upload": ["BulkUploadClientMixin", "PRESIGNED_UPLOAD_PROVIDERS"],
    ".clients.backend.core": ["CoreClientMixin"],
    ".clients.backend.data_collection": ["DataCollectionClientMixin"],
    ".clients.backend.hitl": ["HITLClientMixin"],
    ".clients.backend.integration": ["IntegrationClientMixin"],
    ".clients.backend.ml": ["MLClientMixin"],
}

# Modules whose objects are elsewhere in `synapse`.
# The package's own file looks for files of the platform's package beside ours.
_ROOT_STATEMENTS = {
    "from pathlib import Path",
    "warn_about_mixed_files(Path(__file__).parent)",
}
MOVED = {".exceptions": ".clients.exceptions"}


@pytest.mark.parametrize("name", MODULES)
def test_names_are_the_same_objects(name: str) -> None:
    old = importlib.import_module(f"synapse_sdk{name}")
    new = importlib.import_module(f"synapse{MOVED.get(name, name)}")
    names = getattr(old, "__all__", [])

    assert set(MODULES[name]) <= set(names)
    assert [each for each in names if getattr(old, each) is not getattr(new, each)] == []


def test_package_has_these_modules_and_is_typed() -> None:
    names = {
        "".join(f".{part}" for part in path.relative_to(ROOT).with_suffix("").parts)
        for path in PATHS
    }

    assert {name.removesuffix(".__init__") for name in names} == set(MODULES)
    assert (ROOT / "py.typed").exists()


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_module_only_imports(path: Path) -> None:
    docstring, *statements = ast.parse(path.read_text(encoding="utf-8")).body

    assert isinstance(docstring, ast.Expr)
    for statement in statements:
        if path.parent.name == "_synapse_sdk" and ast.unparse(statement) in _ROOT_STATEMENTS:
            continue
        if isinstance(statement, ast.ImportFrom):
            assert str(statement.module).startswith("synapse.")
        else:
            assert ast.unparse(statement).startswith("__all__ = ")


@pytest.mark.parametrize("name", MODULES)
def test_module_can_be_imported_first(name: str) -> None:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import synapse_sdk{name}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (result.returncode, result.stderr) == (0, "")
