"""The verbs shared by the parts of `BackendClient`, on the paths that resources declare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import Unpack

from synapse.clients.all_rows import AllRows
from synapse.clients.base import BaseClient, Params
from synapse.clients.list_options import ListKeywords
from synapse.clients.page import Page
from synapse.clients.url_conversion import UrlConversion
from synapse.orm.resource import Resource

__all__ = ["BackendBase", "Id"]

Id = int | str
_SLOW_ROWS_SECONDS = 60.0


class BackendBase(BaseClient):
    """Read and write the rows of declared resources."""

    def _get_row(
        self,
        cls: type[Resource],
        key: Id,
        params: Params | None = None,
        *,
        url_conversion: UrlConversion | None = None,
        files_fields: tuple[str, ...] = ("files",),
    ) -> dict[str, Any]:
        """Return the row with an id."""
        schema = cls.__schema__
        row: dict[str, Any] = self._get(
            schema.detail_path(key),
            params,
            url_conversion=url_conversion,
            files_fields=files_fields,
            resource=schema.label(key),
        )
        return row

    def _list_rows(
        self,
        cls: type[Resource],
        params: Params | None,
        url_conversion: UrlConversion | None,
        list_all: bool,
        *,
        part: str = "",
        files_fields: tuple[str, ...] = ("files",),
        is_local: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows:
        """List rows, or one part of each."""
        path = f"{cls.__schema__.list_path}{part}"
        return self._list(
            path,
            params,
            url_conversion,
            list_all,
            files_fields=files_fields,
            is_local=is_local,
            key=cls.__schema__.key,
            **options,
        )

    def _allow_slow_rows(self, options: ListKeywords) -> None:
        """Raise the read timeout of a list with files, whose pages take servers long."""
        if options.get("timeout") is None:
            read = self._transport.settings.timeout.read
            options["timeout"] = max(_SLOW_ROWS_SECONDS, read)

    def _create(
        self, cls: type[Resource], data: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    ) -> Any:
        """Create one row or several."""
        return self._post(cls.__schema__.path, data, resource=f"new {cls.__schema__.name}")

    def _update(self, cls: type[Resource], key: Id, data: Mapping[str, Any]) -> dict[str, Any]:
        """Change fields of a row."""
        schema = cls.__schema__
        row: dict[str, Any] = self._patch(schema.detail_path(key), data, resource=schema.label(key))
        return row

    def _call_action(
        self,
        method: str,
        cls: type[Resource],
        key: Id,
        action: str,
        data: Any = None,
        params: Params | None = None,
    ) -> dict[str, Any]:
        """Call an action of a row."""
        schema = cls.__schema__
        row: dict[str, Any] = self._request(
            method,
            schema.detail_path(key, action),
            json=data,
            params=params,
            resource=schema.label(key),
        )
        return row
