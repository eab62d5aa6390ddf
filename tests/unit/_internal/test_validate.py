"""Argument checks."""

from __future__ import annotations

from typing import Any

import pytest

from synapse._internal.validate import is_int, is_number, validate_int, validate_seconds
from synapse.errors import ConfigurationError, UsageError


@pytest.mark.parametrize("value", [1, 7, 256])
def test_whole_numbers_pass(value: int) -> None:
    assert validate_int("workers", value, maximum=256) == value


@pytest.mark.parametrize("value", [0, -1, 257, True, 1.0, "1", None])
def test_other_values_are_refused_by_name(value: Any) -> None:
    with pytest.raises(UsageError, match=r"workers=.* between 1 and 256"):
        validate_int("workers", value, maximum=256)


def test_the_class_of_the_error_can_be_chosen() -> None:
    with pytest.raises(ConfigurationError, match="retries=-1"):
        validate_int("retries", -1, minimum=0, error=ConfigurationError)


@pytest.mark.parametrize("value", [0.001, 1, 3600.0])
def test_seconds_pass(value: float) -> None:
    assert validate_seconds("timeout", value) == value


@pytest.mark.parametrize("value", [0, -1, True, float("nan"), float("inf"), "1", None])
def test_other_seconds_are_refused(value: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"timeout=.* above 0"):
        validate_seconds("timeout", value)


def test_zero_seconds_can_be_allowed() -> None:
    assert validate_seconds("cache_ttl", 0, allow_zero=True) == 0


def test_booleans_are_not_numbers() -> None:
    assert [is_int(True), is_number(False), is_int(1), is_number(1.5)] == [False, False, True, True]
