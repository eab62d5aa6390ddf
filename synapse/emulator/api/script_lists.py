"""The lists for scripts: ``sdk/tasks/``, ``sdk/assignments/``, ``sdk/ground_truth_events/``."""

# ruff: noqa: ARG002 (the signatures are the framework's)

from collections.abc import Callable
from typing import Any

from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from synapse.emulator.api.base import ResourceViewSet
from synapse.emulator.behaviour_answers import behaviour_of
from synapse.emulator.pagination import CursorPagination
from synapse.emulator.payloads import Payload


class ScriptListViewSet(mixins.ListModelMixin, ResourceViewSet):
    """A list with cursors, and with the documents or the files alone."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.query_params.get("pagination") == "cursor":
            self.pagination_class = CursorPagination

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        rows = self.get_serializer(page, many=True).data
        return self.get_paginated_response(self._point(page, rows))

    @action(detail=False)
    def data(self, request: Request) -> Response:
        """Answer the documents: rows ``{id, data}``."""
        return self._list_part("data", lambda value: value)

    @action(detail=False)
    def files(self, request: Request) -> Response:
        """Answer the files: rows ``{id, files}``, the files as a list with their names."""
        return self._list_part(
            "files", lambda files: [{"name": name, **file} for name, file in files.items()]
        )

    def _list_part(self, name: str, change: Callable[[Any], Any]) -> Response:
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        rows = self.get_serializer(page, many=True, fields=["id", name]).data
        parts = [{"id": row["id"], name: change(row[name])} for row in rows]
        return self.get_paginated_response(self._point(page, parts))

    def _point(self, page: Any, rows: Any) -> Any:
        """Put pointers in place of documents, as ``response_mode`` says."""
        mode = self.request.query_params.get("response_mode")
        if not mode:
            return rows
        if mode not in ("presigned", "inline"):
            raise ValidationError({"response_mode": [f'"{mode}" is not a valid choice.']})
        limit = behaviour_of(self.request).inline_limit if mode == "inline" else -1
        for row, shown in zip(page, rows, strict=True):
            if shown.get("data") is None:
                continue
            payload = Payload(row)
            if payload.size <= limit:
                continue
            url = payload.build_url(self.request)
            shown["data"] = (
                {"mode": mode, "truncated": True, "presigned_url": url}
                if mode == "inline"
                else {
                    "mode": mode,
                    "presigned_url": url,
                    "size": payload.size,
                    "data_digest": payload.digest,
                }
            )
        return rows
