"""Annotation endpoints: projects, tasks and task tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import Unpack

from synapse._internal.threads import run_each
from synapse._internal.validate import validate_int
from synapse.clients.all_rows import AllRows
from synapse.clients.backend.base import BackendBase, Id
from synapse.clients.base import Params
from synapse.clients.keyword_aliases import check_spellings
from synapse.clients.list_method import typed_list, typed_part_list
from synapse.clients.list_options import ListKeywords
from synapse.clients.page import Page
from synapse.clients.url_conversion import UrlConversion
from synapse.errors import SynapseError, UsageError
from synapse.resources.projects import Project
from synapse.resources.task_tags import TaskTag
from synapse.resources.tasks import Task

__all__ = ["AnnotationClientMixin"]

_MOST_WORKERS = 10


class AnnotationClientMixin(BackendBase):
    """Projects, tasks and task tags."""

    def get_project(self, project_id: Id, params: Params | None = None) -> dict[str, Any]:
        """Return a project. One request.

        Args:
            project_id: Id of the project.
            params: Query parameters, such as `expand`.

        Raises:
            NotFound: No project has this id.
        """
        return self._get_row(Project, project_id, params)

    @typed_list
    def list_projects(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows:
        """List projects. One request, or with `list_all` one for each page.

        Args:
            params: Filters, `page`, `page_size`, `ordering` and so on.
            url_conversion: Rule for rewriting file URLs.
            list_all: Whether to return all rows instead of one page.
            **options: `page_size`, `timeout` and others, see `ListOptions`.
        """
        return self._list_rows(Project, params, url_conversion, list_all, **options)

    def create_project(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Create a project. One request.

        Args:
            data: Fields of the project; at least `title` and `category`.

        Raises:
            ValidationError: The server refused a field.
        """
        row: dict[str, Any] = self._create(Project, data)
        return row

    def get_task(self, task_id: Id, params: Params | None = None) -> dict[str, Any]:
        """Return a task. One request.

        Args:
            task_id: Id of the task.
            params: Query parameters, such as `{"expand": "data_unit"}`.

        Raises:
            NotFound: No task has this id.
        """
        return self._get_row(Task, task_id, params)

    @typed_list
    def list_tasks(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows:
        """List tasks with the files of their data units. One request, or one per page.

        Args:
            params: Filters such as `project` and `status`, `page`, `page_size`, `ordering`.
            url_conversion: Rule for rewriting the URLs in `files`.
            list_all: Whether to return all rows instead of one page.
            **options: `page_size`, `timeout` and others, see `ListOptions`.

        Example:
            >>> client.list_tasks(params={"project": project.id})["count"]
            2
        """
        return self._list_rows(Task, params, url_conversion, list_all, **options)

    @typed_part_list
    def list_tasks_data(
        self,
        params: Params | None = None,
        list_all: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows:
        """List the documents of tasks, without their files. One request, or one per page.

        Args:
            params: Filters, `page`, `page_size`, `ordering`.
            list_all: Whether to return all rows instead of one page.
            **options: `page_size`, `timeout` and others, see `ListOptions`.

        Returns:
            Rows with `id` and `data`.
        """
        return self._list_rows(Task, params, None, list_all, part="data/", **options)

    @typed_list
    def list_tasks_files(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows:
        """List the files of tasks, without their documents. One request, or one per page.

        Args:
            params: Filters, `page`, `page_size`, `ordering`.
            url_conversion: Rule for rewriting the URLs in `files`, a list.
            list_all: Whether to return all rows instead of one page.
            **options: `page_size`, `timeout` and others, see `ListOptions`.
        """
        return self._list_rows(Task, params, url_conversion, list_all, part="files/", **options)

    def create_tasks(self, data: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Any:
        """Create one task or several. One request.

        Args:
            data: Fields of a task (at least `project` and `data_unit`), or a list of such.

        Returns:
            The task or the list of tasks, as the server sent them.

        Raises:
            ValidationError: The server refused a task and created none.
        """
        return self._create(Task, data)

    def annotate_task_data(
        self, task_id: Id, data: Mapping[str, Any], schema: str | None = None
    ) -> dict[str, Any]:
        """Store a task's annotation document. One request.

        Args:
            task_id: Id of the task.
            data: Annotation document, or `{"action": "submit" or "save", "data": document}`.
            schema: Schema by which the server checks the document; `"any"` checks nothing.

        Returns:
            The task.

        Raises:
            NotFound: No task has this id.
            ValidationError: The server refused the document.
        """
        params = {} if schema is None else {"schema": schema}
        return self._call_action("PUT", Task, task_id, "annotate_task_data/", data, params)

    def annotate_task_data_batch(
        self, items: Sequence[Mapping[str, Any]], *, max_workers: int | None = None
    ) -> dict[Any, dict[str, Any]]:
        """Store the annotation documents of many tasks. One request for each task.

        A failed task doesn't stop the others.

        Args:
            items: `{"task_id", "data"}` for each task, and optionally `schema`.
            max_workers: Requests in flight; by default at most 10.

        Returns:
            `{"success", "error", "response"}` by the id of the task.

        Raises:
            UsageError: An item has no `task_id` or no `data`; no request was made.
        """
        for number, item in enumerate(items):
            missing = {"task_id", "data"} - set(item)
            if missing:
                raise UsageError(f"items[{number}] has no {min(missing)!r}. Give it both.")
        workers = min(len(items), _MOST_WORKERS) if max_workers is None else max_workers

        def annotate(item: Mapping[str, Any]) -> dict[str, Any]:
            try:
                row = self.annotate_task_data(item["task_id"], item["data"], item.get("schema"))
            except SynapseError as error:
                return {"success": False, "error": str(error), "response": None}
            return {"success": True, "error": None, "response": row}

        if not items:
            return {}
        validate_int("max_workers", workers)
        answers = run_each(annotate, items, workers, "synapse-annotate")
        return {item["task_id"]: answer for item, answer in zip(items, answers, strict=True)}

    def set_tags_tasks(self, data: Mapping[str, Any], params: Params | None = None) -> Any:
        """Add tags to tasks or remove them. One request.

        Args:
            data: `{"ids": [...], "tags": [...], "action": "add" or "remove"}`; the keys `task_ids`
                and `tag_ids` add tags.
            params: Query parameters.

        Raises:
            UsageError: Two spellings of a key differ; no request was made.
            ValidationError: A task or tag doesn't exist.
        """
        check_spellings(data, task_ids="ids", tag_ids="tags")
        return self._post(f"{Task.__schema__.path}set_tags/", data, params)

    def get_task_tag(self, tag_id: Id, params: Params | None = None) -> dict[str, Any]:
        """Return a tag. One request.

        Args:
            tag_id: Id of the tag.
            params: Query parameters.

        Raises:
            NotFound: No tag has this id.
        """
        return self._get_row(TaskTag, tag_id, params)

    @typed_list
    def list_task_tags(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows:
        """List tags. One request, or with `list_all` one for each page.

        Args:
            params: Filters such as `project`, `page`, `page_size`, `ordering`.
            url_conversion: Rule for rewriting file URLs.
            list_all: Whether to return all rows instead of one page.
            **options: `page_size`, `timeout` and others, see `ListOptions`.
        """
        return self._list_rows(TaskTag, params, url_conversion, list_all, **options)
