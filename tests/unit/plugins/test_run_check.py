"""Checking a run against a release."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.errors import UsageError, ValidationError
from synapse.plugins.run_check import Runnable, check_run

SCHEMA = {"properties": {"epochs": {"type": "integer"}}}
CONFIG = {"actions": {"train": {"parameters": SCHEMA}, "export": None}}
RELEASE = Runnable.from_config("1.0.0", CONFIG)


def check(release: Runnable | None, action: str | None, params: dict[str, Any]) -> str | None:
    """Check a run of the plugin `digits`."""
    return check_run(release, action, params, label="Plugin 'digits'")


@pytest.mark.parametrize("release", [None, Runnable("1", {}), Runnable.from_config("1", "text")])
def test_anything_passes_without_known_actions(release: Runnable | None) -> None:
    assert check(release, "any", {"x": 1}) == "any"
    assert check(release, None, {}) is None


def test_a_good_run() -> None:
    assert check(RELEASE, "train", {"epochs": 3}) == "train"
    assert check(RELEASE, "export", {"anything": 1}) == "export"


def test_an_unknown_action() -> None:
    with pytest.raises(UsageError, match=r"^Plugin 'digits', release 1\.0\.0: .*'train'"):
        check(RELEASE, "trian", {})


def test_wrong_parameters() -> None:
    with pytest.raises(ValidationError, match=r"No job was started") as caught:
        check(RELEASE, "train", {"epochs": "many"})

    assert caught.value.fields == {"params": {"epochs": ["'many' is not of type 'integer'"]}}
