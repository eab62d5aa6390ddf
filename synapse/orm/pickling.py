"""Unpickling: how an object from another process finds its session in this one."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from synapse._internal.lazy_import import load
from synapse.errors import FieldValueError
from synapse.orm import registry, session_base
from synapse.orm.convert import same_json

if TYPE_CHECKING:
    from synapse.orm.resource import Resource

__all__ = ["restore"]


def restore(
    name: str,
    modules: tuple[str, ...],
    row: dict[str, Any],
    edits: dict[str, Any],
    where: dict[str, str | None],
) -> Resource:
    """Make an object again out of a pickle. Makes no request.

    Args:
        name: Its class's name.
        modules: The modules that declare it and the class of its session.
        row: What the server last said.
        edits: What was changed and not saved.
        where: The base URL, tenant and profile of its session; never a token.

    Returns:
        The object, in this process's session for that server and tenant: a live one, else one
        that is made with this process's credentials. If it knows the object already, what it
        knows stays: a pickle is a picture of the past. Of the unsaved changes, those are taken
        over that are to a value which is the same here, and unchanged.

    Raises:
        ConfigurationError: There are no credentials in this process.
    """
    for module in modules:
        load(module)
    session = session_base.find(where)
    cls = registry.find(name)
    with session.lock:
        known = session.identity.peek(cls, row["id"])
        if known is None:
            known = session.identity.load(cls, [dict(row)])[0]
        for field_name, value in edits.items():
            field = cls.__schema__.fields[field_name]
            if field.differs(known) or not same_json(field.raw(row), field.raw(known._raw)):
                continue
            with contextlib.suppress(FieldValueError):  # then it is for the server to refuse
                value = field.convert(value, known)
            setattr(known, field_name, value)
    return known
