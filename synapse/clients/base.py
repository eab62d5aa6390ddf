"""The base class of the clients: a transport, and the verbs for the methods."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, overload

from synapse._internal.closing import Closing
from synapse._internal.known_attributes import KnownAttributes
from synapse.clients.page import Page
from synapse.clients.url_conversion import UrlConversion, convert_row, parse_conversion
from synapse.config import TimeoutArgument, TokenArgument, resolve
from synapse.errors import InvalidResponse, UsageError
from synapse.transport import Transport
from synapse.transport.paging import walk

__all__ = ["BaseClient", "Params"]

Params = Mapping[str, Any]
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\\\?#]")


class BaseClient(Closing, KnownAttributes):
    """A client of a server that follows the platform's conventions.

    A subclass builds the methods from `_get`, `_post`, `_put`, `_patch`, `_delete` and `_list`.

    Args:
        base_url: Server address; default: `SYNAPSE_BASE_URL`, then the profile.
        api_token: API token; default: `SYNAPSE_API_TOKEN`, then the profile.
        access_token: Alias of `api_token`.
        authorization_token: Login token of the older kind.
        token: Alias of `authorization_token`.
        tenant: Code of the tenant.
        agent_token: TokenArgument of an agent.
        timeout: Seconds: one number, a pair (connect, read), or a mapping with those names.
        transport: Transport to share; replaces all other arguments.

    Raises:
        ConfigurationError: The base URL or the token is missing, or a setting is malformed.
    """

    page_size = 100

    def __init__(
        self,
        base_url: str | None = None,
        api_token: TokenArgument | None = None,
        *,
        access_token: TokenArgument | None = None,
        authorization_token: TokenArgument | None = None,
        token: TokenArgument | None = None,
        tenant: str | None = None,
        agent_token: TokenArgument | None = None,
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
        """Server address without a trailing `/`."""
        return self._transport.base_url.rstrip("/")

    @property
    def request_count(self) -> int:
        """Number of requests that this client has made, retries included."""
        return self._transport.request_count

    def close(self) -> None:
        """Close the connections. Later calls raise `SessionClosed`."""
        self._transport.close()

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
            path: Path, with or without a leading `/`.
            params: Query parameters; a list becomes a repeated key.
            url_conversion: Rule for rewriting the file URLs in the response.
            files_fields: Fields that hold file URLs.
            **options: Further arguments of `Transport.request`.
        """
        row = self._request("GET", path, params=params, **options)
        conversion = parse_conversion(url_conversion, files_fields)
        return convert_row(row, conversion) if conversion and isinstance(row, dict) else row

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
            path: Path, with or without a leading `/`.
            params: Query parameters, including `page` and `page_size`.
            url_conversion: Rule for rewriting the file URLs of each row.
            list_all: Whether to read all pages, from the first.
            files_fields: Fields that hold file URLs.

        Returns:
            One page; with `list_all` a list of all rows, each once.
        """
        path, resource = self._validate_path(path), path.strip("/")
        conversion = parse_conversion(url_conversion, files_fields)
        if list_all:
            pairs = [(k, v) for k, v in (params or {}).items() if k not in ("page", "page_size")]
            pairs.append(("page_size", (params or {}).get("page_size", self.page_size)))
            pages = walk(self._transport, path, pairs, resource=resource)
            rows = [row for page in pages for row in page.rows]
            return [convert_row(row, conversion) for row in rows] if conversion else rows
        body = self._transport.request("GET", path, params=params, resource=resource)
        if not isinstance(body, dict) or not isinstance(body.get("results"), list):
            raise InvalidResponse(
                200,
                "the answer is not a page: it has no results",
                response=body,
                resource=resource,
            )
        page = Page(body)
        if conversion:
            page["results"] = [convert_row(row, conversion) for row in page["results"]]
        return page

    def _request(self, method: str, path: str, **options: Any) -> Any:
        path = self._validate_path(path)
        options.setdefault("resource", path.strip("/"))
        return self._transport.request(method, path, **options)

    @staticmethod
    def _validate_path(path: str) -> str:
        """Return a path without its leading `/`, if it stays below the base URL.

        Raises:
            UsageError: The path has a dot segment, a query or a control character.
        """
        path = path.removeprefix("/")
        if _UNSAFE.search(path) or {".", "..", ""} & set(path.removesuffix("/").split("/")):
            raise UsageError(
                f"{path!r} is not a path below the base URL. Pass one like 'tasks/7/'."
            )
        return path
