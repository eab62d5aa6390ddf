"""The range of a query's keys, by which workers can share its rows."""

from __future__ import annotations

from typing import Any

from synapse.errors import ClientError
from synapse.orm.query import Query
from synapse.orm.query_state import EVERYTHING

__all__ = ["find_key_range"]


def find_key_range(query: Query[Any]) -> range | None:
    """Return the keys from the first row to the last, in the query's order.

    Four requests for a query that can be shared by keys.

    Args:
        query: A query with a session.

    Returns:
        A range with the step 1 or -1; `None` for a query in another order, for a slice, for keys
        that aren't whole numbers, and for servers without bounds on the key.
    """
    key, state = query._resource.__schema__.key, query._state
    if state.window != EVERYTHING or state.ordering not in ((), (key,), (f"-{key}",)):
        return None
    if any(name == key for name, _ in state.filters):
        return None
    keys = [row.get(key) for row in query[:2].values(key)]
    lowest, highest = (
        next((row.get(key) for row in query.order_by(order)[:1].values(key)), None)
        for order in (key, f"-{key}")
    )
    if len(keys) < 2 or type(lowest) is not int or type(highest) is not int:
        return None
    if not _has_bounds(query, key, highest):
        return None
    if keys[0] == lowest and keys[0] < keys[1]:
        return range(lowest, highest + 1)
    if keys[0] == highest and keys[0] > keys[1]:
        return range(highest, lowest - 1, -1)
    return None


def _has_bounds(query: Query[Any], key: str, highest: int) -> bool:
    bound: dict[str, Any] = {f"{key}__gt": highest}
    try:
        return not query.filter(**bound).exists()
    except ClientError:
        return False
