"""Keywords of the lists, and the reading of pages that obeys them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypedDict, TypeVar, cast

import attrs

from synapse._internal.backoff import Backoff
from synapse._internal.hints import suggestion
from synapse._internal.short_traceback import shortened
from synapse._internal.validate import validate_int, validate_seconds
from synapse.config import TimeoutArgument
from synapse.errors import ClientError, UsageError
from synapse.transport import Transport
from synapse.transport.deadline_blocks import pause
from synapse.transport.page import KEY, Page, get_page
from synapse.transport.paging import WORKERS, walk
from synapse.transport.response import Response
from synapse.transport.seen_ids import SeenIds

__all__ = ["ListKeywords", "ListOptions", "read_pages"]

_LONGEST_PAUSE = 60.0

Params = Sequence[tuple[str, Any]]
_T = TypeVar("_T")


class ListKeywords(TypedDict, total=False):
    """The keywords of every list, besides `params`, `url_conversion` and `list_all`."""

    page_size: int | None
    timeout: TimeoutArgument
    page_retries: int
    page_retry_backoff: float
    throttle_seconds: float
    page_failures: list[dict[str, Any]] | None


@attrs.frozen(eq=False)
class ListOptions:
    """Checked keywords of a list.

    Attributes:
        page_size: Rows per page.
        timeout: Timeout of each request; a number is the seconds between two reads.
        page_retries: Further attempts at a page after those of the transport.
        page_retry_backoff: Seconds of the first pause before them, doubled by each failure.
        throttle_seconds: Pause between two pages.
        page_failures: List that receives the pages that failed; without one, a failure raises.
    """

    page_size: int | None = None
    timeout: TimeoutArgument = None
    page_retries: int = 0
    page_retry_backoff: float = 2.0
    throttle_seconds: float = 0.0
    page_failures: list[dict[str, Any]] | None = None

    @classmethod
    def of(cls, keywords: Mapping[str, Any]) -> ListOptions:
        """Check the keywords of a call.

        Raises:
            TypeError: A keyword doesn't exist.
            UsageError: A value can't work.
        """
        known = [field.name for field in attrs.fields(cls)]
        for name in keywords:
            if name not in known:
                raise shortened(TypeError(f"Lists take no {name!r}{suggestion(name, known)}"))
        options = cls(**keywords)
        if options.page_size is not None:
            validate_int("page_size", options.page_size)
        validate_int("page_retries", options.page_retries, minimum=0)
        for name in ("page_retry_backoff", "throttle_seconds"):
            validate_seconds(name, getattr(options, name), allow_zero=True, error=UsageError)
        if not isinstance(options.page_failures, (list, type(None))):
            raise UsageError(
                f"page_failures={options.page_failures!r} is not a list. Pass an empty list, which "
                "receives the pages that failed."
            )
        if isinstance(options.timeout, (int, float)):
            return attrs.evolve(options, timeout={"read": options.timeout})
        return options

    def add_page_size(self, params: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """Return query parameters with the size of a page.

        Raises:
            UsageError: `params` has another size.
        """
        if self.page_size is None:
            return params
        size = (params or {}).get("page_size", self.page_size)
        if str(size) != str(self.page_size):
            raise UsageError(
                f"page_size={self.page_size!r} and params['page_size']={size!r} differ. Pass one."
            )
        return {**(params or {}), "page_size": size}

    def send(self, request: Callable[..., _T]) -> _T:
        """Send a request for a page until it succeeds, or the attempts are used up.

        Args:
            request: Sends the request; is called with the keyword `timeout` if there is one.
        """
        keywords = {} if self.timeout is None else {"timeout": self.timeout}
        backoff = Backoff(self.page_retry_backoff, _LONGEST_PAUSE)
        attempt = 0
        while True:
            attempt += 1
            try:
                return request(**keywords)
            except ClientError as error:
                may_succeed = error.is_transient or error.status_code >= 500
                if not may_succeed or attempt > self.page_retries:
                    raise
                if not pause(backoff.delay(attempt)):
                    raise


class _PatientTransport:
    """A transport whose requests wait, time out and are repeated as the options of a list say.

    Args:
        transport: The transport.
        options: The options.
    """

    def __init__(self, transport: Transport, options: ListOptions) -> None:
        self._transport = transport
        self._options = options
        self._is_first = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def fetch(self, method: str, path: str, **arguments: Any) -> Response:
        """Send a request; a refusal is raised here, where it can be repeated."""

        def request(**keywords: Any) -> Response:
            response = self._transport.fetch(method, path, **arguments, **keywords)
            if self._options.page_retries:
                response.json()
            return response

        if self._options.throttle_seconds and not self._is_first:
            pause(self._options.throttle_seconds)
        self._is_first = False
        return self._options.send(request)


def read_pages(
    transport: Transport,
    path: str,
    params: Params,
    options: ListOptions,
    *,
    resource: str,
    key: str = KEY,
) -> Iterator[Page]:
    """Yield the pages of a list. One request for each page.

    Args:
        transport: The transport.
        path: Path of the list.
        params: The query, without a page number.
        options: The options of the call.
        resource: Name of the list in messages.
        key: The unique field of the list.

    Raises:
        ClientError: The server refused a page; later pages only without `page_failures`.
    """
    patient = cast("Transport", _PatientTransport(transport, options))
    if options.page_failures is not None:
        return _read_by_number(patient, path, params, options.page_failures, resource, key)
    workers = 1 if options.throttle_seconds else WORKERS
    return walk(patient, path, params, workers=workers, key=key, resource=resource)


def _read_by_number(
    transport: Transport,
    path: str,
    params: Params,
    failures: list[dict[str, Any]],
    resource: str,
    key: str,
) -> Iterator[Page]:
    """Yield the pages that the server gives, and note the others.

    Only a number leads past a page that failed, so this walk uses nothing else.
    """
    seen = SeenIds(key)
    page = get_page(transport, path, params, key=key, resource=resource)
    size = max(1, len(page.rows))
    yield attrs.evolve(page, rows=seen.unseen(page.rows))
    number = 1
    while number * size < page.count:
        number += 1
        try:
            page = get_page(transport, path, params, number, key=key, resource=resource)
        except ClientError as error:
            failures.append(
                {
                    "page": number,
                    "url": f"{transport.base_url}{path}?page={number}",
                    "error": f"{type(error).__name__}: {error}",
                }
            )
            continue
        yield attrs.evolve(page, rows=seen.unseen(page.rows))
