"""Read the machines, tasks and actors of a Ray cluster through the state API."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from synapse._internal.validate import validate_int
from synapse._internal.yaml_values import write_as
from synapse.clients.agent.ids import validate_id
from synapse.clients.agent.ray_rest import RayRest, get_part
from synapse.clients.base import Params
from synapse.errors import InvalidQuery, NotFound

__all__ = ["Listing", "RayState"]

_MOST = 10_000
"""Most rows in one response of Ray."""

Filters = Iterable[tuple[str, str, Any]]


class Listing(list[dict[str, Any]]):
    """Rows of the state API, with their total.

    Attributes:
        total: Number of rows in the cluster, without filters.
        matching: Number of rows that match the filters, among those that Ray examined.
        is_truncated: Whether the cluster has more rows than these.
        warnings: Ray's warnings, for example about nodes that didn't respond.
    """

    def __init__(self, result: Mapping[str, Any], kind: str) -> None:
        super().__init__(
            get_part(row, dict, kind) for row in get_part(result, list, kind, "result")
        )
        self.total = get_part(result, int, kind, "total")
        self.matching = get_part(result, int, kind, "num_filtered")
        examined = get_part(result, int, kind, "num_after_truncation")
        # Some filters, such as a node's id, apply before Ray counts the examined rows.
        is_cut_early = examined < self.total and self.total > _MOST
        self.is_truncated = is_cut_early or len(self) < self.matching
        messages = [result.get("partial_failure_warning"), *(result.get("warnings") or ())]
        self.warnings: list[str] = [str(message) for message in messages if message]


write_as(Listing, list)


class RayState(RayRest):
    """Machines, tasks and actors of the cluster."""

    def list_nodes(
        self,
        params: Params | None = None,
        *,
        filters: Filters = (),
        limit: int = _MOST,
        detail: bool = False,
    ) -> Listing:
        """List the cluster's machines, including dead ones. One request.

        Args:
            params: Values by field, such as `{"state": "ALIVE"}`.
            filters: Further conditions, such as `("state", "!=", "DEAD")`; Ray knows `=` and `!=`.
            limit: Most rows to return, up to 10,000.
            detail: Whether to return every field.

        Returns:
            The machines, with `total` and `is_truncated`.

        Raises:
            UsageError: The limit or an operator is invalid; no request was made.
            BadRequest: Ray doesn't know a field.
        """
        return self._list_state("nodes", params, filters, limit, detail=detail)

    def get_node(self, node_id: str) -> dict[str, Any]:
        """Return one of the cluster's machines, with every field. One request.

        Raises:
            BadRequest: The id has characters that no id has; no request was made.
            NotFound: The cluster has no such node.
        """
        return self._get_state("nodes", "node_id", node_id)

    def list_tasks(
        self,
        params: Params | None = None,
        *,
        filters: Filters = (),
        limit: int = _MOST,
        detail: bool = False,
    ) -> Listing:
        """List the cluster's tasks, a row for each attempt. One request.

        Ray examines at most 10,000 tasks; above that, the list warns and sets `is_truncated`.
        Filter by `job_id` then. With `detail`, `env_vars` shows as `***`.

        Args:
            params: Values by field, such as `{"state": "RUNNING", "job_id": "02000000"}`.
            filters: As for `list_nodes()`.
            limit: As for `list_nodes()`.
            detail: As for `list_nodes()`.

        Raises:
            UsageError: The limit or an operator is invalid; no request was made.
            BadRequest: Ray doesn't know a field.
        """
        return self._list_state("tasks", params, filters, limit, detail=detail)

    def get_task(self, task_id: str) -> dict[str, Any]:
        """Return one of the cluster's tasks, with every field, in the last attempt. One request.

        Raises:
            BadRequest: The id has characters that no id has; no request was made.
            NotFound: The cluster has no such task, or Ray dropped the row.
        """
        return self._get_state("tasks", "task_id", task_id)

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
            UsageError: The limit or an operator is invalid; no request was made.
            BadRequest: Ray doesn't know a field.
        """
        return self._list_state("actors", params, filters, limit, detail=detail)

    def get_actor(self, actor_id: str) -> dict[str, Any]:
        """Return one of the cluster's actors, with every field. One request.

        Raises:
            BadRequest: The id has characters that no id has; no request was made.
            NotFound: The cluster has no such actor.
        """
        return self._get_state("actors", "actor_id", actor_id)

    def get_version(self) -> dict[str, Any]:
        """Return the version of Ray: `ray_version`, `session_name` and so on. One request."""
        return self._request_object("GET", "api/version", resource="the Ray head")

    def _get_state(self, kind: str, field: str, value: Any) -> dict[str, Any]:
        key = validate_id(value)
        # Ray's ids are bytes in hexadecimal; other ids get unclear responses.
        is_id = len(key) % 2 == 0 and set(key) <= set("0123456789abcdef")
        rows = self._list_state(kind, {field: key}, (), _MOST, detail=True) if is_id else []
        if not rows:
            label = f"{kind.removesuffix('s')} {key}"
            raise NotFound(404, f"the cluster has no {label}", resource=label)
        return max(rows, key=lambda row: row.get("attempt_number") or 0)

    def _list_state(
        self, kind: str, params: Params | None, filters: Filters, limit: int, *, detail: bool
    ) -> Listing:
        validate_int("limit", limit, maximum=_MOST)
        conditions = [(name, "=", value) for name, value in (params or {}).items()]
        conditions += list(filters)
        query: list[tuple[str, Any]] = [("limit", limit), ("detail", str(detail).lower())]
        for name, operator, value in conditions:
            if operator not in ("=", "!="):
                raise InvalidQuery(f"Ray doesn't know the operator {operator!r}. Use '=' or '!='.")
            query += [
                ("filter_keys", name),
                ("filter_predicates", operator),
                ("filter_values", value),
            ]
        body = self._request_object("GET", f"api/v0/{kind}", params=query, resource=kind)
        listing = Listing(get_part(body, dict, kind, "data", "result"), kind)
        if listing.is_truncated and limit == _MOST:
            warnings.warn(
                f"The cluster has {listing.total:,} {kind}, and Ray examined {_MOST:,}, so this "
                "list is incomplete. Filter, for example by job_id.",
                stacklevel=3,
            )
        return listing
