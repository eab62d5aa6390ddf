"""Unpickling: attach an object from another process to a session of this one."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from synapse._internal.lazy_import import load
from synapse.errors import FieldValueError
from synapse.orm import registry, session_base
from synapse.orm.convert import same_json

if TYPE_CHECKING:
    from synapse.orm._typing import Entity

__all__ = ["restore"]


def restore(
    name: str,
    modules: tuple[str, ...],
    row: dict[str, Any],
    edits: dict[str, Any],
    where: dict[str, str | None],
) -> Entity:
    """Rebuild an object from a pickle. Makes no request.

    Args:
        name: Name of the class.
        modules: Modules that declare the class and the session's class.
        row: The server's last row.
        edits: Unsaved changes.
        where: Base URL, tenant and profile of the session; never a token.

    Returns:
        The object, in this process's session for that server and tenant: a live one, else a new one
        with this process's credentials. Values that the session already has stay: a pickle is a
        picture of the past. Unsaved changes are taken over where the server's value is the same
        here, and unchanged.

    Raises:
        ConfigurationError: This process has no credentials.
    """
    for module in modules:
        load(module)
    session = session_base.find(where)
    cls = registry.get(name)
    with session.lock:
        known = session.identity.get(cls, row[cls.__schema__.key])
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
