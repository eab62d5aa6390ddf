"""Queries are lazy: building one sends nothing; using one sends requests.

A query is immutable, and each verb returns a new one: keep a query and refine copies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

from synapse._internal.described import Description, cut
from synapse._internal.doubles import is_specifying
from synapse._internal.lazy_import import load
from synapse._internal.short_traceback import shortened
from synapse.errors import InvalidQuery, InvalidResponse, MultipleFound, NotFound
from synapse.orm import lookups
from synapse.orm.base_manager import BaseManager
from synapse.orm.fields import MISSING, ids_of
from synapse.orm.foreign_objects import refuse_foreign
from synapse.orm.frame_source import FrameSource, Origin
from synapse.orm.identity_map import Expansion
from synapse.orm.pages import (
    PageRequest,
    Rows,
    divide,
    read_objects,
    read_row_pages,
    refuse_ignored_filters,
)
from synapse.orm.query_state import EVERYTHING, QueryState
from synapse.orm.resource import Resource
from synapse.transport.page import WORKERS, get_page

if TYPE_CHECKING:
    from typing_extensions import Self

    from synapse.orm.frames import Column
    from synapse.orm.pages import ObjectPage
    from synapse.orm.session_base import SessionBase
    from synapse.orm.shown import Browser, Shown

__all__ = ["Query"]

T = TypeVar("T", bound="Resource")
# Instead of `Self`, which jedi takes for the class that defines the method.
Q = TypeVar("Q", bound="Query[Any]")

# Rows of a page when the objects of known ids are fetched.
_LARGEST_PAGE = 1000


class Query(BaseManager[T], FrameSource):
    """The objects of a class, or those of them that a query asks for.

    Managers are queries: `project.tasks` has every verb. Iterating is complete (never just the
    first page), in the server's order, gives each object once, and holds few pages in memory
    whatever the total.
    """

    __slots__ = ("_state",)

    def __init__(
        self,
        resource: type[T],
        session: SessionBase | None = None,
        scope: tuple[str, Resource] | None = None,
        terms: QueryState | None = None,
    ) -> None:
        super().__init__(resource, session, scope)
        self._state = terms if terms is not None else QueryState()

    # -- Verbs that refine -------------------------------------------------------------------

    def all(self: Q) -> Q:
        """Return a query for every object. Makes no request."""
        return self._with(is_explicit=True)

    def filter(self: Q, *, params: Mapping[str, Any] | None = None, **filters_: Any) -> Q:
        """Return a query for the objects that match. Makes no request.

        Args:
            params: Raw query parameters, passed through unchecked.
            **filters_: Values by field. A resource stands for the id, an enumeration for the value,
                a list for any of the values (an empty one matches nothing). The id and times take
                bounds as well: `id__lt=`, `created__gte=`, and `__lte` and `__gt`. A second filter
                of the same name narrows the first. A query as a value is read at once.

        Raises:
            InvalidQuery: A name is unknown (the message has a suggestion), or a value can't be a
                filter's.

        Example:
            >>> project.tasks.filter(status="pending").count()
            2
        """
        self._refuse_after_slice("filter")
        schema = self._resource.__schema__
        refuse_foreign(self._session, params)
        pairs = lookups.filter_pairs(schema, filters_, self._session)
        scope: list[tuple[str, Any]] = []
        if pairs is not None:
            scope = self._scope_pair()
            pairs = lookups.narrowed(schema, [*scope, *self._state.filters], pairs)
        return self._with(
            filters=tuple(pair for pair in pairs or () if pair not in scope),
            params=(*self._state.params, *(params or {}).items()),
            is_empty=self._state.is_empty or pairs is None,
            is_explicit=True,
        )

    def search(self: Q, text: str) -> Q:
        """Return a query for the objects whose text has some words. Makes no request.

        Args:
            text: The words; all objects match an empty text.

        Raises:
            InvalidQuery: The argument isn't a text.
        """
        self._refuse_after_slice("search")
        if not isinstance(text, str):
            raise InvalidQuery(f"search({text!r}) isn't a text. Pass one, or leave search() out.")
        return self._with(search=str(text), is_explicit=True)

    def order_by(self: Q, *names: str) -> Q:
        """Return a query in an order. Makes no request.

        Args:
            *names: Fields; a `-` in front means descending.

        Raises:
            InvalidQuery: The class can't be ordered by one of them.
        """
        self._refuse_after_slice("order_by")
        return self._with(ordering=lookups.ordering_names(self._resource.__schema__, names))

    def expand(self: Q, *paths: str) -> Q:
        """Return a query whose pages include related objects. Makes no request.

        Args:
            *paths: Relations, with dots for relations of relations: `"data_unit.data_collection"`.

        Raises:
            InvalidQuery: A path isn't a relation.
        """
        lookups.expansion_tree(self._resource.__schema__, paths)
        return self._with(expand=(*self._state.expand, *paths))

    def only(self: Q, *names: str) -> Q:
        """Return a query that fetches some fields only. Makes no request.

        Reading another field later loads that object, by a request of its own.

        Raises:
            InvalidQuery: A name isn't a field.
        """
        return self._with(only=lookups.field_names(self._resource.__schema__, names))

    def omit(self: Q, *names: str) -> Q:
        """Return a query without some fields. Makes no request.

        Raises:
            InvalidQuery: A name isn't a field, or is the id, which every object needs.
        """
        lookups.check_names(names)
        for name in ("id", self._resource.__schema__.key):
            if name in names:
                raise InvalidQuery(
                    f"The {name} can't be omitted: every object needs one. Leave it out."
                )
        return self._with(omit=lookups.field_names(self._resource.__schema__, names))

    def page_size(self: Q, rows: int) -> Q:
        """Return a query with another page size. Makes no request.

        Args:
            rows: Rows per page, 1 or more. The server may cap the number.

        Raises:
            InvalidQuery: The argument isn't a whole number, 1 or more.
        """
        if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
            raise InvalidQuery(f"page_size is {rows!r}: give a whole number from 1.")
        return self._with(page_size=rows)

    @overload
    def __getitem__(self, key: int) -> T: ...
    @overload
    def __getitem__(self, key: slice) -> Self: ...
    def __getitem__(self, key: int | slice) -> T | Self:
        if isinstance(key, slice):
            return self._with(window=self._state.window.sliced(key), is_explicit=True)
        window = self._state.window.at(key)
        for one in self._with(window=window):
            return one
        raise shortened(IndexError(f"no object at index {key}"))

    # -- Verbs that ask ----------------------------------------------------------------------

    def __iter__(self) -> Iterator[T]:
        return self.iterate()

    def iterate(self, *, workers: int = WORKERS) -> Iterator[T]:
        """Yield the objects one by one, as a loop over the query does.

        One request for each page. Where waiting for the server takes most of the time, pages are
        requested ahead, but never before the iteration has gone on to the second one.

        Args:
            workers: Number of pages in flight; 1 requests strictly one after the other.

        Raises:
            InvalidQuery: `workers` isn't a whole number, 1 or more.
            ClientError: The server refused or couldn't be reached.
        """
        pages = self.pages(workers=workers)
        return _each(pages)

    def pages(self, *, workers: int = WORKERS) -> Iterator[ObjectPage[T]]:
        """Yield the objects page by page. One request for each page.

        Args:
            workers: Number of pages in flight; 1 requests strictly one after the other.

        Raises:
            InvalidQuery: `workers` isn't a whole number, 1 or more.
            ClientError: The server refused or couldn't be reached.
        """
        if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
            raise InvalidQuery(f"workers is {workers!r}: give a whole number from 1.")
        if self._state.is_empty:
            return iter(())
        return read_objects(
            self._session, self._resource, self._path(), self._page_request(workers)
        )

    def _read_row_pages(self) -> Iterator[list[dict[str, Any]]]:
        if self._state.is_empty:
            return iter(())
        return read_row_pages(self._session, self._resource, self._path(), self._page_request())

    def values(self, *names: str) -> Rows:
        """Return plain rows instead of objects, with some fields only. One request for each page.

        Args:
            *names: Fields; none means all. A relation's id goes under the relation's name, or under
                `project_id` and the like.

        Returns:
            A lazy iterable of dicts.

        Raises:
            InvalidQuery: A name isn't a field.

        Example:
            >>> [row["status"] for row in project.tasks.values("status")]
            ['pending', 'pending']
        """
        fields = self._resource.__schema__.fields
        lookups.check_names(names)
        wire = [
            n[:-3] if n.endswith("_id") and n not in fields and n[:-3] in fields else n
            for n in names
        ]
        only = lookups.field_names(self._resource.__schema__, wire)
        return Rows(self._with(only=only), names)

    def show(self, n: int = 12) -> Shown:
        """Return cards of the first objects, which a notebook displays.

        A card has the picture with its annotations, or another preview of the first file: a text's
        beginning, a point cloud from above, a waveform, a video's first frame. Objects without
        files are a table. One request, one for each file that isn't in the cache, and one for each
        annotation document that the server stores in a file; the output has the number of requests.

        Args:
            n: Number of objects, from 1 to 60. The whole output takes at most 400 KiB, so pictures
                are coarser if there are many.

        Returns:
            Output that is HTML in a notebook, and a table of text elsewhere.

        Raises:
            UsageError: `n` isn't a whole number from 1 to 60.
            ClientError: The server refused or couldn't be reached. A file that can't be fetched
                isn't an error: its card says so.

        Example:
            >>> project.tasks.show(1).requests
            2
        """
        shown: Shown = load("synapse.display.cards").show(self, n)
        return shown

    def browse(self) -> Browser:
        """Return a widget that goes through the objects, to look at and correct them by keys.

        The widget shows the picture with the annotations, deletes and relabels annotations, sets
        the status, tags, and undoes. The key `?` shows the keys. Each change is saved at once, by
        one or two requests; a change that can't be saved stays in the widget with the reason.

        One request for the first page, and one for each page of 20 objects that is reached. One for
        each picture that isn't in the cache, and one for each project that isn't loaded.

        Returns:
            A widget for JupyterLab, Notebook 7, VS Code and Colab.

        Raises:
            MissingExtra: anywidget isn't installed.
            UsageError: Objects of the class have no files.
            ClientError: The server refused or couldn't be reached.

        Example:
            >>> browser = project.tasks.order_by("id").browse()
            >>> browser.current.status
            <TaskStatus.PENDING: 'pending'>
        """
        browser: Browser = load("synapse.display.browse.widget").browse(self)
        return browser

    def head(self, n: int = 5) -> Shown:
        """Return the first objects as a table, which a notebook displays. One request.

        Args:
            n: Number of objects, from 1 to 1,000.

        Returns:
            Output that is HTML in a notebook, and a table of text elsewhere.

        Raises:
            UsageError: `n` isn't a whole number from 1 to 1,000.
            ClientError: The server refused or couldn't be reached.

        Example:
            >>> "pending" in str(project.tasks.head(1))
            True
        """
        shown: Shown = load("synapse.display.cards").head(self, n)
        return shown

    def first(self) -> T | None:
        """Return the first object, or `None` for an empty query. One request."""
        for one in self[0:1]:
            return one
        return None

    def exists(self) -> bool:
        """Return whether any object matches. One request, for one row at most."""
        return self[0:1].count() > 0

    def count(self) -> int:
        """Return the number of matching objects.

        One request, for one row at most; with a list of thousands of values one for each part.
        """
        terms = self._state
        if terms.is_empty or terms.window.size == 0:
            return 0
        query = self._with(only=("id",), expand=(), omit=(), ordering=())
        transport, path, name = self._session.transport, self._path(), self._resource.__name__
        params = query._params(1)
        parts = divide(self._session, self._resource, params)
        if parts is not None:
            return terms.window.clip(parts.count(transport, path, name))
        page = get_page(transport, path, params, resource=name)
        refuse_ignored_filters(self._resource, terms.filters, page.rows)
        return terms.window.clip(page.count)

    def get(
        self,
        id: int | str | None = None,  # noqa: A002 - the name that everybody would type
        /,
        *,
        refresh: bool = False,
        **filters_: Any,
    ) -> T:
        """Return one object.

        By id: one request, or none while a recent one is fresh. By filters, or on a query with
        filters: always one request.

        Args:
            id: The object's id.
            refresh: Ask the server even if the object is known.
            **filters_: Filters that exactly one object matches, as in `filter()`.

        Raises:
            NotFound: No such object exists.
            MultipleFound: More than one object matches.
            InvalidQuery: Neither an id nor a filter was given, or a filter is unknown.

        Example:
            >>> session.projects.get(project.id) is project
            True
        """
        if id is None and not filters_ and not self._state.is_explicit:
            raise InvalidQuery(f"{self._resource.__name__}: give get() an id or filters.")
        terms = self._state
        narrowed = filters_ or terms.filters or terms.params or terms.search or terms.is_empty
        is_plain = not narrowed and terms.window == EVERYTHING
        if id is not None and is_plain and self._resource.__schema__.has_detail:
            return self._get_by_id(id, refresh)
        if id is not None:
            filters_ = {**filters_, self._resource.__schema__.key: id}
        query = self.filter(**filters_) if filters_ else self
        found = list(query[0:2])
        if len(found) == 1:
            return found[0]
        asked = query._state.describe_filters()
        if found:
            raise MultipleFound(
                f"More than one {self._resource.__name__} matches {asked or 'the query'}. Filter "
                "more closely, or use first()."
            )
        raise NotFound(
            404,
            f"no {self._resource.__name__} matches {asked or 'the query'}",
            resource=self._resource.__name__,
        )

    def in_bulk(self, ids: Iterable[int | str | T]) -> dict[Any, T]:
        """Return objects by their ids. One request for each thousand ids, about.

        Args:
            ids: The ids, or objects that stand for theirs; those that don't exist are missing in
                the answer.

        Returns:
            The objects by id, in the type of the class's ids, whatever type was passed.
        """
        schema = self._resource.__schema__
        given = list(ids)
        refuse_foreign(self._session, given)
        keys = (one._key if isinstance(one, Resource) else schema.to_key(one) for one in given)
        wanted = list(dict.fromkeys(keys))
        filters: dict[str, Any] = {schema.key: wanted}
        query = self.filter(**filters)
        rows = min(max(1, len(wanted)), _LARGEST_PAGE)
        found = {one._key: one for one in query.page_size(rows)}
        return {key: found[key] for key in wanted if key in found}

    def __bool__(self) -> bool:
        return is_specifying() or self.exists()

    if not TYPE_CHECKING:
        # Hidden from type checkers, for which a missing `__len__` is the error.
        def __len__(self) -> int:
            raise shortened(
                TypeError(
                    f"A {type(self).__name__} has no len(), which would be a request that nobody "
                    "sees: use count(), or list(...) to have the objects."
                )
            )

    def __repr__(self) -> str:
        schema, terms = self._resource.__schema__, self._state
        text = f"{type(self).__name__}[{schema.name}]"
        if self._scope:
            text += f" of {self._scope[1]._label()}"
        return f"<{text}{terms.text()}>"

    def _describe(self) -> Description:
        fields: list[tuple[str, str]] = []
        if self._scope:
            fields.append(("of", cut(repr(self._scope[1]), 120)))
        note = "Not read yet. A loop over the query, head() and show() send requests."
        fields += self._state.describe()
        return Description(f"Query of {self._resource.__name__}", fields=fields, notes=[note])

    def _columns(self) -> list[Column]:
        return self.values()._columns()

    def _plain_pages(self) -> Iterator[list[dict[str, Any]]]:
        return self._read_row_pages()

    def _origin(self) -> Origin | None:
        schema, state = self._resource.__schema__, self._state
        steps = {(): 1, (schema.key,): 1, (f"-{schema.key}",): -1}
        is_whole = state.window == EVERYTHING and schema.fields[schema.key].is_filterable
        if not is_whole or state.ordering not in steps:
            return None
        query = self if state.ordering else self.order_by(schema.key)
        return Origin(query, schema.key, steps[state.ordering], lambda other: other)

    # -- Inside ------------------------------------------------------------------------------

    def _with(self, **changes: Any) -> Self:
        return type(self)(
            self._resource, self._own_session, self._scope, self._state._replace(**changes)
        )

    def _refuse_after_slice(self, verb: str) -> None:
        if self._state.window != EVERYTHING:
            raise InvalidQuery(f"{verb}() can't follow a slice: slice last.")

    def _path(self) -> str:
        schema = self._resource.__schema__
        if schema.list_path is None:
            raise InvalidQuery(f"The server doesn't list {schema.plural}.")
        return schema.list_path

    def _page_request(self, workers: int = WORKERS) -> PageRequest:
        terms = self._state
        return PageRequest(
            params=self._params,
            expansion=lookups.expansion_tree(self._resource.__schema__, terms.expand),
            filters=terms.filters,
            window=terms.window,
            page_size=terms.page_size or self._session.page_size,
            workers=workers,
        )

    def _params(self, page_size: int) -> list[tuple[str, Any]]:
        key = self._resource.__schema__.key
        return self._state.parameters(self._scope_pair(), page_size, key)

    def _scope_pair(self) -> list[tuple[str, Any]]:
        if self._scope is None:
            return []
        name, owner = self._scope
        return [(self._resource.__schema__.fields[name].parameter, owner._key)]

    def _get_by_id(self, key: Any, refresh: bool) -> T:
        """Fetch by the object's own path, or take a fresh object; check the scope."""
        cls, identity = self._resource, self._session.identity
        schema = cls.__schema__
        key = schema.to_key(key)
        path = schema.detail_path(key)  # first: it refuses what no id can be
        found = None if refresh or self._is_partial() else identity.get_cached(cls, key)
        if found is None:
            terms = self._state
            # The field that shows the scope is always fetched.
            scope = (self._scope[0],) if self._scope else ()
            only = (schema.key, *terms.only, *scope) if terms.only else ()
            omit = [name for name in terms.omit if name not in scope]
            params = [
                (name, ",".join(part))
                for name, part in (("expand", terms.expand), ("fields", only), ("omit", omit))
                if part
            ]
            try:
                row = self._session.transport.request(
                    "GET", path, params=params, resource=schema.label(key)
                )
            except NotFound:
                identity.expire(cls, key)
                raise
            expansion: Expansion = lookups.expansion_tree(schema, terms.expand)
            said = row.get(schema.key) if isinstance(row, dict) else None
            if schema.is_other(key, said):
                raise InvalidResponse(
                    200,
                    f"the answer is {schema.label(said)}",
                    response=row,
                    resource=schema.label(key),
                )
            found = identity.load(cls, [row], expansion)[0]
            if not self._is_partial():
                object.__setattr__(found, "_complete", True)
                identity.cache(found)
        if self._scope and not self._is_in_scope(found, self._scope):
            raise NotFound(
                404,
                f"it is not one of {self._scope[1]._label()}",
                resource=schema.label(key),
            )
        return found

    def _is_partial(self) -> bool:
        return bool(self._state.only or self._state.omit or self._state.expand)

    def _is_in_scope(self, one: T, scope: tuple[str, Resource]) -> bool:
        name, owner = scope
        field = type(one).__schema__.fields[name]
        said = field.to_keys(ids_of(field.raw(one._raw)))
        if said is MISSING:  # only the server's list can tell
            return self.filter(**{type(one).__schema__.key: one._key}).exists()
        return bool(owner._key in said if isinstance(said, list) else said == owner._key)


def _each(pages: Iterator[ObjectPage[T]]) -> Iterator[T]:
    for page in pages:
        yield from page.objects
        del page  # before the next one is decoded, which takes its place in memory
