"""The requests that a runner can't honour, as sentences."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.jobs.unmet_requests import find_unmet_requests
from synapse.plugins.config import PluginConfig


def find(document: dict[str, Any], action: dict[str, Any], **options: Any) -> list[str]:
    config = PluginConfig.parse(
        {
            "code": "digits",
            "name": "Digits",
            "version": "1",
            "category": "custom",
            "actions": {"train": {"entrypoint": "plugin:run", **action}},
            **document,
        }
    )
    return find_unmet_requests(config, config.action(), **{"can_reserve": False, **options})


@pytest.mark.parametrize(
    ("document", "action", "sentence"),
    [
        (
            {},
            {"resources": {"gpu": 1, "cpu": 2.5, "own": 1}},
            "config.yaml requests resources (cpu: 2.5, gpu: 1, own: 1). This runner reserves none.",
        ),
        (
            {"requires": {"cuda": ">=11.8"}},
            {},
            "config.yaml requires CUDA >=11.8. This runner doesn't check CUDA.",
        ),
        (
            {"requires": {"sdk": ">=1"}},
            {},
            (
                "config.yaml requires the platform's package >=1. "
                "This action runs without that package."
            ),
        ),
        (
            {},
            {"method": "serve"},
            "config.yaml sets method: serve. This runner runs a job instead.",
        ),
        (
            {"package_manager": "uv"},
            {},
            "config.yaml sets package_manager. This runner uses pip.",
        ),
        (
            {"runtime_env": {"pip": ["numpy"]}},
            {},
            "config.yaml sets runtime_env. This runner ignores that key.",
        ),
    ],
)
def test_a_request_that_is_not_honoured(
    document: dict[str, Any], action: dict[str, Any], sentence: str
) -> None:
    assert find(document, action) == [sentence]


@pytest.mark.parametrize(
    ("document", "action", "options"),
    [
        ({}, {}, {}),
        ({}, {"resources": {"gpu": 0}}, {}),
        ({}, {"resources": {"gpu": 1}}, {"can_reserve": True}),
        ({"requires": {"sdk": ">=2026.1"}}, {}, {"uses_platform_package": True}),
        ({"requires": {"python": ">=3.10"}, "env": {"A": "b"}}, {"method": "job"}, {}),
        ({"package_manager": "pip", "dependencies": {}, "tags": ["a"]}, {"method": "task"}, {}),
    ],
)
def test_requests_that_are_honoured(
    document: dict[str, Any], action: dict[str, Any], options: dict[str, Any]
) -> None:
    assert find(document, action, **options) == []
