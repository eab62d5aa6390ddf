"""The lists for scripts: ``sdk/tasks/``, ``sdk/assignments/``, ``sdk/ground_truth_events/``."""

# ruff: noqa: ARG002 (the signatures are the framework's)

from collections.abc import Callable
from typing import Any

from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from synapse.emulator.api.base import ResourceViewSet
from synapse.emulator.pagination import CursorPagination


class ScriptListViewSet(mixins.ListModelMixin, ResourceViewSet):
    """A list with cursors, and with the documents or the files alone."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.query_params.get("pagination") == "cursor":
            self.pagination_class = CursorPagination

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
        return self.get_paginated_response(
            [{"id": row["id"], name: change(row[name])} for row in rows]
        )
