"""Data sets of common formats in and out of a project."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from synapse._internal.lazy_import import load
from synapse.orm.resource import Resource

if TYPE_CHECKING:
    from synapse.formats import FormatReport
    from synapse.formats.samples import ImageMode
    from synapse.resources.project_import import ImportReport
    from synapse.resources.tasks import Task
    from synapse.transfer.progress import ProgressArgument

__all__ = ["DataSetMixin", "SplitArgument"]

SplitArgument: TypeAlias = "str | Mapping[str, float] | Callable[[Task], str | None] | None"


class DataSetMixin(Resource):
    """Adds `export()` and `import_from()` to a project."""

    __slots__ = ()

    def export(
        self,
        folder: str | os.PathLike[str],
        format: str = "coco",  # noqa: A002 - the word that people know
        *,
        tasks: Iterable[Task] | None = None,
        classes: Sequence[str] | None = None,
        split: SplitArgument = None,
        images: ImageMode = "copy",
        strict: bool = False,
        workers: int = 8,
        progress: ProgressArgument = None,
        resume: bool = True,
        **options: Any,
    ) -> FormatReport:
        """Write tasks and their pictures as a data set of a common format.

        One request for each page of tasks, and one for each picture that the folder lacks. After an
        interrupt, a failed request or the death of the program, the same call goes on after the
        stored tasks, which stay as they were: one request to find out whether the server can, one
        for each page, and one for each stored hundred of which a picture is missing or the program
        holds other values. Tasks in another order than the id's, slices, tasks with more expanded
        relations than the unit, and those of servers without bounds on the id are listed again from
        the start.

        A list of tasks whose units aren't loaded takes one request more for each hundred. Memory
        stays flat for any number of tasks. Afterwards the folder has exactly the files of this
        export: those of an earlier one are removed.

        Args:
            folder: The folder, which is made if necessary: an empty one, or that of an earlier
                export.
            format: Name of the format, see `synapse.formats.FORMATS`.
            tasks: A query or list of tasks without unsaved changes; by default all tasks of the
                project, by id.
            classes: Names of the classes, in the order of their indices; by default those of the
                project's configuration, which an import fills if there are none, then others that
                annotations have, by name. Classes that this project lacks may be among them.
            split: Part of the data set for each task: a name for all; shares such as
                `{"train": 0.8, "val": 0.2}`, which always divide the same units alike; or a
                function of the task, whose files may lack URLs. By default the splits that an
                import noted in the units' `meta`; the names of pictures come from there, too.
            images: `"copy"`, `"link"` for hard links where possible, or `"none"`.
            strict: Whether the first loss is an error instead of a line of the report.
            workers: Number of pictures in flight.
            progress: As for `DataCollection.upload()`; shows the download of the pictures.
            resume: Whether to go on after the tasks that a stopped call has stored; `False` removes
                them.
            **options: Arguments of the format.

        Returns:
            A report of what was written, skipped and changed, with reasons.

        Raises:
            DataLost: `strict` is set, and the format can't hold a part.
            TypeError: The format has no such option.
            UsageError: The format is unknown, an argument is not valid, a name in `classes` is
                misspelt, a task is of another project or has unsaved changes, a stopped call has
                stored tasks of another query, or the folder has files that no export wrote.
            ClientError: The tasks can't be read.
            OSError: A file can't be written.

        Example:
            >>> report = project.export(Path("set"), "coco", images="none")
            >>> report.skipped  # the tasks of the example have texts
            Counter({'no-picture': 2})
        """
        report: FormatReport = load("synapse.resources.project_export").export_project(
            self,
            folder,
            format,
            tasks=tasks,
            classes=classes,
            split=split,
            images=images,
            strict=strict,
            workers=workers,
            progress=progress,
            resume=resume,
            options=options,
        )
        return report

    def import_from(
        self,
        folder: str | os.PathLike[str],
        format: str = "auto",  # noqa: A002 - the word that people know
        *,
        strict: bool = False,
        workers: int = 8,
        progress: ProgressArgument = None,
        **options: Any,
    ) -> ImportReport:
        """Upload a data set: pictures as units of the project's collection, annotations as tasks.

        The requests of `DataCollection.upload()`, and three for the newest task and the classes;
        annotations are sent with the tasks, up to 200 tasks in one request. The same call continues
        an import that ended early. The tasks of pictures that are empty by the data set are
        completed; those of pictures without labels are pending.

        A further call reads the project's tasks, one request for each page, and fills tasks that
        wait for labels which the data set has by now, one request each. Tasks with other
        annotations than the data set keep them, and count as `differs`.

        A configuration without classes gets those of the data set; one with classes keeps them, and
        the report names the missing ones.

        Args:
            folder: The folder of the data set.
            format: Name of the format; by default the folder's files tell.
            strict: Whether the first loss is an error instead of a line of the report.
            workers: Number of files in flight.
            progress: As for `DataCollection.upload()`.
            **options: Arguments of the format.

        Returns:
            Reports of what was read, skipped and changed, and of the upload.

        Raises:
            DataLost: `strict` is set, and a part can't be read.
            TypeError: The format has no such option.
            UsageError: The folder has none or several of the formats, or the project has no
                collection with pictures.
            SynapseError: As for `DataCollection.upload()`.
        """
        report: ImportReport = load("synapse.resources.project_import").import_data_set(
            self, folder, format, strict=strict, workers=workers, progress=progress, options=options
        )
        return report
