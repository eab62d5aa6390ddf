"""The base class of the clients: a transport, and the verbs for the methods."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Literal, TypedDict, overload

from typing_extensions import Unpack

from synapse._internal.closing import Closing
from synapse._internal.hints import suggestion
from synapse._internal.known_attributes import KnownAttributes
from synapse.clients.all_rows import AllRows, Row
from synapse.clients.keyword_aliases import choose_one
from synapse.clients.list_options import ListKeywords, ListOptions, read_pages
from synapse.clients.page import Page
from synapse.clients.url_conversion import (
    UrlConversion,
    convert_row,
    is_url_conversion,
    parse_conversion,
)
from synapse.config import TimeoutArgument, TokenArgument, resolve
from synapse.errors import InvalidResponse, UsageError
from synapse.transfer.file_cache import FileCache
from synapse.transfer.multipart_form import MultipartForm
from synapse.transport import Transport
from synapse.transport.page import KEY

__all__ = ["BaseClient", "Params"]

Params = Mapping[str, Any]


class BodyKeywords(TypedDict, total=False):
    """The keywords of `_post`, `_put`, `_patch` and `_delete`."""

    json: Any
    files: Mapping[str, Any] | None
    request_model: Any
    response_model: Any
    headers: Mapping[str, str] | None
    timeout: TimeoutArgument
    resource: str | None
    secret: str | None


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
        agent_token: Token of an agent.
        timeout: Seconds: one number, a pair (connect, read), or a mapping with those names.
        transport: Transport to share; replaces all other arguments.
        url_host: Host of the files' URLs that the server shall sign, such as `internal`.

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
        url_host: str | None = None,
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
                    url_host=url_host,
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
        """Close the connections; later calls raise `SessionClosed`. Makes no request."""
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
        response_model: Any = None,
        **options: Any,
    ) -> Any:
        """GET a path below the base URL. One request.

        Args:
            path: Path, with or without a leading `/`.
            params: Query parameters; a list becomes a repeated key.
            url_conversion: Rule for rewriting the file URLs in the response.
            files_fields: Fields that hold file URLs.
            response_model: Class whose `model_validate()` checks the response.
            **options: Further arguments of `Transport.request`.
        """
        if is_url_conversion(params):  # in the second place, as in the platform's client
            params, url_conversion = None, params
        conversion = parse_conversion(url_conversion, files_fields)
        row = self._request("GET", path, params=params, **options)
        row = convert_row(row, conversion) if conversion and isinstance(row, dict) else row
        return _check_by_model(row, response_model)

    def _post(
        self,
        path: str,
        data: Any = None,
        params: Params | None = None,
        **options: Unpack[BodyKeywords],
    ) -> Any:
        """POST JSON or files to a path below the base URL. One request.

        The arguments are those of `_mutate`.
        """
        return self._mutate("POST", path, data, params, **options)

    def _put(
        self,
        path: str,
        data: Any = None,
        params: Params | None = None,
        **options: Unpack[BodyKeywords],
    ) -> Any:
        """PUT JSON or files to a path below the base URL. One request.

        The arguments are those of `_mutate`.
        """
        return self._mutate("PUT", path, data, params, **options)

    def _patch(
        self,
        path: str,
        data: Any = None,
        params: Params | None = None,
        **options: Unpack[BodyKeywords],
    ) -> Any:
        """PATCH JSON or files to a path below the base URL. One request.

        The arguments are those of `_mutate`.
        """
        return self._mutate("PATCH", path, data, params, **options)

    def _delete(
        self,
        path: str,
        data: Any = None,
        params: Params | None = None,
        **options: Unpack[BodyKeywords],
    ) -> Any:
        """DELETE a path below the base URL. One request.

        The arguments are those of `_mutate`.
        """
        return self._mutate("DELETE", path, data, params, **options)

    def _mutate(
        self,
        method: str,
        path: str,
        data: Any = None,
        params: Params | None = None,
        *,
        json: Any = None,
        files: Mapping[str, Any] | None = None,
        request_model: Any = None,
        response_model: Any = None,
        **options: Any,
    ) -> Any:
        """Send JSON, or a form with files, to a path below the base URL. One request.

        Args:
            method: The HTTP method.
            path: Path, with or without a leading `/`.
            data: The body: a value to send as JSON, or the fields beside the files.
            params: Query parameters.
            json: An alias of `data`.
            files: A file for each field of a form: a path, an open file, bytes, or a pair of a name
                and one of these. Files are streamed.
            request_model: Class whose `model_validate()` checks the body before it is sent, such as
                a pydantic model; fields that are `None` are left out.
            response_model: Class whose `model_validate()` checks the response.
            **options: Further arguments of `Transport.request`.

        Raises:
            UsageError: An argument can't work; no request was made.
        """
        body = choose_one("data", data, "json", json)
        if request_model is not None and body:
            body = _dump_by_model(body, request_model)
        if files is None:
            response = self._request(method, path, json=body, params=params, **options)
        elif body is not None and not isinstance(body, Mapping):
            raise UsageError("With files=, data= is a mapping of fields. Pass one, or nothing.")
        else:
            path = self._validate_path(path)
            with MultipartForm(files, body) as form:
                headers = {**(options.pop("headers", None) or {}), **form.headers}
                response = self._request(
                    method, path, body=form, headers=headers, params=params, **options
                )
        return _check_by_model(response, response_model)

    @overload
    def _list(
        self,
        path: str,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: Literal[False] = False,
        *,
        files_fields: tuple[str, ...] = ("files",),
        is_local: bool = False,
        key: str = KEY,
        **options: Unpack[ListKeywords],
    ) -> Page: ...
    @overload
    def _list(
        self,
        path: str,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        *,
        list_all: Literal[True],
        files_fields: tuple[str, ...] = ("files",),
        is_local: bool = False,
        key: str = KEY,
        **options: Unpack[ListKeywords],
    ) -> AllRows: ...
    @overload
    def _list(
        self,
        path: str,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
        *,
        files_fields: tuple[str, ...] = ("files",),
        is_local: bool = False,
        key: str = KEY,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows: ...
    def _list(
        self,
        path: str,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
        *,
        files_fields: tuple[str, ...] = ("files",),
        is_local: bool = False,
        key: str = KEY,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows:
        """List a path below the base URL.

        One request, and with `list_all` one for each further page, as the rows are used.

        Args:
            path: Path, with or without a leading `/`.
            params: Query parameters, including `page` and `page_size`.
            url_conversion: Rule for rewriting the file URLs of each row.
            list_all: Whether to read all pages, from the first.
            files_fields: Fields that hold file URLs.
            is_local: Whether the files of all rows are downloaded, unless `url_conversion` is
                given.
            key: The unique field of the list.
            **options: `page_size`, `timeout`, `page_retries`, `page_retry_backoff`,
                `throttle_seconds` and `page_failures`, see `ListOptions`.

        Returns:
            One page; with `list_all` all rows, each once.

        Raises:
            UsageError: An argument can't work.
        """
        if is_url_conversion(params) or isinstance(url_conversion, bool):
            # The order of the platform's client: url_conversion, list_all, params.
            second: Any = url_conversion
            third: Any = list_all
            list_all = second is True or third is True
            params, url_conversion = (third if isinstance(third, Mapping) else None), params
        path, resource = self._validate_path(path), path.strip("/")
        conversion = parse_conversion(url_conversion, files_fields)
        checked = ListOptions.of(options)
        params = checked.add_page_size(params)

        def convert(rows: list[Row]) -> list[Row]:
            return [convert_row(row, conversion) for row in rows] if conversion else rows

        if list_all:
            convert_all: Callable[[list[Row]], Iterable[Row]] = convert
            if is_local and url_conversion is None:
                convert_all = partial(FileCache(self._transport).localize_all, fields=files_fields)
            pairs = [(k, v) for k, v in (params or {}).items() if k not in ("page", "page_size")]
            pairs.append(("page_size", (params or {}).get("page_size", self.page_size)))
            read = partial(
                read_pages, self._transport, path, pairs, checked, key=key, resource=resource
            )
            return AllRows(read, convert_all)
        body = checked.send(
            partial(self._transport.request, "GET", path, params=params, resource=resource)
        )
        if not isinstance(body, dict) or not isinstance(body.get("results"), list):
            raise InvalidResponse(
                200,
                "the answer is not a page: it has no results",
                response=body,
                resource=resource,
            )
        page = Page(body)
        page["results"] = convert(page["results"])
        return page

    def exists(self, api: str, *args: Any, **keywords: Any) -> bool:
        """Return whether a list has rows. One request.

        Args:
            api: Name of the method, such as `"list_tasks"`.
            *args: Its arguments.
            **keywords: Its keywords.

        Raises:
            UsageError: The client has no such list.

        Example:
            >>> client.exists("list_tasks", {"status": "completed"})
            False
        """
        method = getattr(self, api, None) if api.startswith("list_") else None
        if method is None:
            lists = [name for name in dir(self) if name.startswith("list_")]
            raise UsageError(f"{api!r} is not a list{suggestion(api, lists)}")
        answer = method(*args, **keywords)
        return bool(answer["count"] if isinstance(answer, Page) else len(answer))

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


def _dump_by_model(body: Any, model: Any) -> dict[str, Any]:
    """Return the fields of a body that a model accepts, without those that are `None`."""
    values = _validate_by_model(body, model).model_dump()
    return {name: value for name, value in values.items() if value is not None}


def _check_by_model(response: Any, model: Any) -> Any:
    """Return a response that a model accepts, unchanged."""
    if model is not None:
        _validate_by_model(response, model)
    return response


def _validate_by_model(values: Any, model: Any) -> Any:
    if not hasattr(model, "model_validate"):
        raise UsageError(f"{model!r} is not a model. Pass a class with model_validate().")
    return model.model_validate(values)
