"""Make commands from the methods of a resource and its manager."""

from __future__ import annotations

import functools
import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from synapse._internal.lazy_import import load
from synapse.cli.dry_run import can_write, open_dry_session, preview_method
from synapse.cli.errors import exit_after, print_error
from synapse.cli.ids import Results, read_targets
from synapse.cli.method_signatures import (
    MethodParameter,
    make_keyword,
    read_docstring,
    read_parameter,
)
from synapse.cli.options import get_options, open_session, print_note
from synapse.cli.output import (
    Format,
    normalize,
    print_fields,
    print_line,
    print_rows,
    print_text,
    resolve_format,
)
from synapse.cli.resource_options import DRY_RUN
from synapse.cli.values import check_key, is_pair, read_pairs
from synapse.errors import UsageError

if TYPE_CHECKING:
    from synapse.orm.resource import Resource

__all__ = ["LEFT_OUT", "find_methods", "find_verbs", "make_command"]

# Methods without a command, and why.
LEFT_OUT = {
    "Project.annotate": "`tasks annotate -` reads the documents from a pipe",
    "Project.check": "checks Python objects, which a command line has none of",
    "TaskManager.bulk_annotate": "`tasks annotate -` reads the documents from a pipe",
    "TaskManager.set_tags": "`tasks tag` and `tasks untag` do it",
    "AssignmentManager.set_tags": "`assignments tag` and `assignments untag` do it",
    "JobManager.wait": "`jobs wait` takes several ids",
    "Plugin.release": "`plugins release FOLDER` reads the version from the configuration",
    **{
        f"{name}Manager.{method}": "gives a Python object"
        for name in ("Task", "Assignment", "DataUnit", "GroundTruthEvent")
        for method in ("to_hf", "to_torch")
    },
    "Task.show": "pictures for notebooks",
    "Assignment.show": "pictures for notebooks",
    "DataUnit.show": "pictures for notebooks",
    "GroundTruth.show": "pictures for notebooks",
    "GroundTruthEvent.show": "pictures for notebooks",
}
# Methods whose command is written by hand, because it asks, follows or works in bulk.
_BY_HAND = {
    "DataCollection.upload": "synapse.cli.special_verbs:upload",
    "DataCollection.sync": "synapse.cli.special_verbs:sync",
    "DataCollection.download": "synapse.cli.special_verbs:download_collection",
    "Project.download": "synapse.cli.special_verbs:download_project",
    "Task.tag": "synapse.cli.special_verbs:tag_tasks",
    "Task.untag": "synapse.cli.special_verbs:untag_tasks",
    "Task.annotate": "synapse.cli.special_verbs:annotate",
    "Assignment.tag": "synapse.cli.special_verbs:tag_assignments",
    "Assignment.untag": "synapse.cli.special_verbs:untag_assignments",
    "Job.logs": "synapse.cli.special_verbs:logs",
}
# Parameters that a command line has no use for.
_UNUSED = {"progress", "tasks", "limits", "on_error", "extra"}


def make_command(cls: type[Resource], verb: str) -> Callable[..., None]:
    """Return the command of one of a resource's own methods.

    Args:
        cls: The resource.
        verb: Name of the command.
    """
    owner, name, method = find_verbs(cls)[verb]
    label = f"{owner.__name__}.{name}"
    if label in _BY_HAND:
        module, _, attribute = _BY_HAND[label].partition(":")
        command: Callable[..., None] = getattr(load(module), attribute)
        return command
    return _Verb.read(cls, owner, name, method).make_command()


def find_verbs(cls: type[Resource]) -> dict[str, tuple[type, str, Callable[..., Any]]]:
    """Return the methods that are commands: class, name and function by command."""
    return {
        name.replace("_", "-"): (owner, name, method)
        for owner, name, method in find_methods(cls)
        if f"{owner.__name__}.{name}" not in LEFT_OUT
    }


def find_methods(cls: type[Resource]) -> Iterator[tuple[type, str, Callable[..., Any]]]:
    """Yield class, name and function of the methods that a resource and the manager add."""
    resource, manager = load("synapse.orm.resource"), load("synapse.orm.manager")
    bases: tuple[tuple[type, tuple[type, ...]], ...] = (
        (cls, (resource.Editable, resource.Deletable)),
        (cls.__schema__.manager, (manager.BulkCreates, manager.Updates, manager.Deletes)),
    )
    for owner, common in bases:
        inherited = {name for base in common for name in dir(base)}
        for name in dir(owner):
            function = inspect.getattr_static(owner, name)
            if name[0] != "_" and name not in inherited and inspect.isfunction(function):
                yield owner, name, function


@attrs.frozen
class _Verb:
    """A method as a command."""

    cls: type[Resource]
    owner: type
    name: str
    summary: str
    parameters: Sequence[MethodParameter]
    has_progress: bool

    @classmethod
    def read(cls, resource: type[Resource], owner: type, name: str, method: Any) -> _Verb:
        """Return the command of a method."""
        texts = read_docstring(method)
        parameters = [
            read_parameter(method, parameter, texts.get(parameter.name, ""))
            for parameter in list(inspect.signature(method).parameters.values())[1:]
            if parameter.name not in _UNUSED
        ]
        summary = (inspect.getdoc(method) or "").partition("\n")[0]
        usable = [each for each in parameters if each is not None]
        has_progress = "progress" in inspect.signature(method).parameters
        return cls(resource, owner, name, summary, usable, has_progress)

    @property
    def is_of_object(self) -> bool:
        """Whether the method is an object's, so that a command needs an id."""
        return self.owner is self.cls

    @property
    def label(self) -> str:
        """Class and name of the method, such as `Job.stop`."""
        return f"{self.owner.__name__}.{self.name}"

    def make_command(self) -> Callable[..., None]:
        """Return the function for typer."""
        words = [each for each in self.parameters if each.is_word]
        options = [each for each in self.parameters if not (each.is_word and each.is_required)]
        pairs = self._find_pairs()
        options = [each for each in options if each.kind is not inspect.Parameter.VAR_KEYWORD]
        metavar = " ".join(
            [
                *(["ID" if words else "ID..."] if self.is_of_object else []),
                *(
                    each.name.upper() if each.is_required else f"[{each.name.upper()}]"
                    for each in words
                ),
                *(["[NAME=VALUE]..."] if pairs else []),
            ]
        )
        argument = typer.Argument(metavar=metavar, show_default=False, help=_describe_words(words))

        def command(**given: Any) -> None:
            self._run(list(given.pop("words_", None) or ()), given)

        parameters = [each.as_option() for each in options]
        if metavar:
            parameters.insert(0, make_keyword("words_", Annotated[list[str] | None, argument]))
        if can_write(self.label):
            parameters.append(make_keyword("dry_run", DRY_RUN, default=False))
        output = typer.Option("--output", "-o", help="Format of the result.", show_default=False)
        parameters.append(make_keyword("output_", Annotated[Format | None, output]))
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # typer reads it
        command.__annotations__ = {}
        command.__doc__ = self.summary
        command.__name__ = self.name
        return command

    def _find_pairs(self) -> MethodParameter | None:
        """Return the parameter that takes NAME=VALUE words, if any."""
        for each in self.parameters:
            if each.kind is inspect.Parameter.VAR_KEYWORD or (
                each.is_mapping and not each.is_required
            ):
                return each
        return None

    def _run(self, words: list[str], given: dict[str, Any]) -> None:
        output = resolve_format(given.pop("output_"))
        is_dry = given.pop("dry_run", False)
        options: dict[str, Any] = {
            each.name: each.convert(given[each.name])
            for each in self.parameters
            if given.get(each.name) not in (None, [])
        }
        if self.has_progress and get_options().progress_argument is not None:
            options["progress"] = get_options().progress_argument
        pairs = self._find_pairs()
        if pairs is not None:
            values = {name: value for name, value, _ in read_pairs(filter(is_pair, words))}
            words = [word for word in words if not is_pair(word)]
            if pairs.kind is inspect.Parameter.VAR_KEYWORD:
                options.update(values)
            elif values:
                options[pairs.name] = {**options.get(pairs.name, {}), **values}
        slots = [each for each in self.parameters if each.is_word]
        ids: list[str] = []
        if self.is_of_object:
            ids, words = (words[:1], words[1:]) if slots else (words, [])
            if not ids:
                raise UsageError(
                    f"No id of {self.cls.__schema__.plural}. Give one, or - for stdin."
                )
        if len(words) > len(slots):
            raise UsageError(f"{words[len(slots)]!r} is one argument too many.")
        for slot, word in zip(slots, words, strict=False):
            options[slot.name] = slot.convert(word)
        missing = [
            slot.name.upper() for slot in slots if slot.is_required and slot.name not in options
        ]
        if missing:
            raise UsageError(f"{' and '.join(missing)} is missing. -h shows the arguments.")

        def call(owner: Any) -> None:
            if is_dry:
                preview_method(self.label, owner, options)
            else:
                _print_result(getattr(owner, self.name)(**options), output, self.cls)

        with open_dry_session() if is_dry else open_session() as session:
            schema = self.cls.__schema__
            manager = getattr(session, schema.plural)
            if not self.is_of_object:
                call(manager)
                return
            get = manager.get if is_dry else functools.partial(self._get, session, manager)
            if len(ids) == 1 and ids[0] != "-" and "," not in ids[0]:
                call(get(check_key(schema, ids[0])))
                return
            results = Results(schema.name)
            with results.report_stop():
                for target in read_targets(schema, ids, results):
                    with results.collect(target.key):
                        call(get(target.key))
                        sys.stdout.flush()  # a process that is killed has told what it did
            results.finish()

    def _get(self, session: Any, manager: Any, key: Any) -> Any:
        """Return the object: the server's, if the id is another name such as a plugin's code."""
        is_id = type(key) in self.cls.__schema__.fields[self.cls.__schema__.key].id_types
        return session.identity.get_or_stub(self.cls, key) if is_id else manager.get(key)


def _describe_words(words: Sequence[MethodParameter]) -> str:
    texts = [f"{each.name.upper()}: {each.help}" for each in words if each.help]
    return " ".join(texts)


# -- Results -------------------------------------------------------------------------------------


def _print_result(result: Any, output: Format, cls: type[Resource]) -> None:
    """Print what a method returned: an object, lines, a report."""
    resource = load("synapse.orm.resource").Resource
    if result is None:
        print_note("Done.")
    elif isinstance(result, resource):
        schema = type(result).__schema__
        print_fields(normalize(schema, result.to_dict()), output, key=schema.key)
    elif isinstance(result, (list, tuple)) and all(isinstance(one, resource) for one in result):
        rows = [normalize(cls.__schema__, one.to_dict()) for one in result]
        print_rows(rows, output, key=cls.__schema__.key, columns=list(cls.__schema__.fields))
    elif isinstance(result, Mapping):
        print_fields(dict(result), output, key=cls.__schema__.key)
    elif attrs.has(type(result)) and output is not Format.TABLE:
        print_line(json.dumps(attrs.asdict(result), default=str))
    elif isinstance(result, (str, int, float, Path)):
        print_line(str(result))
    elif isinstance(result, (set, frozenset)):
        for one in sorted(result, key=str):
            print_line(str(one))
    elif isinstance(result, Iterator):
        for one in result:
            print_line(str(one))
    else:
        print_text(str(result))
    # The report of an import has the report of an upload.
    failed = list(getattr(getattr(result, "upload", result), "failed", None) or ())
    for failure in failed:
        print_error(str(failure))
    exit_after(len(failed), done=1)
