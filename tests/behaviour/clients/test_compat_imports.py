"""The names that older scripts import are the same objects, never a second copy."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import synapse.clients.exceptions
import synapse.errors

MIXINS = {
    "annotation": "AnnotationClientMixin",
    "core": "CoreClientMixin",
    "data_collection": "DataCollectionClientMixin",
    "hitl": "HITLClientMixin",
    "integration": "IntegrationClientMixin",
    "ml": "MLClientMixin",
}
EXCEPTIONS = [
    *("AuthenticationError", "BadRequest", "ClientError", "Conflict", "ConnectionFailed"),
    *("InvalidResponse", "NotFound", "PayloadTooLarge", "PermissionDenied", "RateLimited"),
    *("RequestTimeout", "ServerError", "StreamLimitExceeded", "ValidationError"),
]
MODULES = {
    "": ["__version__"],
    ".clients": [],
    ".clients.base": ["BaseClient"],
    ".clients.exceptions": EXCEPTIONS,
    ".clients.agent": ["AgentClient"],
    ".clients.agent.ray": ["RayClient", "RayClientMixin"],
    ".clients.backend": ["BackendClient", *MIXINS.values()],
    **{f".clients.backend.{module}": [name] for module, name in MIXINS.items()},
}
NAMES = [(module, name) for module, names in MODULES.items() for name in names]


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_same_object(module: str, name: str) -> None:
    old = importlib.import_module(f"synapse_sdk{module}")
    new = importlib.import_module(f"synapse{module}")

    assert getattr(old, name) is getattr(new, name)


@pytest.mark.parametrize("module", MODULES)
def test_names_of_a_module(module: str) -> None:
    old = importlib.import_module(f"synapse_sdk{module}")

    assert sorted(getattr(old, "__all__", [])) == sorted(MODULES[module])
    assert inspect.getdoc(old)


def test_no_other_module() -> None:
    import synapse_sdk

    root = Path(str(synapse_sdk.__file__)).parent
    found = {
        "".join(f".{part}" for part in path.relative_to(root).with_suffix("").parts)
        for path in root.rglob("*.py")
    }

    assert {name.removesuffix(".__init__") for name in found} == set(MODULES)
    assert (root / "py.typed").exists()


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_exceptions_are_those_of_the_package(name: str) -> None:
    assert getattr(synapse.clients.exceptions, name) is getattr(synapse.errors, name)


def test_every_client_error_is_there() -> None:
    kinds = {
        name
        for name in synapse.errors.__all__
        if issubclass(getattr(synapse.errors, name), synapse.errors.ClientError)
    }

    assert set(EXCEPTIONS) == kinds


@pytest.mark.parametrize("module", MODULES)
def test_each_can_be_imported_first(module: str) -> None:
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import synapse_sdk{module}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (result.returncode, result.stderr) == (0, "")
