"""Names of requests by resource and verb, such as `tasks.list`."""

from __future__ import annotations

import re

from synapse.transport.request_context import RequestContext

__all__ = ["OperationNames"]

_WORD = re.compile(r"[a-z][a-z_]{0,40}")
# Paths that users made up may have any number of words.
_MOST_NAMES = 500
_OF_LISTS = {"GET": "list", "POST": "create"}
_OF_OBJECTS = {"GET": "get", "PUT": "update", "PATCH": "update"}
# Second segments that are no ids.
_ACTIONS = frozenset({"connect", "default", "me", "set_tags", "verify_checksums"})


class OperationNames:
    """Names operations, of which there is a bounded number: metrics cost memory for each.

    Example:
        >>> names = OperationNames()
        >>> names.name("GET", "tasks/"), names.name("PATCH", "tasks/5/")
        ('tasks.list', 'tasks.update')
        >>> names.name("PUT", "tasks/5/annotate/"), names.name("GET", "users/me/")
        ('tasks.annotate', 'users.me')
    """

    def __init__(self) -> None:
        self._names: set[str] = set()

    def of(self, context: RequestContext) -> str:
        """Return the name of a request."""
        method = context.request.method or ""
        # A request without a path is for a file by its URL.
        name = self.name(method, context.path) if context.path else "files.read"
        if name not in self._names:
            if len(self._names) >= _MOST_NAMES:
                return "other"
            self._names.add(name)
        return name

    def name(self, method: str, path: str) -> str:
        """Return the name of a method and a path below the base URL."""
        segments = [part for part in path.split("/") if part]
        if segments[:1] == ["sdk"] and len(segments) > 1:  # lists for scripts
            segments = segments[1:]
        if not segments or not _WORD.fullmatch(segments[0]):
            return "other"
        resource, *rest = segments
        last = rest[-1] if rest else ""
        if (len(rest) > 1 and _WORD.fullmatch(last)) or last in _ACTIONS:
            verb = last
        else:
            verbs = _OF_OBJECTS if rest else _OF_LISTS
            verb = verbs.get(method, method.lower())
        return f"{resource}.{verb}"
