"""Ids that become a segment of a path."""

from __future__ import annotations

import re
from typing import Any

from synapse.errors import BadRequest
from synapse.transport.urls import path_segment

__all__ = ["validate_id", "validate_release"]

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


def validate_id(value: Any) -> str:
    """Return an id as a segment of a path.

    Raises:
        BadRequest: The id isn't 1 to 100 letters, digits, `-` and `_`; no request was made.
    """
    if (
        isinstance(value, bool)
        or not isinstance(value, (str, int))
        or not _ID.fullmatch(str(value))
    ):
        raise BadRequest(
            400,
            f"{value!r} can't be an id",
            hint="Ids have letters, digits, '-' and '_', at most 100 of them.",
        )
    return str(value)


def validate_release(release: Any) -> str:
    """Return a release's id or `code@version` as a segment of a path.

    Raises:
        BadRequest: The value can't be a release; no request was made.
    """
    if not isinstance(release, str) or "@" not in release:
        return validate_id(release)
    code, _, version = release.partition("@")
    # The parts of a version, such as 1.0.0 or 1.0+cpu, follow the rule for ids.
    pieces = re.split("([.+!])", version)
    parts = [piece if number % 2 else validate_id(piece) for number, piece in enumerate(pieces)]
    return f"{validate_id(code)}@{path_segment(''.join(parts))}"
