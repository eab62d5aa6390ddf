"""The parts of the clients fit together; `tests/meta/public_api.txt` has their signatures."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from synapse.clients.agent import AgentClient
from synapse.clients.agent.ray import RayClient, RayClientMixin
from synapse.clients.backend import (
    AnnotationClientMixin,
    BackendClient,
    BulkUploadClientMixin,
    CoreClientMixin,
    DataCollectionClientMixin,
    HITLClientMixin,
    IntegrationClientMixin,
    MLClientMixin,
)
from synapse.clients.base import BaseClient

MIXINS = [
    *(AnnotationClientMixin, BulkUploadClientMixin, CoreClientMixin, DataCollectionClientMixin),
    *(HITLClientMixin, IntegrationClientMixin, MLClientMixin),
]

# Methods that subclasses of `BaseClient` call, with their parameters.
PROTECTED = {
    "_get": (
        "path, params=None, *, url_conversion=None, files_fields=('files',), response_model=None, "
        "**options"
    ),
    "_post": "path, data=None, params=None, **options",
    "_put": "path, data=None, params=None, **options",
    "_patch": "path, data=None, params=None, **options",
    "_delete": "path, data=None, params=None, **options",
    "_list": (
        "path, params=None, url_conversion=None, list_all=False, *, files_fields=('files',), "
        "is_local=False, key='id', **options"
    ),
}


def list_public(cls: type) -> dict[str, Any]:
    """Return the public members that a class itself defines."""
    return {name: value for name, value in vars(cls).items() if not name.startswith("_")}


def test_backend_client_has_the_methods_of_its_mixins_and_few_others() -> None:
    names = {name for name in dir(BackendClient) if not name.startswith("_")}

    for mixin in MIXINS:
        for name, function in list_public(mixin).items():
            assert getattr(BackendClient, name) is function
            names.remove(name)
    assert names == {"base_url", "close", "exists", "page_size", "request_count", "session"}


@pytest.mark.parametrize("name", PROTECTED)
def test_parameters_for_subclasses(name: str) -> None:
    signature = inspect.signature(getattr(BaseClient, name))
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
        if parameter.name != "self"
    ]

    assert str(inspect.Signature(parameters))[1:-1] == PROTECTED[name]


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("list_data_collections", "list_data_collection"),
        ("data_files_verify_checksums", "verify_data_files_checksums"),
    ],
)
def test_alias_is_the_same_function(alias: str, name: str) -> None:
    assert getattr(BackendClient, alias) is getattr(BackendClient, name)


@pytest.mark.parametrize("cls", [*MIXINS, AgentClient, RayClientMixin, *RayClient.__bases__])
def test_every_docstring_has_the_number_of_requests(cls: type) -> None:
    silent = [
        name
        for name, function in list_public(cls).items()
        if callable(function) and "request" not in (inspect.getdoc(function) or "").lower()
    ]

    assert silent == []
