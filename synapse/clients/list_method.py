"""Types of the clients' lists: `list_all=` decides between a page and all rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, cast, overload

from typing_extensions import Unpack

from synapse.clients.all_rows import AllRows
from synapse.clients.list_options import ListKeywords
from synapse.clients.page import Page
from synapse.clients.url_conversion import UrlConversion

__all__ = ["ListMethod", "PartListMethod", "typed_list", "typed_part_list"]

_Params = Mapping[str, Any]


class ListMethod(Protocol):
    """A list whose rows have files, as its callers see the method."""

    @overload
    def __call__(
        self,
        params: _Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: Literal[False] = False,
        **options: Unpack[ListKeywords],
    ) -> Page: ...
    @overload
    def __call__(
        self,
        params: _Params | None = None,
        url_conversion: UrlConversion | None = None,
        *,
        list_all: Literal[True],
        **options: Unpack[ListKeywords],
    ) -> AllRows: ...
    @overload
    def __call__(
        self,
        params: _Params | None,
        url_conversion: UrlConversion | None,
        list_all: Literal[True],
        **options: Unpack[ListKeywords],
    ) -> AllRows: ...
    @overload
    def __call__(
        self,
        params: _Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows: ...
    @overload
    def __call__(  # the order of the platform's client
        self,
        url_conversion: UrlConversion | None,
        list_all: Literal[True],
        params: _Params | None = None,
        /,
        **options: Unpack[ListKeywords],
    ) -> AllRows: ...


class PartListMethod(Protocol):
    """A list of one part of each row, as its callers see the method."""

    @overload
    def __call__(
        self,
        params: _Params | None = None,
        list_all: Literal[False] = False,
        **options: Unpack[ListKeywords],
    ) -> Page: ...
    @overload
    def __call__(
        self,
        params: _Params | None = None,
        *,
        list_all: Literal[True],
        **options: Unpack[ListKeywords],
    ) -> AllRows: ...
    @overload
    def __call__(
        self,
        params: _Params | None,
        list_all: Literal[True],
        **options: Unpack[ListKeywords],
    ) -> AllRows: ...
    @overload
    def __call__(
        self,
        params: _Params | None = None,
        list_all: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows: ...


def typed_list(method: Callable[..., Page | AllRows]) -> ListMethod:
    """Return a method as it is, with the types of `ListMethod` for type checkers."""
    return cast("ListMethod", method)


def typed_part_list(method: Callable[..., Page | AllRows]) -> PartListMethod:
    """Return a method as it is, with the types of `PartListMethod` for type checkers."""
    return cast("PartListMethod", method)
