"""Ids that become part of a path."""

from __future__ import annotations

import re
from typing import Any

from synapse.errors import BadRequest

__all__ = ["checked_id"]

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


def checked_id(value: Any) -> str:
    """Return an id as a segment of a path.

    Raises:
        BadRequest: It has other characters than letters, digits, `-` and `_`, or more than 100 of
            them; no request was made.
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
