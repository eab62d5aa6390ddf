"""Functions that a language model calls, made from the declarations, with bounded results.

The functions know nothing of a protocol; `synapse.integrations.mcp_server` offers them by MCP.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from synapse._internal.described import cut, is_secret_name
from synapse._internal.hints import suggestion
from synapse._internal.json_values import to_json
from synapse._internal.redaction import redacted
from synapse.errors import UsageError
from synapse.orm import registry
from synapse.orm.description import known_value
from synapse.orm.fields import MISSING
from synapse.orm.session_base import SessionBase
from synapse.orm.signatures import find_keywords, find_texts

__all__ = ["READING", "WRITING", "ModelTools"]

# Characters of one result: a model reads all of them, and pays for each.
_MAX_ROWS = 200
_MAX_ANSWER = 40_000
_MAX_VALUE = 1_000
_MAX_VALUE_OF_ONE = 8_000
_MAX_LINES = 1_000
_MAX_LINE = 500
_MOST_DIGITS = 18  # of an id


class ModelTools:
    """The functions, over one session.

    Args:
        session: The session.
    """

    def __init__(self, session: SessionBase) -> None:
        self._session = session

    # -- Reading -------------------------------------------------------------------------------

    def describe(self, kind: str = "") -> dict[str, Any]:
        """Describe what the platform has: the kinds of objects, or one kind's fields and filters.

        Call this first. Makes no request.

        Args:
            kind: A kind, such as "tasks"; without one, all kinds are listed.
        """
        if not kind:
            rows = {cls.__schema__.plural: _summarize(cls) for cls in registry.declared()}
            return {"kinds": rows}
        cls = self._find_class(kind)
        texts = find_texts(cls)
        manager = cls.__schema__.manager
        verbs = [verb for verb in ("create", "update") if hasattr(manager, verb)]
        return {
            "kind": cls.__schema__.plural,
            "summary": _summarize(cls),
            "fields": {
                name: {"type": _describe_type(field), "text": texts.get(name, "")}
                for name, field in cls.__schema__.fields.items()
                if not is_secret_name(name)
            },
            "filters": [keyword.name for keyword in find_keywords(cls, "filter")],
            **{
                verb: [each.name for each in find_keywords(cls, verb) if each.name[-3:] != "_id"]
                for verb in verbs
            },
        }

    def find(
        self,
        kind: str,
        filters: dict[str, Any] | None = None,
        fields: list[str] | None = None,
        order_by: list[str] | None = None,
        limit: int = 20,
    ) -> dict[str, Any]:
        """Find objects of a kind. `more` is true if others match, too.

        To continue after the last row, order by "id" and filter by `id__gt`. Long values are cut.

        Args:
            kind: A kind, such as "tasks".
            filters: Values by filter, such as {"status": "pending", "project": 3}; a list means any
                of the values. `describe` lists the filters of a kind.
            fields: The fields to return; by default those that tell objects apart.
            order_by: Fields; "-" in front means descending.
            limit: Number of rows, from 1 to 200.
        """
        cls = self._find_class(kind)
        if not 1 <= limit <= _MAX_ROWS:
            raise UsageError(f"limit={limit} is not valid. Pass a number from 1 to {_MAX_ROWS}.")
        names = list(dict.fromkeys([cls.__schema__.key, *(fields or _choose_fields(cls))]))
        query = self._query(cls, filters)
        if order_by:
            query = query.order_by(*order_by)
        rows: list[dict[str, Any]] = []
        size, is_more = 0, False
        for row in query[: limit + 1].values(*names):
            shown = {"uri": _make_uri(cls, row.get(cls.__schema__.key)), **_shorten(row)}
            size += len(json.dumps(shown))
            if len(rows) == limit or (rows and size > _MAX_ANSWER):
                is_more = True
                break
            rows.append(shown)
        return {"rows": rows, "more": is_more}

    def count(self, kind: str, filters: dict[str, Any] | None = None) -> dict[str, Any]:
        """Count the objects of a kind that match.

        Args:
            kind: A kind, such as "tasks".
            filters: Values by filter, as in `find`.
        """
        return {"count": self._query(self._find_class(kind), filters).count()}

    def get(
        self, kind: str, object_id: int | str, fields: list[str] | None = None
    ) -> dict[str, Any]:
        """Return one object with its documents.

        Args:
            kind: A kind, such as "tasks".
            object_id: The object's id; of a plugin, its code.
            fields: The fields to return; by default all.
        """
        cls = self._find_class(kind)
        one = self._manager(cls).get(_to_id(object_id))
        return self._show(cls, one, fields)

    def summary(self, project: int) -> dict[str, Any]:
        """Count a project's tasks by status, class, assignee and time.

        Args:
            project: The project's id.
        """
        found = self._manager(self._find_class("projects")).get(project).summary()
        counts = ("by_status", "by_class", "by_assignee", "by_time")
        return {
            "title": _cut_text(found.title, _MAX_VALUE),
            "tasks": found.tasks,
            **{name: _cut_counts(getattr(found, name)) for name in counts},
        }

    def logs(self, job: str, lines: int = 100) -> dict[str, Any]:
        """Return the last lines of a job's output.

        Args:
            job: The job's id.
            lines: Number of lines, from 1 to 1000.
        """
        if not 1 <= lines <= _MAX_LINES:
            raise UsageError(f"lines={lines} is not valid. Pass a number from 1 to {_MAX_LINES}.")
        one = self._manager(self._find_class("jobs")).get(job)
        # As one text: a private key has many lines.
        text = redacted("\n".join(map(str, one.logs().last(lines))))
        texts = [cut(line, _MAX_LINE) for line in text.split("\n")] if text else []
        kept = list(_take_last(texts, _MAX_ANSWER))
        return {"status": _cut_text(one.status), "lines": kept, "more": len(kept) < len(texts)}

    # -- Writing -------------------------------------------------------------------------------

    def create(self, kind: str, values: dict[str, Any]) -> dict[str, Any]:
        """Create an object.

        Args:
            kind: A kind, such as "projects".
            values: Values by field; `describe` lists the fields of a kind under `create`.
        """
        cls = self._find_class(kind)
        create = self._find_verb(cls, "create")
        # Managers take more than fields, such as the path of a file to upload.
        _check_names(cls, "create", values)
        return self._show(cls, create(**values), None)

    def update(self, kind: str, object_id: int | str, values: dict[str, Any]) -> dict[str, Any]:
        """Change fields of one object.

        Args:
            kind: A kind, such as "tasks".
            object_id: The object's id.
            values: Values by field; `describe` lists the fields of a kind under `update`.
        """
        cls = self._find_class(kind)
        self._find_verb(cls, "update")
        _check_names(cls, "update", values)
        one = self._manager(cls).get(_to_id(object_id))
        # The session stays in use: a refused edit must not be saved with the next one.
        with one._tentatively(values):
            one.save()
        return self._show(cls, one, list(values))

    def annotate(self, task: int, document: dict[str, Any], submit: bool = True) -> dict[str, Any]:
        """Store the annotation document of a task, in the place of the former one.

        Args:
            task: The task's id.
            document: The document, in the form that `get` returns as `data`.
            submit: Whether the task is completed; otherwise it stays in progress.
        """
        cls = self._find_class("tasks")
        one = self._manager(cls).get(task)
        one.annotate(document, "submit" if submit else "save")
        return self._show(cls, one, ["status"])

    def run(
        self, plugin: str, action: str = "", params: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Start a job of a plugin's newest release. `get` and `logs` show its progress.

        Args:
            plugin: The plugin's code.
            action: Name of the action; may be left out for a plugin with one action.
            params: The action's parameters.
        """
        one = self._manager(self._find_class("plugins")).get(plugin)
        job = one.run(action or None, params=params or {})
        return {"uri": _make_uri(type(job), job.id), "id": job.id}

    # -- Steps ---------------------------------------------------------------------------------

    def _find_class(self, kind: str) -> Any:
        cls = registry.get_by_plural(kind)
        if cls is None:
            names = {each.__schema__.plural: each for each in registry.declared()}
            by_class = {each.__name__: each for each in names.values()}
            cls = by_class.get(kind)
            if cls is None:
                raise UsageError(f"The platform has no kind {kind!r}{suggestion(kind, names)}")
        return cls

    def _manager(self, cls: Any) -> Any:
        return getattr(self._session, cls.__schema__.plural)

    def _find_verb(self, cls: Any, verb: str) -> Any:
        found = getattr(type(self._manager(cls)), verb, None)
        if found is None:
            plural = cls.__schema__.plural
            raise UsageError(f"The server can't {verb} {plural}. `describe` has the verbs.")
        return getattr(self._manager(cls), verb)

    def _query(self, cls: Any, filters: Mapping[str, Any] | None) -> Any:
        query = self._manager(cls).all()
        if filters and "params" in filters:  # unchecked, such as a page of any size
            raise UsageError("'params' is not a filter. `describe` lists the filters of a kind.")
        return query.filter(**filters) if filters else query

    def _show(self, cls: Any, one: Any, fields: Sequence[str] | None) -> dict[str, Any]:
        known = cls.__schema__.fields
        for name in fields or ():
            if name not in known:
                raise UsageError(f"{cls.__name__} has no field {name!r}{suggestion(name, known)}")
        row = {name: known_value(field, one) for name, field in known.items()}
        wanted = fields or list(row)
        chosen = {name: row[name] for name in wanted if row[name] is not MISSING}
        shown = _shorten(chosen, _MAX_VALUE_OF_ONE)
        key = one._key if isinstance(one._key, int) else _cut_text(one._key)
        return {"uri": _make_uri(cls, key), "id": key, **shown}


READING: tuple[Callable[..., dict[str, Any]], ...] = (
    ModelTools.describe,
    ModelTools.find,
    ModelTools.count,
    ModelTools.get,
    ModelTools.summary,
    ModelTools.logs,
)
WRITING: tuple[Callable[..., dict[str, Any]], ...] = (
    ModelTools.create,
    ModelTools.update,
    ModelTools.annotate,
    ModelTools.run,
)


def _check_names(cls: Any, verb: str, values: Mapping[str, Any]) -> None:
    """Refuse values that aren't of fields.

    Raises:
        UsageError: The verb sets no field of a name.
    """
    known = [each.name for each in find_keywords(cls, verb)]
    for name in values:
        if name not in known:
            raise UsageError(f"{cls.__name__} can't set {name!r}{suggestion(name, known)}")


def _summarize(cls: Any) -> str:
    return (inspect.getdoc(cls) or "").partition("\n")[0]


def _describe_type(field: Any) -> str:
    if field.choice is not None:
        return f"one of {', '.join(str(each) for each in field.choice)}"
    return str(field.annotation).replace("typing.", "")


def _choose_fields(cls: Any) -> list[str]:
    schema = cls.__schema__
    usual = [name for name in ("status", "created", "updated") if name in schema.fields]
    relations = [name for name, field in schema.fields.items() if field.is_relation]
    chosen = dict.fromkeys([*schema.summary, *usual, *relations])
    return [name for name in chosen if not is_secret_name(name)]


def _make_uri(cls: Any, key: Any) -> str:
    return f"synapse://{cls.__schema__.plural}/{_cut_text(key)}"


def _cut_text(value: object, length: int = 80) -> str:
    """Return a server's text for a model: bounded and without credentials."""
    return cut(redacted(str(value)[: 4 * _MAX_VALUE]), length)


def _to_id(value: int | str) -> int | str:
    """Return an id as a number where it is one: models write both."""
    is_number = isinstance(value, str) and value.isdecimal() and len(value) <= _MOST_DIGITS
    return int(value) if is_number else value


def _shorten(row: Mapping[str, Any], length: int = _MAX_VALUE) -> dict[str, Any]:
    """Return a row as JSON, without credentials, and with long values cut."""
    shown: dict[str, Any] = {}
    for name, value in row.items():
        if is_secret_name(name):
            continue
        text = json.dumps(_hide(to_json(value)), ensure_ascii=False, default=str)
        text = redacted(text)
        if len(text) > length:
            shown[name] = f"{text[:length]} … cut: {len(text):,} characters"
        else:
            shown[name] = json.loads(text)
    return shown


def _hide(value: Any) -> Any:
    """Return JSON with `***` for the values of keys that name credentials."""
    if isinstance(value, dict):
        return {
            key: "***" if is_secret_name(key) and item else _hide(item)
            for key, item in value.items()
        }
    return [_hide(item) for item in value] if isinstance(value, list) else value


def _cut_counts(counts: Mapping[Any, int]) -> dict[str, int]:
    named = {"nobody" if key is None else _cut_text(key): n for key, n in counts.items()}
    rest = sum(islice(named.values(), _MAX_ROWS, None))
    shown = dict(islice(named.items(), _MAX_ROWS))
    return {**shown, "others": rest} if rest else shown


def _take_last(texts: Sequence[str], length: int) -> Iterator[str]:
    """Yield the last texts that a length can hold, in order."""
    start, size = len(texts), 0
    while start and size + len(texts[start - 1]) <= length:
        start -= 1
        size += len(texts[start])
    yield from texts[start:]
