"""Hand-written verbs of resources, which ask, follow or work in bulk."""

from __future__ import annotations

import inspect
import shlex
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from synapse._internal.hints import suggestion
from synapse._internal.lazy_import import load
from synapse.cli import files
from synapse.cli import sync as sync_module
from synapse.cli.dry_run import open_dry_session, preview_each
from synapse.cli.ids import Results, Target, batches, read_targets
from synapse.cli.options import open_session, print_note
from synapse.cli.output import print_line
from synapse.cli.resource_options import DRY_RUN, IDS
from synapse.cli.values import read_json, read_pairs
from synapse.errors import UsageError

__all__ = [
    "annotate",
    "download_collection",
    "download_project",
    "logs",
    "sync",
    "tag_assignments",
    "tag_tasks",
    "untag_assignments",
    "untag_tasks",
    "upload",
]

TAGS = Annotated[
    str, typer.Argument(metavar="TAG[,TAG]", help="Tags, by name or id.", show_default=False)
]
PROJECT = Annotated[
    int | None, typer.Option(help="Id of the project, if several have a tag of this name.")
]


def _with_id(function: Callable[..., None], option: str, *others: str) -> Callable[..., None]:
    """Return a command with the id as the first argument instead of an option."""
    signature = inspect.signature(function, eval_str=True)
    parameters = [
        each for name, each in signature.parameters.items() if name not in (option, *others)
    ]
    identifier = inspect.Parameter(
        option,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        annotation=Annotated[int, typer.Argument(metavar="ID", help=f"Id of the {option}.")],
    )

    def command(**values: Any) -> None:
        function(**values)

    command.__signature__ = inspect.Signature([identifier, *parameters])  # type: ignore[attr-defined] # typer reads it
    command.__annotations__ = {}
    command.__doc__ = function.__doc__
    command.__name__ = function.__name__
    return command


# The same commands as those without a resource, so that all have the same options and questions.
upload = _with_id(files.upload, "collection")
sync = _with_id(sync_module.sync, "collection")
download_collection = _with_id(files.download, "collection", "project")
download_project = _with_id(files.download, "project", "collection")


# -- Tags ----------------------------------------------------------------------------------------


def _make_tagging(plural: str, action: str) -> Callable[..., None]:
    def command(
        tags: TAGS, ids: IDS = None, project: PROJECT = None, dry_run: DRY_RUN = False
    ) -> None:
        with open_dry_session() if dry_run else open_session() as session:
            manager = getattr(session, plural)
            schema = load("synapse.orm.registry").get_by_plural(plural).__schema__
            results = Results(schema.name)
            tag_ids: list[int] | None = None
            with results.report_stop():
                for batch in batches(read_targets(schema, ids or (), results)):
                    if tag_ids is None:
                        tag_ids = [_find_tag(session, name, project) for name in tags.split(",")]
                    keys = list(dict.fromkeys(target.key for target in batch))
                    found = {row[schema.key] for row in _by_ids(manager, keys).values(schema.key)}
                    known = [key for key in keys if key in found]
                    for key in keys:
                        if key not in found:
                            results.fail(key, "not found.")
                    if known and not dry_run:
                        _by_ids(manager, known).set_tags(tag_ids, action)
                    results.done += len(known)
        verb = "Tagged" if action == "add" else "Untagged"
        verb = f"Would have {verb.lower()}" if dry_run else verb
        print_note(f"{verb} {results.done:,} {plural}.")
        results.finish()

    word = "Add tags to" if action == "add" else "Take tags off"
    command.__doc__ = f"{word} {plural}. Two requests for each 500."
    return command


def _by_ids(manager: Any, keys: list[Any]) -> Any:
    return manager.filter(id=keys).page_size(1000)


tag_tasks = _make_tagging("tasks", "add")
untag_tasks = _make_tagging("tasks", "remove")
tag_assignments = _make_tagging("assignments", "add")
untag_assignments = _make_tagging("assignments", "remove")


def _find_tag(session: Any, name: str, project: int | None) -> int:
    """Return the id of a tag.

    Raises:
        UsageError: No tag has the name, or tags of several projects have.
    """
    name = name.strip()
    if name.isascii() and name.isdecimal():
        return int(name)
    query = (
        session.task_tags.all() if project is None else session.task_tags.filter(project=project)
    )
    rows = list(query.filter(name=name).values("id", "name", "project"))
    rows = [row for row in rows if row["name"] == name]  # also where a server ignores the filter
    if not rows:
        names = [row["name"] for row in query[:200].values("name")]
        owner = "ID" if project is None else project
        raise UsageError(
            f"No tag {name!r}{suggestion(name, names)} To create the tag: synapse task-tags create "
            f"name={shlex.quote(name)} project={owner}"
        )
    if len(rows) > 1:
        where = ", ".join(f"{row['id']} (project {row.get('project')})" for row in rows[:5])
        raise UsageError(f"Several tags are named {name!r}: {where}. Give the id, or --project.")
    return int(rows[0]["id"])


# -- Annotations and output ----------------------------------------------------------------------


class _Action(str, Enum):
    SUBMIT = "submit"
    SAVE = "save"


def annotate(
    ids: Annotated[
        list[str],
        typer.Argument(
            metavar="ID... [DOCUMENT]",
            help="Ids, then the document as JSON or @FILE; or - for rows with id and document.",
        ),
    ],
    action: Annotated[
        _Action, typer.Option(help="submit completes the tasks, save keeps them in progress.")
    ] = _Action.SUBMIT,
    dry_run: DRY_RUN = False,
) -> None:
    """Store annotation documents. One request for each task."""
    words = list(ids)
    document: Any = None
    if words and words[-1].startswith("@"):
        [(_, document, _)] = read_pairs([f"document:={words.pop()}"])
    elif words and words[-1].startswith(("{", "[")):
        document = read_json(words.pop(), "The document", ", or write @FILE for a file")
    elif words and Path(words[-1]).is_file():
        raise UsageError(f"{words[-1]!r} is a file. Write @{words[-1]} for its content.")
    with open_dry_session() if dry_run else open_session() as session:
        schema = load("synapse.resources.tasks").Task.__schema__

        results = Results(schema.name)

        def pairs(collecting: Results | None) -> Iterator[tuple[Any, Any]]:
            for target in read_targets(schema, words, collecting):
                own = target.row.get("document", target.row.get("data", document))
                if own is None:
                    error = UsageError(
                        f"Task {target.key} has no document. Give JSON or @FILE after the ids, or "
                        'rows such as {"id": 5, "document": {...}} on stdin.'
                    )
                    if collecting is None or not target.row:
                        raise error
                    collecting.fail_line(error)
                else:
                    yield target.key, own

        if dry_run:
            check = load("synapse.resources.bulk_annotation").to_document
            preview_each(
                schema,
                (Target(key, {"document": own}) for key, own in pairs(None)),
                "annotate",
                find=session.tasks.in_bulk,
                check=lambda task, target: check(task, target.row["document"]),
            )
            return
        with results.report_stop():
            for batch in batches(pairs(results)):
                _annotate_batch(session, batch, action, results)
    results.finish()


def _annotate_batch(
    session: Any, batch: list[tuple[Any, Any]], action: _Action, results: Results
) -> None:
    report = session.tasks.bulk_annotate(batch, action=action.value)
    results.done += len(report.done) + len(report.unchanged)
    for key in (*report.done, *report.unchanged):
        print_line(str(key))
    sys.stdout.flush()
    for key, why in report.failed.items():
        results.fail(key, why)


def logs(
    job: Annotated[str, typer.Argument(metavar="ID", help="Id of the job.")],
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Print new lines until the job ends.")
    ] = False,
    last: Annotated[
        int | None,
        typer.Option("--last", "-n", min=1, max=1000, help="Number of last lines to print."),
    ] = None,
) -> None:
    """Print the lines that a job printed."""
    with open_session() as session:
        one = session.jobs.get(job)
        written = one.logs() if last is None else one.logs().last(last)
        for line in one.follow() if follow else written:
            print_line(str(line))
