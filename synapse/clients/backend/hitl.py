"""Human-in-the-loop endpoints: assignments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import Unpack

from synapse.clients.all_rows import AllRows
from synapse.clients.backend.base import BackendBase, Id
from synapse.clients.base import Params
from synapse.clients.keyword_aliases import check_spellings
from synapse.clients.list_method import typed_list, typed_part_list
from synapse.clients.list_options import ListKeywords
from synapse.clients.page import Page
from synapse.clients.url_conversion import UrlConversion
from synapse.resources.assignments import Assignment

__all__ = ["HITLClientMixin"]


class HITLClientMixin(BackendBase):
    """Assignments of tasks to annotators."""

    def get_assignment(self, assignment_id: Id, params: Params | None = None) -> dict[str, Any]:
        """Return an assignment. One request.

        Args:
            assignment_id: Id of the assignment.
            params: Query parameters.

        Raises:
            NotFound: No assignment has this id.
        """
        return self._get_row(Assignment, assignment_id, params)

    @typed_list
    def list_assignments(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows:
        """List assignments with their files. One request, or one per page.

        Args:
            params: Filters such as `project`, `status` and `assignee`, `page`, `page_size`.
            url_conversion: Rule for rewriting the URLs in `files`.
            list_all: Whether to return all rows instead of one page.
            **options: `page_size`, `timeout` and others, see `ListOptions`.
        """
        return self._list_rows(Assignment, params, url_conversion, list_all, **options)

    @typed_part_list
    def list_assignments_data(
        self,
        params: Params | None = None,
        list_all: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows:
        """List the documents of assignments, without their files. One request, or one per page.

        Args:
            params: Filters, `page`, `page_size`, `ordering`.
            list_all: Whether to return all rows instead of one page.
            **options: `page_size`, `timeout` and others, see `ListOptions`.

        Returns:
            Rows with `id` and `data`.
        """
        return self._list_rows(Assignment, params, None, list_all, part="data/", **options)

    @typed_list
    def list_assignments_files(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows:
        """List the files of assignments, without their documents. One request, or one per page.

        Args:
            params: Filters, `page`, `page_size`, `ordering`.
            url_conversion: Rule for rewriting the URLs in `files`, a list.
            list_all: Whether to return all rows instead of one page.
            **options: `page_size`, `timeout` and others, see `ListOptions`.
        """
        return self._list_rows(
            Assignment, params, url_conversion, list_all, part="files/", **options
        )

    def set_tags_assignments(self, data: Mapping[str, Any], params: Params | None = None) -> Any:
        """Add tags to assignments or remove them. One request.

        Args:
            data: `{"assignment_ids": [...], "tag_ids": [...]}` to add, or
                `{"ids": [...], "tags": [...], "action": "add" or "remove"}`.
            params: Query parameters.

        Raises:
            UsageError: Two spellings of a key differ; no request was made.
            ValidationError: An assignment or tag doesn't exist.
        """
        check_spellings(data, ids="assignment_ids", tags="tag_ids")
        return self._post(f"{Assignment.__schema__.path}set_tags/", data, params)
