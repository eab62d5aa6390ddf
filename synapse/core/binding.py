"""Unpickling: how an object from another process finds its session in this one."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from synapse.core import context, registry

if TYPE_CHECKING:
    from synapse.core.resource import Resource

__all__ = ["restore"]


def restore(
    name: str, module: str, row: dict[str, Any], edits: dict[str, Any], where: dict[str, str | None]
) -> Resource:
    """Make an object again out of a pickle. Makes no request.

    Args:
        name: Its class's name.
        module: The module that declares it.
        row: What the server last said.
        edits: What was changed and not saved.
        where: The base URL, tenant and profile of its session; never a token.

    Returns:
        The object, in this process's session for that server and tenant: a live one, else one
        that is made with this process's credentials. If it knows the object already, what it
        knows stays: a pickle is a picture of the past.

    Raises:
        ConfigurationError: There are no credentials in this process.
    """
    importlib.import_module(module)
    session = context.find(where)
    cls = registry.find(name)
    known = session.identity.peek(cls, row["id"])
    if known is None:
        known = session.identity.load(cls, [dict(row)])[0]
    for field, value in edits.items():
        setattr(known, field, value)
    return known
