"""Actions that the platform's package runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from synapse.plugins.config import PluginConfig
from synapse.plugins.platform_form import (
    list_requirements,
    make_variables,
    platform_requirement,
    uses_platform_package,
)

DOTTED, COLON = "plugin.train.TrainAction", "plugin.train:TrainAction"
FUNCTION = "plugin.train:run"
IMPORT = "from synapse_sdk.plugins.action import BaseAction\n"
CLASS = "class TrainAction(Base): ...\ndef run(): ..."


def configured(entrypoint: str = DOTTED, **changes: Any) -> PluginConfig:
    return PluginConfig.parse(
        {
            "code": "trained",
            "name": "Trained",
            "version": "1.0.0",
            "category": "custom",
            "actions": {"train": {"entrypoint": entrypoint}},
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("entrypoint", "source", "requirements", "is_platforms"),
    [
        (DOTTED, CLASS, "synapse-sdk", True),
        (DOTTED, CLASS, "numpy\nSynapse_SDK[all] >= 2026.1  # newest", True),
        (DOTTED, CLASS, "synapse-sdk-tools\n# synapse-sdk", False),
        (DOTTED, CLASS, "", False),
        (DOTTED, IMPORT + CLASS, "", True),
        (COLON, CLASS, "synapse-sdk", True),
        (FUNCTION, CLASS, "synapse-sdk", False),
        (FUNCTION, IMPORT + CLASS, "", True),
        (FUNCTION, "  import synapse_sdk.plugins as p", "", True),
        (FUNCTION, "from synapse_sdk import plugins", "", True),
        (FUNCTION, "from synapse_sdk.clients import BackendClient", "synapse-sdk", False),
        (FUNCTION, "# from synapse_sdk.plugins import x", "", False),
        ("synapse_sdk.plugins.actions.export.ExportAction", "", "", True),
    ],
)
def test_the_runner_of_an_action(
    entrypoint: str, source: str, requirements: str, is_platforms: bool
) -> None:
    files = {"plugin/train.py": source.encode(), "requirements.txt": requirements.encode()}
    config = configured(entrypoint)

    assert uses_platform_package(config, config.action(), files.get) is is_platforms


def test_a_required_version_of_the_package_counts_as_a_requirement() -> None:
    config = configured(requires={"sdk": ">=2026.1"})

    assert uses_platform_package(config, config.action(), {}.get)
    assert platform_requirement(config) == "synapse-sdk>=2026.1,<1!0"
    assert platform_requirement(configured()) == "synapse-sdk>=2026,<1!0"


def test_the_requirements_of_a_release() -> None:
    files = {"requirements.txt": b"\xef\xbb\xbfnumpy \\\n>=2\nattrs"}

    assert list_requirements(configured(), files.get) == ["numpy  >=2", "attrs"]
    assert list_requirements(configured(requirements=["torch"]), files.get) == ("torch",)
    assert list_requirements(configured(), {}.get) == []


@pytest.mark.parametrize(
    ("credentials", "variables"),
    [
        ({"api_token": "t"}, {"SYNAPSE_ACCESS_TOKEN": "t"}),
        (
            {"api_token": "t", "tenant": "x"},
            {"SYNAPSE_PLUGIN_RUN_USER_TOKEN": "t", "SYNAPSE_PLUGIN_RUN_TENANT": "x"},
        ),
    ],
)
def test_the_variables(credentials: dict[str, str], variables: dict[str, str]) -> None:
    params = json.dumps({"epochs": 3})
    made = make_variables(
        configured(COLON).action(),
        job_id="7",
        params=params,
        base_url="http://127.0.0.1:9",
        credentials=credentials,
    )

    assert made == {
        "SYNAPSE_ACTION_ENTRYPOINT": DOTTED,
        "SYNAPSE_ACTION_PARAMS": params,
        "SYNAPSE_JOB_ID": "7",
        "SYNAPSE_HOST": "http://127.0.0.1:9",
        **variables,
    }
