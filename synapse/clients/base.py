"""What every client is: a transport, and the verbs that its methods are made of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, overload

from synapse.clients.page import Page
from synapse.clients.url_conversion import UrlConversion, conversion_of, converted
from synapse.config import TimeoutArgument, resolve
from synapse.errors import InvalidResponse, UsageError
from synapse.transport import Transport
from synapse.transport.paging import walk

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["BaseClient", "Params"]

Params = Mapping[str, Any]
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\\\?#]")


class BaseClient:
    """A client of a server that speaks the platform's conventions.

    A subclass adds methods out of `_get`, `_post`, `_put`, `_patch`, `_delete` and `_list`.

    Args:
        base_url: The server's address; else `SYNAPSE_BASE_URL`, else the profile's.
        api_token: The API token; else `SYNAPSE_API_TOKEN`, else the profile's.
        access_token: An alias of `api_token`.
        authorization_token: A login token of the older kind.
        token: An alias of `authorization_token`.
        tenant: The tenant's code.
        agent_token: An agent's token.
        timeout: Seconds: one number, a pair (connect, read), or a mapping with those names.
        transport: A transport to share, instead of all of the above.

    Raises:
        ConfigurationError: There is no base URL or token, or a setting is malformed.
    """

    page_size = 100

    def __init__(
        self,
        base_url: str | None = None,
        api_token: str | None = None,
        *,
        access_token: str | None = None,
        authorization_token: str | None = None,
        token: str | None = None,
        tenant: str | None = None,
        agent_token: str | None = None,
        timeout: TimeoutArgument = None,
        transport: Transport | None = None,
    ) -> None:
        if transport is None:
            transport = Transport(
                resolve(
                    base_url,
                    api_token,
                    access_token=access_token,
                    authorization_token=authorization_token,
                    token=token,
                    tenant=tenant,
                    agent_token=agent_token,
                    timeout=timeout,
                )
            )
        self._transport = transport

    @property
    def base_url(self) -> str:
        """The server's address, without a `/` at its end."""
        return self._transport.base_url.rstrip("/")

    @property
    def request_count(self) -> int:
        """How many requests this client has made, retries included."""
        return self._transport.request_count

    def close(self) -> None:
        """Close the connections. Later calls raise `SessionClosed`."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_url!r})"

    def _get(
        self,
        path: str,
        params: Params | None = None,
        *,
        url_conversion: UrlConversion | None = None,
        files_fields: tuple[str, ...] = ("files",),
        **options: Any,
    ) -> Any:
        """GET a path below the base URL. One request.

        Args:
            path: The path, with or without a `/` in front.
            params: Query parameters; a list value becomes a repeated key.
            url_conversion: How to rewrite the file URLs of the answer.
            files_fields: The fields that have them.
            **options: What else `Transport.request` takes.
        """
        row = self._request("GET", path, params=params, **options)
        conversion = conversion_of(url_conversion, files_fields)
        return converted(row, conversion) if conversion and isinstance(row, dict) else row

    def _post(
        self,
        path: str,
        data: Any = None,
        params: Params | None = None,
        **options: Any,
    ) -> Any:
        """POST JSON to a path below the base URL. One request."""
        return self._request("POST", path, json=data, params=params, **options)

    def _put(
        self, path: str, data: Any = None, params: Params | None = None, **options: Any
    ) -> Any:
        """PUT JSON to a path below the base URL. One request."""
        return self._request("PUT", path, json=data, params=params, **options)

    def _patch(
        self, path: str, data: Any = None, params: Params | None = None, **options: Any
    ) -> Any:
        """PATCH a path below the base URL with JSON. One request."""
        return self._request("PATCH", path, json=data, params=params, **options)

    def _delete(
        self, path: str, data: Any = None, params: Params | None = None, **options: Any
    ) -> Any:
        """DELETE a path below the base URL. One request."""
        return self._request("DELETE", path, json=data, params=params, **options)

    @overload
    def _list(
        self,
        path: str,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: Literal[False] = False,
        *,
        files_fields: tuple[str, ...] = ("files",),
    ) -> Page: ...
    @overload
    def _list(
        self,
        path: str,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
        *,
        files_fields: tuple[str, ...] = ("files",),
    ) -> Page | list[dict[str, Any]]: ...
    def _list(
        self,
        path: str,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
        *,
        files_fields: tuple[str, ...] = ("files",),
    ) -> Page | list[dict[str, Any]]:
        """List a path below the base URL.

        One request, or with `list_all` one for each page.

        Args:
            path: The path, with or without a `/` in front.
            params: Query parameters, `page` and `page_size` among them.
            url_conversion: How to rewrite the file URLs of each row.
            list_all: Whether to read all pages, from the first one on.
            files_fields: The fields that have file URLs.

        Returns:
            The page; with `list_all` a list of all rows, each once.
        """
        path, what = self._path(path), path.strip("/")
        conversion = conversion_of(url_conversion, files_fields)
        if list_all:
            pairs = [(k, v) for k, v in (params or {}).items() if k not in ("page", "page_size")]
            pairs.append(("page_size", (params or {}).get("page_size", self.page_size)))
            pages = walk(self._transport, path, pairs, resource=what)
            rows = [row for page in pages for row in page.rows]
            return [converted(row, conversion) for row in rows] if conversion else rows
        answer = self._transport.request("GET", path, params=params, resource=what)
        if not isinstance(answer, dict) or not isinstance(answer.get("results"), list):
            raise InvalidResponse(
                200, "the answer is not a page: it has no results", response=answer, resource=what
            )
        page = Page(answer)
        if conversion:
            page["results"] = [converted(row, conversion) for row in page["results"]]
        return page

    def _request(self, method: str, path: str, **options: Any) -> Any:
        path = self._path(path)
        options.setdefault("resource", path.strip("/"))
        return self._transport.request(method, path, **options)

    @staticmethod
    def _path(path: str) -> str:
        """Check a path: it stays below the base URL, whatever it was put together from.

        Raises:
            UsageError: A part of it is a dot path, or it has a query or a control character.
        """
        path = path.removeprefix("/")
        if _UNSAFE.search(path) or {".", "..", ""} & set(path.removesuffix("/").split("/")):
            raise UsageError(f"{path!r} is not a path below the base URL.")
        return path
