"""Mixins that upload and download files: of collections, projects, models and releases."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal

from synapse._internal.json_values import to_json
from synapse._internal.validate import is_int
from synapse.errors import UsageError
from synapse.orm import registry
from synapse.orm.fields import MISSING, ids_of
from synapse.orm.foreign_objects import refuse_foreign
from synapse.orm.resource import Resource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from synapse.transfer.bulk.report import DownloadReport, OnError, SyncReport, UploadReport
    from synapse.transfer.bulk.sync_options import OnChange
    from synapse.transfer.bulk.upload_item import Specification
    from synapse.transfer.bulk.uploader import Endpoints, SkipExisting, UploadTarget
    from synapse.transfer.progress import ProgressArgument

__all__ = ["DownloadTasksMixin", "DownloadUnitsMixin", "FileDownloadMixin", "UploadUnitsMixin"]


class UploadUnitsMixin(Resource):
    """Adds `upload()` and `sync()` to a collection."""

    __slots__ = ()

    def upload(
        self,
        source: str
        | os.PathLike[str]
        | Iterable[str | os.PathLike[str]]
        | Iterable[Mapping[str, Any]],
        *,
        project: Any = None,
        workers: int = 8,
        progress: ProgressArgument = None,
        on_error: OnError = "collect",
        match: Callable[[Path], str | None] | Mapping[str, str] | None = None,
        ignore: str | Iterable[str] | None = None,
        columns: Mapping[str, str] | None = None,
        journal: str | os.PathLike[str] | None = None,
        skip_existing: SkipExisting = True,
        dry_run: bool = False,
    ) -> UploadReport:
        """Upload many files as data units, and create tasks if a project is given.

        The same call continues an upload that ended early, however that ended, also on another
        machine: nothing is created twice, and no file is sent twice. A unit of the collection with
        the same files (names and content) and the same `meta` counts as done, whoever created it.

        Two requests, one for each 500 files to ask which the server has, one for each missing file
        (or as chunks need), and for each 200 records one for the units and one for the tasks. An
        upload that finds everything done makes two requests, or three with a project. One more for
        each 500 units that the journal doesn't know: a new one knows none. Their tasks cost one for
        each 100 units if the project has tasks that the journal doesn't know.

        Files go straight to the storage where the server's default storage takes presigned uploads:
        two more requests for each batch of small files, and for each file above 8 MiB. The first
        upload of a session that sends files costs one more, which asks for the default storage.

        Args:
            source: A folder; a pattern such as `"photos/**/*.png"`; a manifest (`.csv`, `.jsonl`
                or `.parquet`); an iterable of paths; or one of records, each
                `{"files": {specification: path}, "meta": {...}}`, with `"task": {...}` for values
                of the unit's task, such as `data` and `status`. All are read lazily.
            project: The project, or an id, that gets a task for each unit.
            workers: Number of files in flight.
            progress: `None` shows a bar on a terminal, `False` nothing; a function is called with
                the bytes done and the bytes known.
            on_error: `"collect"` continues after a failure and reports the failure, `"raise"` stops
                at the first.
            match: Names of specifications by pattern of the path, such as
                `{"images/*.jpg": "image", "masks/*_m.png": "mask"}`: `*` stands for characters of
                one name, `**` for any folders, `.*` at the end for any extension, and a name
                without wildcards for the files of that folder. The first pattern that matches
                decides; files with the same text at the wildcards form a unit. Or a function of the
                path that returns the name, or `None` to leave the file out. By default folders,
                names and file types decide.
            ignore: Patterns of files and folders that are left out, such as `["docs", "*.bak"]`.
                Hidden files, and those that systems leave, such as `Thumbs.db`, are always left
                out.
            columns: Names of specifications by column of a manifest, such as
                `{"file_name": "image"}`; columns with the name of a specification need no entry.
            journal: File that stores the progress; by default one in the user's state folder for
                this server, collection and source.
            skip_existing: `False` sends every file, and creates every unit that isn't in the
                journal; `"files"` doesn't send the files that the server has.
            dry_run: Whether only to read the source, and to send nothing. What the server has
                already is not compared; `sync(dry_run=True)` does that.

        Returns:
            A report of created, existing and failed files and units, with reasons.

        Raises:
            UsageError: The source is unusable, a pattern matches nothing, or a record lacks a file
                for a required specification. A source that can be read twice is checked as a whole
                before anything is sent; of another, such as a generator, the first 1,000 records.
            JournalInUse: Another upload of the same source is running.
            MissingExtra: The manifest is Parquet, and `pyarrow` isn't installed.
            SynapseError: The first failure, if `on_error` is `"raise"`; or, in either case, a
                failure after which nothing can succeed: the server is away, or refuses the token.

        Example:
            >>> folder = Path("texts")
            >>> folder.mkdir()
            >>> for name in ["a", "b"]:
            ...     _ = (folder / f"{name}.txt").write_text(name)
            >>> report = unit.data_collection.upload(folder)
            >>> report.created, report.failed
            (2, [])
        """
        from synapse.transfer.bulk.uploader import upload_many

        return upload_many(
            self._session.transport,
            self._read_target(project),
            source,
            workers=workers,
            progress=progress,
            on_error=on_error,
            match=match,
            ignore=ignore,
            columns=columns,
            journal=journal,
            skip_existing=skip_existing,
            dry_run=dry_run,
        )

    def sync(
        self,
        source: str
        | os.PathLike[str]
        | Iterable[str | os.PathLike[str]]
        | Iterable[Mapping[str, Any]],
        *,
        key: str = "path",
        project: Any = None,
        on_change: OnChange = "new",
        annotations: Literal["move", "review"] = "move",
        delete: Literal[False, True, "annotated"] = False,
        scope: str | None = None,
        max_delete: float = 0.5,
        dry_run: bool = False,
        workers: int = 8,
        progress: ProgressArgument = None,
        on_error: OnError = "collect",
        match: Callable[[Path], str | None] | Mapping[str, str] | None = None,
        ignore: str | Iterable[str] | None = None,
        columns: Mapping[str, str] | None = None,
        journal: str | os.PathLike[str] | None = None,
    ) -> SyncReport:
        """Bring the collection up to date with a source, as often as wanted.

        A sync identifies units by a key. Each run compares the source with the server's units; the
        journal only saves reading unchanged files, so a new machine creates nothing twice.

        Two programs that create the same unit at the same moment both succeed, because the server
        has no unique keys. Each batch is compared again right before its request, so this moment
        lasts milliseconds; the report names units that exist twice.

        One request, one for each 500 units of the collection, and with a project one for each 1,000
        of its tasks: a run that finds nothing to create, move or delete makes no others. New units
        take the requests of `upload()`, and one more for each 200. Each unit that is replaced or
        deleted takes three, and one more for each of its tasks.

        Args:
            source: As for `upload()`.
            key: The value that identifies a unit: `"path"`, the path below the source, in any
                Unicode form; or a value of `meta`, such as `"meta.coco_id"`. If a unit has several
                files, the path of the primary or first required file counts.
            project: The project, or an id, that gets a task for each unit.
            on_change: The action if files, or values of `meta`, differ: `"new"` creates a unit,
                with a task, beside the old unit; `"replace"` creates a unit, moves the tasks with
                their annotations to the new unit, and deletes the old one; `"skip"` only reports.
            annotations: For `on_change="replace"`: `"review"` sets moved tasks that were done to
                `pending`, so that somebody looks at them again; `"move"` keeps the status.
            delete: Whether to delete units that the source lacks, with their tasks that nobody has
                begun. `True` keeps units with other tasks; `"annotated"` deletes these units as
                well, which may delete their tasks. Units with ground truths always stay.
            scope: Pattern of the keys that may be deleted, such as `"berlin/*"`, or a folder; by
                default all units with a key. Paths that `ignore` covers are never deleted.
            max_delete: Largest part of the units in the scope, from 0 to 1, that one run may
                delete. If more units are gone, a record failed or the source is empty, nothing is
                deleted.
            dry_run: Whether only to report the changes, and to make none.
            workers: As for `upload()`.
            progress: As for `upload()`.
            on_error: As for `upload()`.
            match: As for `upload()`.
            ignore: As for `upload()`.
            columns: As for `upload()`.
            journal: As for `upload()`.

        Returns:
            A report that counts and lists new, changed, unchanged and gone units.

        Raises:
            UsageError: As for `upload()`; or an option isn't valid.
            JournalInUse: Another upload or sync of the same source is running.
            MissingExtra: As for `upload()`.
            SynapseError: As for `upload()`.

        Example:
            >>> folder = Path("nightly")
            >>> folder.mkdir()
            >>> _ = (folder / "a.txt").write_text("a")
            >>> collection = unit.data_collection
            >>> report = collection.sync(folder)
            >>> [entry.key for entry in report.new], len(report.unchanged)
            (['a.txt'], 0)
            >>> len(collection.sync(folder).unchanged)
            1
        """
        from synapse.transfer.bulk.sync_options import SyncOptions
        from synapse.transfer.bulk.sync_run import sync_many

        options = SyncOptions(
            key=key,
            on_change=on_change,
            annotations=annotations,
            delete=delete,
            scope=scope,
            max_delete=max_delete,
            dry_run=dry_run,
        )
        return sync_many(
            self._session.transport,
            self._read_target(project),
            source,
            options,
            workers=workers,
            progress=progress,
            on_error=on_error,
            match=match,
            ignore=ignore,
            columns=columns,
            journal=journal,
        )

    def _read_target(self, project: Any) -> UploadTarget:
        """Return the destination of an upload. One request."""
        from synapse.transfer.bulk.uploader import UploadTarget

        refuse_foreign(self._session, project)
        _check_collection(project, self)
        row = self._ask(
            "GET",
            type(self).__schema__.detail_path(self._key),
            params=[("expand", "file_specifications")],
        )
        self._take(row)
        return UploadTarget(
            collection=self._key,
            created=str(row.get("created")),
            specifications=_parse_specifications(row),
            project=None if project is None else _project_id(project),
            endpoints=_endpoints(),
        )


class DownloadUnitsMixin(Resource):
    """Adds `download()` to a collection."""

    __slots__ = ()

    def download(
        self,
        dest: str | os.PathLike[str],
        *,
        workers: int = 8,
        progress: ProgressArgument = None,
        dry_run: bool = False,
        resume: bool = True,
    ) -> DownloadReport:
        """Download all files of the collection.

        Each file goes to `dest/<unit id>/<name>`, and appears there complete, with the right size
        and checksum. `dest/units.jsonl` has a line for each unit, with `id`, the paths of the
        files and `meta`. Existing files aren't fetched again.

        `units.jsonl` appears when all files were tried. Until then, the lines are in
        `dest/.units.jsonl.part`. After an interrupt, a failure or the death of the program, the
        same call lists only the units after the last stored line, and fetches the missing files.
        Stored lines stay as they were. If the server lists in another order than the id's, or
        has no bounds on the id, the call lists all units again.

        One request for each page of units, and one for each missing file. A call that goes on makes
        one for each page after the stored ones, and one for each stored page that misses a file.

        Args:
            dest: The folder; created if necessary.
            workers: Number of files in flight.
            progress: As for `upload()`.
            dry_run: Whether only to list and compare, and to fetch and write nothing.
            resume: Whether to go on after the lines of a stopped call; `False` removes them.

        Returns:
            A report of fetched, existing and failed files, with reasons. A failed file doesn't stop
            the others.

        Raises:
            UsageError: `dest` can't be a folder, or a stopped call has stored lines of another
                collection.
            ClientError: The units can't be listed, or the server is away.

        Example:
            >>> collection = unit.data_collection
            >>> report = collection.download(Path("copy"))
            >>> report.downloaded, report.failed
            (1, [])
        """
        from synapse.transfer.bulk.downloader import download_units

        return download_units(
            self._session.transport,
            _endpoints().units,
            self._key,
            dest,
            workers=workers,
            progress=progress,
            dry_run=dry_run,
            resume=resume,
            page_size=self._session.page_size,
        )


class DownloadTasksMixin(Resource):
    """Adds `download()` to a project."""

    __slots__ = ()

    def download(
        self,
        dest: str | os.PathLike[str],
        *,
        workers: int = 8,
        progress: ProgressArgument = None,
        dry_run: bool = False,
        resume: bool = True,
    ) -> DownloadReport:
        """Download the annotations of the project's tasks, and the annotated files.

        Each file goes to `dest/<unit id>/<name>`, as for a collection. `dest/annotations.jsonl` has
        a line for each task: the id as `task`, `status` and `data`, the unit's id as
        `data_unit`, the paths of the `files` and the unit's `meta`. A stopped download goes on as
        that of a collection: after the last line in `dest/.annotations.jsonl.part`.

        One request for each page of tasks, and one for each missing file. A call that goes on makes
        one for each page after the stored ones, and one for each stored page that misses a file.

        Args:
            dest: The folder; created if necessary.
            workers: Number of files in flight.
            progress: As for `DataCollection.upload()`.
            dry_run: Whether only to list and compare, and to fetch and write nothing.
            resume: Whether to go on after the lines of a stopped call; `False` removes them.

        Returns:
            A report of fetched, existing and failed files, with reasons.

        Raises:
            UsageError: `dest` can't be a folder, or a stopped call has stored lines of another
                project.
            ClientError: The tasks can't be listed, or the server is away.

        Example:
            >>> folder = Path("copy")
            >>> project.download(folder).downloaded
            1
            >>> len((folder / "annotations.jsonl").read_text().splitlines())
            2
        """
        from synapse.transfer.bulk.downloader import download_tasks

        return download_tasks(
            self._session.transport,
            _endpoints().task_list,
            self._key,
            dest,
            workers=workers,
            progress=progress,
            dry_run=dry_run,
            resume=resume,
            page_size=self._session.page_size,
        )


class FileDownloadMixin(Resource):
    """Adds `download()` to resources with a `file`."""

    __slots__ = ()
    if TYPE_CHECKING:
        file: str | None

    def download(self, dest: str | os.PathLike[str], *, progress: ProgressArgument = None) -> Path:
        """Download the file. One request; one more after each fault, for the rest.

        The bytes go into a temporary file, which gets the final name when complete.

        Args:
            dest: Path of the copy, which replaces any file; or a folder.
            progress: As for a data unit's files.

        Returns:
            The path of the copy.

        Raises:
            UsageError: The object has no file.
            OSError: The copy can't be written.

        Example:
            >>> weights = Path("weights.bin")
            >>> weights.write_bytes(b"weights")
            7
            >>> model = session.models.create(name="Detector", file=weights)
            >>> model.download(weights.with_name("copy.bin")).read_bytes()
            b'weights'
        """
        from synapse.transfer.download import download

        if not self.file:
            raise UsageError(f"{self._label()} has no file to download.")
        return download(self._session.transport, self.file, dest, progress=progress)


def _endpoints() -> Endpoints:
    from synapse.transfer.bulk.uploader import Endpoints

    names = ("Task", "DataUnit", "GroundTruthEvent")
    task, unit, truth = (registry.get(name).__schema__ for name in names)
    return Endpoints(
        files=registry.get("DataFile").__schema__.path,
        units=unit.path,
        tasks=task.path,
        task_list=str(task.list_path),
        truth_list=str(truth.list_path),
    )


def _parse_specifications(row: Mapping[str, Any]) -> list[Specification]:
    from synapse.transfer.bulk.upload_item import Specification

    return [
        Specification(
            entry["name"],
            str(entry.get("file_type")),
            entry.get("is_required") is not False,
            entry.get("is_primary") is True,
        )
        for entry in row.get("file_specifications") or ()
    ]


def _check_collection(project: Any, collection: Resource) -> None:
    """Refuse a project that is known to have another collection. Makes no request."""
    field = registry.get("Project").__schema__.fields["data_collection"]
    if not isinstance(project, Resource) or type(project).__schema__.name != "Project":
        return
    other = field.to_keys(ids_of(field.raw(project._raw)))
    if other not in (MISSING, None, collection._key):
        raise UsageError(
            f"{project._label()} has the data collection {other}, not {collection._key}. Pass a "
            "project of this collection, or upload to the project's own."
        )


def _project_id(project: Any) -> Any:
    is_other = isinstance(project, Resource) and type(project).__schema__.name != "Project"
    key = registry.get("Project").__schema__.to_key(to_json(project))
    if is_other or not (is_int(key) or isinstance(key, str)):
        raise UsageError(f"project={project!r} is not valid. Pass a Project or its id.")
    return key
