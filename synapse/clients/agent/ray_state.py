"""The machines, tasks and actors of a Ray cluster, by its state API."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from synapse.clients.agent.ids import checked_id
from synapse.clients.agent.ray_rest import RayRest, part
from synapse.clients.base import Params
from synapse.errors import NotFound, UsageError

__all__ = ["Listing", "RayState"]

_MOST = 10_000
"""As many as Ray gives at once."""

Filters = Iterable[tuple[str, str, Any]]


class Listing(list[dict[str, Any]]):
    """What the state API gave, and whether that is all.

    Attributes:
        total: How many there are in the cluster, filters aside.
        matching: How many match the filters, as far as Ray looked.
        is_truncated: Whether there are more than these.
        warnings: What Ray says about it, such as nodes that didn't answer.
    """

    def __init__(self, result: Mapping[str, Any], kind: str) -> None:
        super().__init__(part(one, dict, kind) for one in part(result, list, kind, "result"))
        self.total = part(result, int, kind, "total")
        self.matching = part(result, int, kind, "num_filtered")
        looked_at = part(result, int, kind, "num_after_truncation")
        # What a condition leaves out early (as one of a node's id) isn't counted as looked at.
        is_cut_early = looked_at < self.total and self.total > _MOST
        self.is_truncated = is_cut_early or len(self) < self.matching
        said = [result.get("partial_failure_warning"), *(result.get("warnings") or ())]
        self.warnings: list[str] = [str(one) for one in said if one]


class RayState(RayRest):
    """The state of the cluster."""

    def list_nodes(
        self,
        params: Params | None = None,
        *,
        filters: Filters = (),
        limit: int = _MOST,
        detail: bool = False,
    ) -> Listing:
        """List the cluster's machines, dead ones too. One request.

        Args:
            params: Values by field, such as `{"state": "ALIVE"}`.
            filters: Further conditions, such as `("state", "!=", "DEAD")`; Ray knows `=` and `!=`.
            limit: How many at most, up to the 10,000 that Ray gives.
            detail: Whether to have every field.

        Returns:
            The machines; `is_truncated` says whether there are more, `total` how many.

        Raises:
            UsageError: The limit or an operator can't be; no request was made.
            BadRequest: Ray doesn't know a field.
        """
        return self._state("nodes", params, filters, limit, detail=detail)

    def get_node(self, node_id: str) -> dict[str, Any]:
        """Return one of the cluster's machines, with every field. One request.

        Raises:
            BadRequest: The id can't be one; no request was made.
            NotFound: There is no such node.
        """
        return self._one("nodes", "node_id", node_id)

    def list_tasks(
        self,
        params: Params | None = None,
        *,
        filters: Filters = (),
        limit: int = _MOST,
        detail: bool = False,
    ) -> Listing:
        """List the cluster's tasks, a row for each attempt. One request.

        With more than 10,000 tasks Ray looks at some of them only: a warning says so, and
        `is_truncated`. Filter by `job_id` then. `detail` shows `env_vars` as `***`.

        Args:
            params: Values by field, such as `{"state": "RUNNING", "job_id": "02000000"}`.
            filters: As for `list_nodes()`.
            limit: As for `list_nodes()`.
            detail: As for `list_nodes()`.

        Raises:
            UsageError: The limit or an operator can't be; no request was made.
            BadRequest: Ray doesn't know a field.
        """
        return self._state("tasks", params, filters, limit, detail=detail)

    def get_task(self, task_id: str) -> dict[str, Any]:
        """Return one of the cluster's tasks, with every field, in its last attempt. One request.

        Raises:
            BadRequest: The id can't be one; no request was made.
            NotFound: There is no such task, or Ray has forgotten it.
        """
        return self._one("tasks", "task_id", task_id)

    def list_actors(
        self,
        params: Params | None = None,
        *,
        filters: Filters = (),
        limit: int = _MOST,
        detail: bool = False,
    ) -> Listing:
        """List the cluster's actors. One request.

        Args:
            params: Values by field, such as `{"state": "ALIVE", "class_name": "Counter"}`.
            filters: As for `list_nodes()`.
            limit: As for `list_nodes()`.
            detail: As for `list_nodes()`.

        Raises:
            UsageError: The limit or an operator can't be; no request was made.
            BadRequest: Ray doesn't know a field.
        """
        return self._state("actors", params, filters, limit, detail=detail)

    def get_actor(self, actor_id: str) -> dict[str, Any]:
        """Return one of the cluster's actors, with every field. One request.

        Raises:
            BadRequest: The id can't be one; no request was made.
            NotFound: There is no such actor.
        """
        return self._one("actors", "actor_id", actor_id)

    def get_version(self) -> dict[str, Any]:
        """Ask which Ray it is: `ray_version`, `session_name` and so on. One request."""
        return self._ask("GET", "api/version", resource="the Ray head")

    def _one(self, kind: str, field: str, value: Any) -> dict[str, Any]:
        key = checked_id(value)
        # Ray's ids are bytes, written in hexadecimal; for others it has no clear answer.
        is_id = len(key) % 2 == 0 and set(key) <= set("0123456789abcdef")
        found = self._state(kind, {field: key}, (), _MOST, detail=True) if is_id else []
        if not found:
            what = f"{kind.removesuffix('s')} {key}"
            raise NotFound(404, f"the cluster knows no {what}", resource=what)
        return max(found, key=lambda row: row.get("attempt_number") or 0)

    def _state(
        self, kind: str, params: Params | None, filters: Filters, limit: int, *, detail: bool
    ) -> Listing:
        if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= _MOST:
            raise UsageError(f"limit is {limit!r}: Ray gives from 1 to {_MOST:,}.")
        conditions = [(name, "=", value) for name, value in (params or {}).items()]
        conditions += list(filters)
        query: list[tuple[str, Any]] = [("limit", limit), ("detail", str(detail).lower())]
        for name, operator, value in conditions:
            if operator not in ("=", "!="):
                raise UsageError(f"{operator!r} can't be asked for: Ray knows '=' and '!='.")
            query += [
                ("filter_keys", name),
                ("filter_predicates", operator),
                ("filter_values", value),
            ]
        answer = self._ask("GET", f"api/v0/{kind}", params=query, resource=kind)
        listing = Listing(part(answer, dict, kind, "data", "result"), kind)
        if listing.is_truncated and limit == _MOST:
            warnings.warn(
                f"The cluster has {listing.total:,} {kind}, and Ray looks at {_MOST:,} of them "
                "at most: this list isn't all. Filter, by job_id for example.",
                stacklevel=3,
            )
        return listing
