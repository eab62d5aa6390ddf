"""Checking a configuration against the files of a release."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.errors import PluginConfigError
from synapse.plugins.config import PluginConfig
from synapse.plugins.release_check import check_release

SOURCES = {
    "plugin.py": b"def train(): ...",
    "lazy.py": b"def __getattr__(name): ...",
    "newer.py": b"def (",
    "package/__init__.py": b"",
    "package/train.py": b"class TrainAction: ...",
}


def check(entrypoint: str, **values: Any) -> PluginConfig:
    """Check a configuration with one action."""
    config = {
        "code": "digits",
        "name": "Digits",
        "version": "1",
        "category": "export",
        "actions": {"train": {"entrypoint": entrypoint}},
        **values,
    }
    return check_release(config, source="config.yaml", names=SOURCES, read=SOURCES.__getitem__)


@pytest.mark.parametrize(
    "entrypoint",
    [
        "plugin:train",
        "lazy:anything",
        "newer:run",
        "package.train.TrainAction",
        "synapse_sdk.plugins.actions.export.ExportAction",
    ],
)
def test_an_entrypoint_that_exists_or_may_exist(entrypoint: str) -> None:
    assert check(entrypoint).action().entrypoint == entrypoint


@pytest.mark.parametrize(
    ("entrypoint", "problem"),
    [
        ("plugin:trian", "plugin.py has no 'trian'; did you mean 'train'?"),
        (
            "package.train.TrainActon",
            "package/train.py has no 'TrainActon'; did you mean 'TrainAction'?",
        ),
        (
            "package.train",
            "package.train is a module. Add the callable, such as package.train:run.",
        ),
        ("plugins:train", "The release has no plugins.py; did you mean 'plugin.py'?"),
    ],
)
def test_an_entrypoint_that_is_missing(entrypoint: str, problem: str) -> None:
    with pytest.raises(PluginConfigError) as caught:
        check(entrypoint)

    assert caught.value.problems == {"actions.train.entrypoint": [problem]}


def test_install_needs_requirements() -> None:
    with pytest.raises(PluginConfigError, match="requirements: Missing"):
        check("plugin:train", install=True)

    assert check("plugin:train", install=True, requirements=["numpy"]).install
