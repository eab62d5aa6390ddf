"""Requests to endpoints that no resource of the SDK declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from synapse._internal.described import Described, Description
from synapse._internal.known_attributes import KnownAttributes
from synapse._internal.lazy_import import load
from synapse._internal.redaction import redacted
from synapse._internal.validate import validate_int
from synapse.errors import UsageError
from synapse.orm.foreign_objects import KeyedSession, refuse_foreign
from synapse.transport.page import KEY, WORKERS, get_page
from synapse.transport.paths import checked_method, split_path
from synapse.transport.urls import query_string

if TYPE_CHECKING:
    from synapse.config import TimeoutArgument
    from synapse.transport import Transport

__all__ = ["ListedRows", "OtherEndpoints"]


class ListedRows(Described):
    """The rows of a list, read lazily: a loop sends one request for each page.

    Each loop reads the list anew, completely and each row once, with few pages in memory.
    `session.pages(path)` makes these.

    Args:
        transport: The transport.
        path: The list's path, quoted.
        params: The query, without page number and size.
        page_size: Rows per page.
        key: The unique field of the list.
        workers: Number of pages in flight.
    """

    def __init__(
        self,
        transport: Transport,
        path: str,
        params: list[tuple[str, Any]],
        *,
        page_size: int,
        key: str,
        workers: int,
    ) -> None:
        self._transport = transport
        self._path = path
        self._params = params
        self._page_size = page_size
        self._key = key
        self._workers = workers

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for rows in self._plain_pages():
            yield from rows

    def _plain_pages(self) -> Iterator[list[dict[str, Any]]]:
        params = [*self._params, ("page_size", self._page_size)]
        pages = load("synapse.transport.paging").walk(  # few sessions need it
            self._transport,
            self._path,
            params,
            workers=self._workers,
            key=self._key,
            resource=redacted(self._path),
        )
        for page in pages:
            yield page.rows

    def count(self) -> int:
        """Return the number of rows. One request, for one row at most."""
        params = [*self._params, ("page_size", 1)]
        return get_page(self._transport, self._path, params, resource=redacted(self._path)).count

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {redacted(self._path)}>"

    def _describe(self) -> Description:
        note = "Not read yet. A loop over the rows sends requests."
        return Description(repr(self)[1:-1], notes=[note])


class OtherEndpoints(KnownAttributes):
    """Adds `request()` and `pages()` to sessions."""

    if TYPE_CHECKING:

        @property
        def transport(self) -> Transport:
            """The transport of the options in force."""

        @property
        def page_size(self) -> int:
            """Rows per page."""

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: TimeoutArgument = None,
        deadline: float | None = None,
        repeatable: bool = True,
    ) -> Any:
        """Send a request to an endpoint that the SDK doesn't know. One request, and retries.

        All rules of the session apply: its token, tenant and headers, timeouts, retries, request
        ids, hooks, and errors without secrets. Objects of the session aren't updated.

        Args:
            method: The HTTP method.
            path: A path below the server's address, or a URL below that address. A query in the
                path is sent as it is.
            params: Query parameters; a list becomes a repeated one.
            json: A value to send as JSON. A relation's object stands for its id.
            headers: Further headers.
            timeout: Seconds to connect and between two reads; by default the session's.
            deadline: Seconds for the call with all its attempts; by default the session's.
            repeatable: Whether the method decides if the request may be sent twice, as for `GET`
                and `PUT`. With `False`, a retry happens only when the server certainly didn't
                process the request.

        Returns:
            The decoded JSON; `None` for a response without content.

        Raises:
            UsageError: The path leads to another server, or an object is of one, or the path is
                malformed; nothing was sent.
            ConfigurationError: A header can't be sent, or is the SDK's own; nothing was sent.
            ClientError: The server refused, failed, or couldn't be reached.
            InvalidResponse: The response isn't JSON.
            SessionClosed: The session was closed.

        Example:
            >>> session.request("GET", "health/")["status"]
            'ok'
        """
        name = checked_method(method)
        refuse_foreign(cast("KeyedSession", self), [params, json])
        plain, query = split_path(path, self.transport.base_url)
        transport = self.transport
        if headers:
            derived = load("synapse.transport.derived").DerivedTransport
            transport = derived(transport, headers=headers)
        return transport.request(
            name,
            plain,
            params="&".join(filter(None, (query, query_string(params)))),
            json=json,
            timeout=timeout,
            deadline=deadline,
            repeatable=repeatable,
            resource=redacted(plain),
        )

    def pages(
        self,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        page_size: int | None = None,
        key: str = KEY,
        workers: int = WORKERS,
    ) -> ListedRows:
        """Return the rows of a list that the SDK doesn't know. Makes no request.

        A loop over the rows sends one request for each page, and reads the list completely, each
        row once, as queries do.

        Args:
            path: The list's path, as in `request`.
            params: Query parameters: the server ignores names that it doesn't know.
            page_size: Rows per page; by default the session's.
            key: The field that is unique in the list.
            workers: Number of pages in flight; 1 requests strictly one after the other.

        Returns:
            A lazy iterable of dicts, which can be read again.

        Raises:
            UsageError: The path leads to another server, or an argument is malformed.

        Example:
            >>> [row["name"] for row in session.pages("task_tags/", params={"ordering": "name"})]
            []
        """
        transport = self.transport
        plain, query = split_path(path, transport.base_url)
        validate_int("workers", workers)
        size = self.page_size if page_size is None else validate_int("page_size", page_size)
        if query:
            raise UsageError(f"path has the query {query!r}. Pass params= instead.")
        refuse_foreign(cast("KeyedSession", self), params)
        pairs = [
            (name, one)
            for name, value in (params or {}).items()
            for one in (value if isinstance(value, (list, tuple)) else [value])
        ]
        for name, _ in pairs:
            if name in ("page", "page_size"):
                raise UsageError(f"params has {name!r}. Leave it out, or pass page_size=.")
        return ListedRows(transport, plain, pairs, page_size=size, key=key, workers=workers)
