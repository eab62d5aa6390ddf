"""Ray Data: queries as datasets that are read in the workers, and datasets into collections.

Example:
    ```text
    import ray
    import synapse
    from synapse.integrations.ray import read, upload

    session = synapse.connect()
    dataset = read(session.tasks.filter(project=1).order_by("id"))
    dataset.map(score).write_parquet("scores/")
    ```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from synapse.errors import MissingExtra, UsageError
from synapse.integrations.key_range import find_key_range
from synapse.integrations.query_part import Nested, QueryPart
from synapse.integrations.ray_upload import upload
from synapse.orm.pages import Rows
from synapse.orm.query import Query

if TYPE_CHECKING:
    import ray.data

__all__ = ["Nested", "read", "upload"]

_PAGE_SIZE = 1000
# Pages up to which the tasks share pages by number; finding the keys costs four requests.
_FEW_PAGES = 5


def read(
    query: Query[Any] | Rows,
    *,
    override_num_blocks: int | None = None,
    nested: Nested = "objects",
    **options: Any,
) -> ray.data.Dataset:
    """Return a query as a dataset whose rows the workers fetch when they use them.

    Each read task fetches the pages of a range of rows: one request for each page of 1,000 rows,
    unless the query sets another size (`page_size()`). One request now, for the count, and four
    more for a query of more than five pages: where the server has bounds on the id, each task
    fetches a range of ids, so that no page costs more than another. Where ids have gaps, counts of
    ranges make tasks of about the same number of rows: about one request for each task, and at most
    a quarter as many as for reading. A task of less than four pages has a range of the same width
    instead. A task that Ray runs again reads the range once more, and no row comes twice.

    A task carries the server's address and no token: each worker connects with the local
    environment or profile, as pickled objects do. So the nodes need the SDK, and
    `SYNAPSE_API_TOKEN` or a profile.

    Without such bounds, and in another order than the ids', the ranges refer to the list at the
    time of counting. Rows added or removed during reading then move the rows behind them, so that a
    row can be missing or come twice. Read in an order that puts new rows last, and leave those out:
    `query.filter(created_before=now).order_by("id")`.

    Args:
        query: A query, such as `project.tasks`, or `values(...)` of one for some columns only.
        override_num_blocks: Largest number of read tasks; by default Ray chooses.
        nested: Form of objects and lists: `"objects"` keeps Python values, `"json"` makes texts,
            which Parquet and others can hold.
        **options: Other options of `ray.data.read_datasource`, such as `concurrency`.

    Returns:
        The dataset, with the server's columns, times as texts and relations as ids.

    Raises:
        MissingExtra: Ray isn't installed.
        UsageError: The argument isn't a query, or `nested` is another word.
        ClientError: The server refused, or couldn't be reached.
    """
    try:
        import ray.data
    except ImportError as error:
        raise MissingExtra("Ray Data", "ray") from error
    from synapse.integrations.ray_source import QuerySource

    if nested not in get_args(Nested):
        raise UsageError(f"nested={nested!r} is not valid. Pass 'objects' or 'json'.")
    rows, names = (query._query, query._names) if isinstance(query, Rows) else (query, ())
    if not isinstance(rows, Query):
        raise UsageError(f"query is a {type(query).__name__}. Pass a query, such as project.tasks.")
    # A worker has no default session: bind the query to this one.
    bound = type(rows)(rows._resource, rows._session, rows._scope, rows._state)
    count, page_size = bound.count(), rows._state.page_size or _PAGE_SIZE
    keys = find_key_range(bound) if count > _FEW_PAGES * page_size else None
    part = QueryPart(bound, names, nested, page_size, keys)
    dataset: ray.data.Dataset = ray.data.read_datasource(
        QuerySource(part, count), override_num_blocks=override_num_blocks, **options
    )
    return dataset
