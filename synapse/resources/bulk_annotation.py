"""Annotate many tasks at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import attrs

from synapse._internal.described import (
    Described,
    DescribedTable,
    Description,
    brief,
    summarize,
)
from synapse._internal.interrupts import explain_interrupt
from synapse._internal.json_values import to_json
from synapse._internal.lazy_import import load
from synapse._internal.validate import is_int, validate_int
from synapse.errors import (
    ClientError,
    FieldValueError,
    NotFound,
    UnknownDocument,
    UsageError,
)
from synapse.orm.foreign_objects import refuse_foreign
from synapse.orm.query import Query
from synapse.orm.resource import Resource
from synapse.resources.annotated import write_annotations
from synapse.resources.enums import TaskStatus
from synapse.transport.waiting import CHANGES_IN_FLIGHT

if TYPE_CHECKING:
    from synapse.annotations import Annotation

__all__ = ["AnnotationReport", "BulkAnnotateMixin", "to_document"]

T = TypeVar("T", bound=Resource)
Document: TypeAlias = "Mapping[str, Any] | Iterable[Annotation]"

_BATCH = 500


@attrs.define(repr=False)
class AnnotationReport(Described):
    """Outcome of annotating many tasks.

    Attributes:
        done: Ids of the tasks that were annotated.
        unchanged: Ids of the tasks that had the same document already.
        failed: The reason by id of the task.
    """

    done: list[Any] = attrs.field(factory=list)
    unchanged: list[Any] = attrs.field(factory=list)
    failed: dict[Any, Exception] = attrs.field(factory=dict)

    def __str__(self) -> str:
        counts = self._counts()
        lines = [", ".join(f"{name}: {number:,}" for name, number in counts.items())]
        lines += [f"Task {key}: {error}" for key, error in islice(self.failed.items(), 10)]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return summarize(self, self._counts().items())

    def _describe(self) -> Description:
        rows = [(f"Task {key}", brief(error)) for key, error in islice(self.failed.items(), 10)]
        return Description(
            type(self).__name__,
            fields=[(name, f"{number:,}") for name, number in self._counts().items()],
            table=DescribedTable(("task", "reason"), rows, len(self.failed)) if rows else None,
        )

    def _advise(self) -> str:
        count = f"{len(self.done):,} tasks were annotated."
        return f"{count} Make the same call again for the others."

    def _counts(self) -> dict[str, int]:
        parts = {"annotated": self.done, "unchanged": self.unchanged, "failed": self.failed}
        return {name: len(part) for name, part in parts.items()}


class BulkAnnotateMixin(Query[T]):
    """Adds `bulk_annotate()` to a manager."""

    __slots__ = ()

    def bulk_annotate(
        self,
        documents: Mapping[Any, Document] | Iterable[tuple[Any, Document]],
        action: Literal["submit", "save"] = "submit",
        *,
        schema: Literal["any", "dm_schema_v1"] | None = None,
        workers: int = CHANGES_IN_FLIGHT,
    ) -> AnnotationReport:
        """Store the annotations of many tasks.

        One request for each 500 tasks, which reads what they have, and one for each task whose
        document differs: the server takes one at a time. The same call may be made again, after an
        outage for example: tasks that are done make no request.

        Args:
            documents: Annotations or documents by task or id, or pairs, which may come from a
                generator. Annotations replace those of the task; other parts of its document stay.
            action: `"submit"` completes the tasks, `"save"` keeps them in progress.
            schema: The check of the documents, as for `Task.annotate()`.
            workers: Largest number of requests in flight.

        Returns:
            What became of each task. A task that failed doesn't stop the others.

        Raises:
            AuthenticationError: The server refused the credentials.
            ServerError: The server failed for twenty tasks in a row, or can't be reached.
            UsageError: The action or the number of workers makes no sense.

        Example:
            >>> from synapse.annotations import Label
            >>> documents = {task: [Label(label="rain")] for task in project.tasks}
            >>> print(project.tasks.bulk_annotate(documents))
            annotated: 2, unchanged: 0, failed: 0
        """
        if action not in ("submit", "save"):
            raise UsageError(f"action={action!r} is not valid. Pass 'submit' or 'save'.")
        validate_int("workers", workers)
        report = AnnotationReport()

        def annotate(item: tuple[Any, dict[str, Any]]) -> None:
            task, document = item
            task.annotate(document, action, schema=schema)

        waiting = self._find_waiting(documents, action, report)
        with explain_interrupt(report._advise):
            try:
                for outcome in load("synapse.orm.bulk_changes").report_each(
                    self._session, annotate, waiting, workers
                ):
                    key = outcome.item[0]._key
                    if outcome.error is None:
                        report.done.append(key)
                    elif isinstance(outcome.error, Exception):
                        report.failed[key] = outcome.error
            except ClientError as error:
                error.hint = error.hint or report._advise()
                raise
        return report

    def _read_batches(
        self, documents: Mapping[Any, Document] | Iterable[tuple[Any, Document]]
    ) -> Iterator[dict[Any, Document]]:
        to_key = self._resource.__schema__.to_key
        pairs = iter(documents.items() if isinstance(documents, Mapping) else documents)
        batch: dict[Any, Document] = {}
        while part := list(islice(pairs, _BATCH)):
            # Tasks of the batch before may still be in flight.
            before, batch = batch, {}
            for task, document in part:
                refuse_foreign(self._session, task)
                key = task._key if isinstance(task, Resource) else to_key(task)
                if key in batch or key in before:
                    raise UsageError(
                        f"Task {key} is named twice. Give its annotations in one list."
                    )
                batch[key] = document
            yield batch

    def _find_waiting(
        self,
        documents: Mapping[Any, Document] | Iterable[tuple[Any, Document]],
        action: Literal["submit", "save"],
        report: AnnotationReport,
    ) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Yield the tasks whose documents differ with the new ones; report the other tasks."""
        for batch in self._read_batches(documents):
            tasks: dict[Any, Any] = self.in_bulk([key for key in batch if is_int(key)])
            for key, document in batch.items():
                task = tasks.get(key)
                if not is_int(key):
                    report.failed[key] = UsageError(
                        f"{key!r} is not a task. Pass tasks or their ids as keys."
                    )
                    continue
                if task is None:
                    report.failed[key] = NotFound(
                        404, "no such task in this list", resource=f"Task {key}"
                    )
                    continue
                try:
                    new = to_document(task, document)
                except (FieldValueError, UnknownDocument, UsageError) as error:
                    report.failed[key] = error
                    continue
                is_ready = action == "save" or task.status == TaskStatus.COMPLETED
                if is_ready and task.data == new:
                    report.unchanged.append(key)
                else:
                    yield task, new


def to_document(task: Any, document: Any) -> Any:
    """Return the document to send for a task, from a document or from annotations.

    Raises:
        UsageError: The document is neither.
        FieldValueError: A part can't be sent as JSON.
        UnknownDocument: The task's own document has an unknown form.
    """
    if not isinstance(document, Mapping):
        if isinstance(document, str) or not isinstance(document, Iterable):
            kind = type(document).__name__
            raise UsageError(f"document is a {kind}. Pass a mapping, or a list of annotations.")
        document = write_annotations(task, document)
    return to_json(document, "document")
