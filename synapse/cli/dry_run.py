"""`--dry-run`: which commands have the option, and what they do instead of writing.

A dry run works in a session that refuses writing requests before a byte is sent, so that arguments
are checked, and objects are found, by the same code as in a real run.
"""

from __future__ import annotations

import inspect
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synapse._internal.lazy_import import load
from synapse.cli.errors import exit_after, print_error
from synapse.cli.ids import NO_IDS, Results, Target, attempt, batches
from synapse.cli.options import open_session, print_note
from synapse.cli.output import print_text
from synapse.errors import SynapseError, UsageError

if TYPE_CHECKING:
    from synapse.orm.schema import Schema
    from synapse.session import Session
    from synapse.transport.options import Event

__all__ = [
    "READS",
    "can_write",
    "open_dry_session",
    "preview_each",
    "preview_method",
]

# Methods whose command changes nothing, neither at the server nor in a folder. All others have
# `--dry-run`.
READS = frozenset(
    {
        *("Agent.health", "Agent.metrics"),
        "DataFileManager.verify_checksums",
        *("Job.follow", "Job.logs", "Job.wait"),
        "Project.summary",
        *("Storage.load_configuration", "StorageManager.default"),
        "UserManager.me",
    }
)
_READING_HTTP = ("GET", "HEAD", "OPTIONS")


def can_write(label: str) -> bool:
    """Return whether a method, such as `Job.stop`, writes, so that its command has `--dry-run`."""
    return label not in READS


class _WritingRequest(SynapseError):  # whose kind lets a release undo the raised version
    """A dry run has come to a request that would write.

    Args:
        method: The HTTP method.
        path: The path below the server's address.
    """

    def __init__(self, method: str, path: str) -> None:
        super().__init__(f"A dry run sends no {method} {path}.")
        self.method = method
        self.path = path


@contextmanager
def open_dry_session() -> Iterator[Session]:
    """Open a session in which a writing request raises `_WritingRequest`, and is not sent."""
    # Hooks see each attempt before a connection is opened.
    with open_session(on_request=_refuse_writing) as session:
        yield session


def _refuse_writing(event: Event) -> None:
    if event.method not in _READING_HTTP:
        raise _WritingRequest(event.method, "/" + event.url.partition("://")[2].partition("/")[2])


def preview_each(
    schema: Schema,
    targets: Iterable[Target],
    verb: str,
    *,
    find: Callable[[list[Any]], Mapping[Any, Any]],
    check: Callable[[Any, Target], object] = lambda *_: None,
) -> None:
    """Print what a command would do to each object; objects that don't exist are failures.

    Args:
        schema: Declaration of the objects.
        targets: The objects.
        verb: What would be done, such as `change`.
        find: Function that returns the objects by id, with reading requests.
        check: Function that raises if the command would fail for the object.

    Raises:
        typer.Exit: Some objects would fail.
    """
    results = Results(schema.name)
    for batch in batches(targets):
        found = find([target.key for target in batch])
        for target in batch:
            if target.key not in found:
                results.fail(target.key, "not found.")
                continue
            why = attempt(check, found[target.key], target)
            if isinstance(why, Exception):
                results.fail(target.key, why)
            else:
                results.done += 1
                print_note(f"Would {verb} {schema.label(target.key)}.")
    if not results.done and not results.failed:
        print_note(NO_IDS)
    results.finish()


def preview_method(label: str, owner: Any, options: Mapping[str, Any]) -> None:
    """Call a method in a dry session up to the first writing request, and print what it would do.

    Args:
        label: Class and name of the method, such as `Plugin.run`.
        owner: The object or the manager, of a session of `open_dry_session`.
        options: The arguments.
    """
    name = label.partition(".")[2]
    subject = (
        owner._label()
        if hasattr(owner, "_label")
        else owner._resource.__schema__.plural.replace("_", " ")
    )
    notes = [
        f"{key}={'***' if key == 'token' else repr(value)}"
        for key, value in options.items()
        if key != "progress" and value not in (None, False, "", {})
    ]
    words = f"{name.replace('_', ' ')} {subject}"
    local = _LOCAL.get(label)
    if local is not None:
        inspect.signature(getattr(owner, name)).bind(**options)
        local(owner, **options)
    else:
        try:
            getattr(owner, name)(**options)
        except _WritingRequest as request:
            notes.append(f"{request.method} {request.path}")
        else:
            print_note(f"Would change nothing: {words}.")
            return
    end = f" ({', '.join(notes)})" if notes else ""
    print_note(f"Would {words}{end}.")


# -- Methods that write into folders --------------------------------------------------------------


def _preview_export(
    project: Any,
    folder: str,
    format: str = "coco",  # noqa: A002 - the method's word
    images: str = "copy",
    progress: Any = None,
    **options: Any,
) -> None:
    """Export into a temporary folder without pictures, so that all checks run."""
    del progress
    load("synapse.formats.pictures").check_mode(images)
    target = load("synapse._internal.user_folders").expand_home(folder)
    _check_folder(target)
    if target.is_dir():
        load("synapse.formats.writing").check_target(target, images)
    with tempfile.TemporaryDirectory(prefix="synapse-dry-run-") as place:
        report = project.export(place, format, images="none", progress=False, **options)
    print_text(str(report))


def _preview_import(project: Any, folder: str, **options: Any) -> None:
    for name in ("workers", "progress"):
        options.pop(name, None)
    report, upload = load("synapse.resources.project_import").preview_import(
        project, folder, **options
    )
    print_text(f"{report}\n{upload}")
    for failure in upload.failed:
        print_error(str(failure))
    exit_after(len(upload.failed), done=upload.created)


def _preview_file(owner: Any, dest: str, progress: Any = None) -> None:
    del progress
    if not owner.file:
        raise UsageError(f"{owner._label()} has no file to download.")
    path = load("synapse._internal.user_folders").expand_home(dest)
    _check_folder(path if path.is_dir() else path.parent)


def _check_folder(folder: Path) -> None:
    """Refuse a path that can't become a folder.

    Raises:
        UsageError: The path, or a part of the path, is a file.
    """
    existing = folder
    while not os.path.lexists(existing) and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        raise UsageError(f"{folder} can't be a folder: {existing} is a file.")


_LOCAL: dict[str, Callable[..., None]] = {
    "Project.export": _preview_export,
    "Project.import_from": _preview_import,
    "Model.download": _preview_file,
    "PluginRelease.download": _preview_file,
}
