"""Argument checks that several modules need, with one wording each."""

from __future__ import annotations

import math
from typing import Any

from synapse.errors import ConfigurationError, SynapseError, UsageError

__all__ = ["is_int", "is_number", "validate_int", "validate_seconds"]


def is_int(value: Any) -> bool:
    """Return whether a value is an integer; booleans aren't."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Return whether a value is a finite integer or float; booleans aren't."""
    return is_int(value) or (isinstance(value, float) and math.isfinite(value))


def validate_int(
    name: str,
    value: Any,
    *,
    minimum: int = 1,
    maximum: int | None = None,
    error: type[SynapseError] = UsageError,
) -> int:
    """Return an argument that is an integer within bounds.

    Args:
        name: The argument's name, for the message.
        value: The argument.
        minimum: Smallest allowed value.
        maximum: Largest allowed value; `None` for no bound.
        error: Class of the error: `UsageError` for calls, `ConfigurationError` for settings.

    Raises:
        UsageError: The value isn't an integer within the bounds (or the class given as `error`).

    Example:
        >>> validate_int("workers", 4)
        4
    """
    if not is_int(value) or value < minimum or (maximum is not None and value > maximum):
        bounds = f"{minimum} or more" if maximum is None else f"between {minimum} and {maximum}"
        raise error(f"{name}={value!r} is not valid. Pass a whole number, {bounds}.")
    number: int = value
    return number


def validate_seconds(
    name: str,
    value: Any,
    *,
    allow_zero: bool = False,
    error: type[SynapseError] = ConfigurationError,
) -> float:
    """Return an argument that is a number of seconds.

    Args:
        name: The argument's name, for the message.
        value: The argument, an integer or float.
        allow_zero: Whether 0 is allowed.
        error: Class of the error.

    Raises:
        ConfigurationError: The value isn't a finite number of seconds in range (or the class
            given as `error`).

    Example:
        >>> validate_seconds("timeout", 2)
        2.0
    """
    if not is_number(value) or value < 0 or (value == 0 and not allow_zero):
        bound = "0 or more" if allow_zero else "above 0"
        raise error(f"{name}={value!r} is not valid. Pass a number of seconds, {bound}.")
    return float(value)
