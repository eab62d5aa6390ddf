"""Annotation: projects, tasks and their tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synapse.clients.backend.base import BackendBase, Id
from synapse.clients.base import Params
from synapse.clients.page import Page
from synapse.clients.url_conversion import UrlConversion
from synapse.resources.projects import Project
from synapse.resources.task_tags import TaskTag
from synapse.resources.tasks import Task

__all__ = ["AnnotationClientMixin"]


class AnnotationClientMixin(BackendBase):
    """Projects, tasks and their tags."""

    def get_project(self, project_id: Id, params: Params | None = None) -> dict[str, Any]:
        """Return a project. One request.

        Args:
            project_id: Its id.
            params: Query parameters, such as `expand`.

        Raises:
            NotFound: There is no such project.
        """
        return self._one(Project, project_id, params)

    def list_projects(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
    ) -> Page | list[dict[str, Any]]:
        """List projects. One request, or with `list_all` one for each page.

        Args:
            params: Filters, `page`, `page_size`, `ordering` and so on.
            url_conversion: How to rewrite file URLs.
            list_all: Whether to answer all rows as a list, instead of one page.
        """
        return self._rows(Project, params, url_conversion, list_all)

    def create_project(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Make a project. One request.

        Args:
            data: Its fields; `title` and `category` at least.

        Raises:
            ValidationError: The server refused a field.
        """
        row: dict[str, Any] = self._make(Project, data)
        return row

    def get_task(self, task_id: Id, params: Params | None = None) -> dict[str, Any]:
        """Return a task. One request.

        Args:
            task_id: Its id.
            params: Query parameters, such as `{"expand": "data_unit"}`.

        Raises:
            NotFound: There is no such task.
        """
        return self._one(Task, task_id, params)

    def list_tasks(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
    ) -> Page | list[dict[str, Any]]:
        """List tasks, with their data units' files. One request, or one for each page.

        Args:
            params: Filters such as `project` and `status`, `page`, `page_size`, `ordering`.
            url_conversion: How to rewrite the URLs in `files`.
            list_all: Whether to answer all rows as a list, instead of one page.

        Example:
            >>> client = getfixture("client")
            >>> project = getfixture("project")
            >>> client.list_tasks(params={"project": project.id})["count"]
            2
        """
        return self._rows(Task, params, url_conversion, list_all)

    def create_tasks(self, data: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Any:
        """Make a task, or several. One request.

        Args:
            data: The fields of one, or a list of those: `project` and `data_unit` at least.

        Returns:
            The task, or the list of them, as the server answers.

        Raises:
            ValidationError: The server refused one, and made none.
        """
        return self._make(Task, data)

    def annotate_task_data(self, task_id: Id, data: Mapping[str, Any]) -> dict[str, Any]:
        """Store a task's annotation document. One request.

        Args:
            task_id: The task's id.
            data: The document.

        Returns:
            The task.

        Raises:
            NotFound: There is no such task.
            ValidationError: The server refused the document.
        """
        return self._act("PUT", Task, task_id, "annotate_task_data/", data)

    def set_tags_tasks(self, data: Mapping[str, Any], params: Params | None = None) -> Any:
        """Add tags to tasks, or take them off. One request.

        Args:
            data: `{"ids": [...], "tags": [...], "action": "add" or "remove"}`; `task_ids` and
                `tag_ids` work as well, and mean adding.
            params: Query parameters.

        Raises:
            ValidationError: A task or tag doesn't exist.
        """
        return self._post(f"{Task.__schema__.path}set_tags/", data, params)

    def get_task_tag(self, tag_id: Id, params: Params | None = None) -> dict[str, Any]:
        """Return a tag. One request.

        Args:
            tag_id: Its id.
            params: Query parameters.

        Raises:
            NotFound: There is no such tag.
        """
        return self._one(TaskTag, tag_id, params)

    def list_task_tags(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
    ) -> Page | list[dict[str, Any]]:
        """List tags. One request, or with `list_all` one for each page.

        Args:
            params: Filters such as `project`, `page`, `page_size`, `ordering`.
            url_conversion: How to rewrite file URLs.
            list_all: Whether to answer all rows as a list, instead of one page.
        """
        return self._rows(TaskTag, params, url_conversion, list_all)
