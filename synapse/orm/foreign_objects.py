"""Refuse objects of other servers and tenants where an object stands for its id.

An id means something on one server only: sent to another one, it would name another object.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Protocol

from synapse._internal.short_traceback import shortened
from synapse.errors import UsageError

__all__ = ["KeyedSession", "describe_foreign", "is_foreign", "refuse_foreign"]


class KeyedSession(Protocol):
    """A session, of which only the place of its objects matters."""

    @property
    def key(self) -> tuple[str, str | None]:
        """Base URL and tenant."""


def is_foreign(session: KeyedSession, value: Any) -> bool:
    """Return whether a value is an object of another server or tenant than the session's.

    Tenants are told apart by the session's setting; those of a token are known to the server only.
    """
    if not hasattr(type(value), "__synapse_id__"):
        return False
    return bool(value._session.key != session.key)


def refuse_foreign(session: KeyedSession, value: Any) -> None:
    """Refuse a value that is, or holds, an object of another server or tenant.

    Args:
        session: The session that would send the object's id.
        value: A value; lists and mappings are searched.

    Raises:
        UsageError: An object is of another server or tenant.
    """
    with suppress(RecursionError):  # JSON refuses the value, with a message of its own
        foreign = _find_foreign(session, value)
        if foreign is not None:
            raise shortened(UsageError(describe_foreign(session, foreign)))


def describe_foreign(session: KeyedSession, value: Any) -> str:
    """Return the message about an object of another server or tenant."""
    there, here = map(_place, (value._session.key, session.key))
    return (
        f"{value!r} is on another server or in another tenant than this session: on {there}, not "
        f"{here}. Pass an object that this session has read."
    )


def _find_foreign(session: KeyedSession, value: Any) -> Any:
    parts = value.values() if isinstance(value, Mapping) else value
    if not isinstance(value, (Mapping, list, tuple, set, frozenset)):
        return value if is_foreign(session, value) else None
    found = (_find_foreign(session, each) for each in parts)
    return next((each for each in found if each is not None), None)


def _place(key: tuple[str, str | None]) -> str:
    return key[0] if key[1] is None else f"{key[0]} (tenant {key[1]})"
