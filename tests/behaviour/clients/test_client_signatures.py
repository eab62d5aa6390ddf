"""The names and parameters that scripts rely on."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from synapse.clients.agent import AgentClient
from synapse.clients.agent.ray import RayClient, RayClientMixin
from synapse.clients.backend import (
    AnnotationClientMixin,
    BackendClient,
    CoreClientMixin,
    DataCollectionClientMixin,
    HITLClientMixin,
    IntegrationClientMixin,
    MLClientMixin,
)
from synapse.clients.base import BaseClient

ONE = "params=None"
LIST = "params=None, url_conversion=None, list_all=False"

METHODS: dict[type, dict[str, str]] = {
    AnnotationClientMixin: {
        "get_project": f"project_id, {ONE}",
        "list_projects": LIST,
        "create_project": "data",
        "get_task": f"task_id, {ONE}",
        "list_tasks": LIST,
        "create_tasks": "data",
        "annotate_task_data": "task_id, data",
        "set_tags_tasks": f"data, {ONE}",
        "get_task_tag": f"tag_id, {ONE}",
        "list_task_tags": LIST,
    },
    CoreClientMixin: {
        "create_chunked_upload": "file_path, chunk_size=52428800, on_progress=None",
    },
    DataCollectionClientMixin: {
        "list_data_collection": LIST,
        "list_data_collections": LIST,
        "get_data_collection": f"data_collection_id, {ONE}",
        "create_data_file": "file_path, use_chunked_upload=False",
        "upload_data_file": "data, collection_id, use_chunked_upload=False",
        "create_data_units": "data",
        "get_data_unit": f"data_unit_id, {ONE}",
        "list_data_units": LIST,
        "verify_data_files_checksums": "checksums",
        "data_files_verify_checksums": "checksums",
        "upload_data_collection": (
            "collection_id, upload_data, project_id=None, batch_size=1000, process_pool=10"
        ),
    },
    HITLClientMixin: {
        "get_assignment": f"assignment_id, {ONE}",
        "list_assignments": LIST,
        "set_tags_assignments": f"data, {ONE}",
    },
    IntegrationClientMixin: {
        "health_check_agent": "token",
        "get_plugin": f"plugin_id, {ONE}",
        "create_plugin": "data",
        "update_plugin": "plugin_id, data",
        "run_plugin": "plugin_id, data",
        "get_plugin_release": f"release_id, {ONE}",
        "create_plugin_release": "data",
        "get_job": f"job_id, {ONE}",
        "list_jobs": LIST,
        "update_job": "job_id, data",
        "list_job_console_logs": f"job_id, {ONE}",
        "tail_job_console_logs": f"job_id, {ONE}, timeout=(5, 300), *, limits=None",
        "create_logs": "data",
        "list_serve_applications": LIST,
        "create_serve_application": "data",
        "list_storages": LIST,
        "get_storage": f"storage_id, {ONE}",
        "create_storage": "data",
    },
    MLClientMixin: {
        "list_models": LIST,
        "get_model": f"model_id, {ONE}, url_conversion=None",
        "create_model": "data",
        "list_ground_truth_events": LIST,
        "list_ground_truths": LIST,
        "list_ground_truth_versions": LIST,
        "get_ground_truth_version": f"version_id, {ONE}",
    },
    RayClientMixin: {
        "list_jobs": ONE,
        "get_job": "job_id",
        "get_job_logs": "job_id",
        "stop_job": "job_id",
        "tail_job_logs": (
            "job_id, protocol='auto', limits=None, *, timeout=(5, 60), patience=60.0"
        ),
        "list_nodes": ONE,
        "get_node": "node_id",
        "list_tasks": ONE,
        "get_task": "task_id",
        "list_serve_applications": ONE,
        "get_serve_application": "name",
        "delete_serve_application": "name",
    },
    AgentClient: {
        "health_check": "",
        "get_metrics": "panel",
        "list_plugin_releases": ONE,
        "get_plugin_release": "release",
        "create_plugin_release": "data",
        "delete_plugin_release": "release",
        "run_plugin_release": "release, data",
    },
}
MIXINS = [cls for cls in METHODS if cls not in (RayClientMixin, AgentClient)]

# The keyword `transport` is for sharing a session's; scripts have no use for it.
CREDENTIALS = (
    "base_url=None, api_token=None, *, access_token=None, authorization_token=None, token=None, "
    "tenant=None, agent_token=None, timeout=None, transport=None"
)
CONSTRUCTORS = {
    BaseClient: CREDENTIALS,
    BackendClient: CREDENTIALS,
    AgentClient: "base_url, agent_token=None, *, user_token=None, tenant=None, timeout=None",
    RayClient: "base_url, token=None, *, timeout=None",
}
PROTECTED = {
    "_get": "path, params=None, *, url_conversion=None, files_fields=('files',), **options",
    "_post": "path, data=None, params=None, **options",
    "_put": "path, data=None, params=None, **options",
    "_patch": "path, data=None, params=None, **options",
    "_delete": "path, data=None, params=None, **options",
    "_list": ("path, params=None, url_conversion=None, list_all=False, *, files_fields=('files',)"),
}


def parameters(function: Callable[..., Any]) -> str:
    """Return the parameters of a method as they are written, without types and `self`."""
    signature = inspect.signature(function)
    bare = [
        one.replace(annotation=inspect.Parameter.empty)
        for name, one in signature.parameters.items()
        if name != "self"
    ]
    return str(inspect.Signature(bare))[1:-1]


def public(cls: type) -> dict[str, Any]:
    return {name: value for name, value in vars(cls).items() if not name.startswith("_")}


@pytest.mark.parametrize("cls", METHODS, ids=lambda cls: cls.__name__)
def test_methods(cls: type) -> None:
    assert {name: parameters(value) for name, value in public(cls).items()} == METHODS[cls]


def test_backend_client_is_all_of_its_mixins() -> None:
    assert set(BackendClient.__mro__) >= set(MIXINS)
    for mixin in MIXINS:
        for name, function in public(mixin).items():
            assert getattr(BackendClient, name) is function


def test_backend_client_has_nothing_else() -> None:
    own = {name for name in dir(BackendClient) if not name.startswith("_")}

    assert own == {
        *(name for mixin in MIXINS for name in METHODS[mixin]),
        *("base_url", "close", "page_size", "request_count", "session"),
    }


@pytest.mark.parametrize("cls", CONSTRUCTORS, ids=lambda cls: cls.__name__)
def test_constructors(cls: type) -> None:
    assert parameters(cls) == CONSTRUCTORS[cls]


@pytest.mark.parametrize("name", PROTECTED)
def test_what_subclasses_call(name: str) -> None:
    assert parameters(getattr(BaseClient, name)) == PROTECTED[name]


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("list_data_collections", "list_data_collection"),
        ("data_files_verify_checksums", "verify_data_files_checksums"),
    ],
)
def test_alias_is_the_same_function(alias: str, name: str) -> None:
    assert getattr(BackendClient, alias) is getattr(BackendClient, name)


@pytest.mark.parametrize("cls", METHODS, ids=lambda cls: cls.__name__)
def test_every_method_says_how_many_requests_it_makes(cls: type) -> None:
    silent = [
        name
        for name, function in public(cls).items()
        if "request" not in (inspect.getdoc(function) or "")
    ]

    assert silent == []
