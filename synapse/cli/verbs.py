"""Commands out of the methods of a resource and the manager, by signature and docstring."""

from __future__ import annotations

import builtins
import inspect
import json
import os
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import attrs
import typer

from synapse._internal.lazy_import import load
from synapse.cli.errors import exit_after, print_error
from synapse.cli.ids import Results, read_targets
from synapse.cli.options import get_options, open_session, print_note
from synapse.cli.output import (
    Format,
    normalize,
    print_fields,
    print_line,
    print_rows,
    resolve_format,
)
from synapse.cli.values import is_pair, read_json, read_pairs
from synapse.errors import UsageError

if TYPE_CHECKING:
    from synapse.orm.resource import Resource

__all__ = ["LEFT_OUT", "list_methods"]

# Methods without a command, and why.
LEFT_OUT = {
    "Project.annotate": "`tasks annotate -` reads the documents from a pipe",
    "Project.check": "checks Python objects, which a command line has none of",
    "TaskManager.bulk_annotate": "`tasks annotate -` reads the documents from a pipe",
    "TaskManager.set_tags": "`tasks tag` and `tasks untag` do it",
    "AssignmentManager.set_tags": "`assignments tag` and `assignments untag` do it",
    "JobManager.wait": "`jobs wait` takes several ids",
    "Plugin.release": "`plugins release FOLDER` reads the version from the configuration",
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
_ARGUMENT = re.compile(r"^ {4}\*{0,2}(\w+): (.+)$")
_FILES = (os.PathLike, Path)


def list_methods(cls: type[Resource], known: Iterable[str] = ()) -> dict[str, Callable[..., None]]:
    """Return the commands of a resource's own methods, by name.

    Args:
        cls: The resource.
        known: Names of the commands that the group has already.
    """
    commands: dict[str, Callable[..., None]] = {}
    for owner, name, method in find_methods(cls):
        verb = name.replace("_", "-")
        label = f"{owner.__name__}.{name}"
        if verb in known or label in LEFT_OUT:
            continue
        if label in _BY_HAND:
            module, _, attribute = _BY_HAND[label].partition(":")
            commands[verb] = getattr(load(module), attribute)
        else:
            commands[verb] = _Verb.read(cls, owner, name, method).make_command()
    return commands


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
class _Parameter:
    """A parameter of a method, as a command line gives it.

    Attributes:
        name: The name.
        kind: Python's kind of parameter.
        default: The default, or `inspect.Parameter.empty`.
        type: Type for typer: `str`, `int`, `float`, `bool` or an enumeration.
        is_list: Whether several values are meant.
        is_mapping: Whether the value is a mapping: pairs, or JSON.
        help: The docstring's text.
    """

    name: str
    kind: Any
    default: Any
    type: Any
    is_list: bool
    is_mapping: bool
    help: str

    @property
    def is_required(self) -> bool:
        """Whether a value must be given."""
        return self.default is inspect.Parameter.empty and self.kind not in (
            inspect.Parameter.VAR_KEYWORD,
            inspect.Parameter.VAR_POSITIONAL,
        )

    @property
    def is_word(self) -> bool:
        """Whether a word without a name may be the value."""
        return self.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and (
            self.is_required or (self.type is str and not self.is_mapping)
        )

    def as_option(self) -> inspect.Parameter:
        """Return the parameter for typer."""
        hint: Any = self.type
        default = self.default
        metavar = None
        if self.is_mapping:
            hint, default, metavar = list[str], None, "NAME=VALUE"
        elif self.is_list:
            hint = list[self.type]  # type: ignore[name-defined] # a type that is computed
            default = None
        elif hint is not bool and isinstance(hint, type) and issubclass(hint, Enum):
            default = next((one for one in hint if one.value == default), None)
        if default is None or default is inspect.Parameter.empty:
            hint, default = hint | None, None
        option = typer.Option(help=self.help, metavar=metavar, show_default=default is not None)
        return inspect.Parameter(
            self.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=Annotated[hint, option],
        )

    def convert(self, value: Any) -> Any:
        """Return a value of the command line as the method takes it."""
        if isinstance(value, Enum):
            return value.value
        if self.is_mapping:
            words = [value] if isinstance(value, str) else value
            return _read_mapping(words, self.name)
        if isinstance(value, str) and self.type is str and self.name in ("project", "agent"):
            return int(value) if value.isascii() and value.isdecimal() else value
        if isinstance(value, str) and self.type is str and value.startswith("{"):
            return read_json(value, self.name)  # such as shares of a split
        return value


@attrs.frozen
class _Verb:
    """A method as a command."""

    cls: type[Resource]
    owner: type
    name: str
    summary: str
    parameters: Sequence[_Parameter]
    has_progress: bool

    @classmethod
    def read(cls, resource: type[Resource], owner: type, name: str, method: Any) -> _Verb:
        """Return the command of a method."""
        texts = _read_docstring(method)
        parameters = [
            _read_parameter(method, parameter, texts.get(parameter.name, ""))
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
            word_parameter = inspect.Parameter(
                "words_",
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[list[str] | None, argument],
            )
            parameters.insert(0, word_parameter)
        output = typer.Option("--output", "-o", help="Format of the result.", show_default=False)
        parameters.append(
            inspect.Parameter(
                "output_",
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=Annotated[Format | None, output],
            )
        )
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # typer reads it
        command.__annotations__ = {}
        command.__doc__ = self.summary
        command.__name__ = self.name
        return command

    def _find_pairs(self) -> _Parameter | None:
        """Return the parameter that takes NAME=VALUE words, if any."""
        for each in self.parameters:
            if each.kind is inspect.Parameter.VAR_KEYWORD or (
                each.is_mapping and not each.is_required
            ):
                return each
        return None

    def _run(self, words: list[str], given: dict[str, Any]) -> None:
        output = resolve_format(given.pop("output_"))
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
        with open_session() as session:
            manager = getattr(session, self.cls.__schema__.plural)
            if not self.is_of_object:
                _print_result(getattr(manager, self.name)(**options), output, self.cls)
            elif len(ids) == 1 and ids[0] != "-" and "," not in ids[0]:
                one = self._get(session, manager, ids[0])
                _print_result(getattr(one, self.name)(**options), output, self.cls)
            else:
                self._run_each(session, manager, ids, options, output)

    def _run_each(
        self, session: Any, manager: Any, ids: list[str], options: dict[str, Any], output: Format
    ) -> None:
        results = Results(self.cls.__schema__.name)
        with results.report_stop():
            for target in read_targets(self.cls.__schema__, ids, results):
                with results.collect(target.key):
                    one = self._get(session, manager, target.key)
                    _print_result(getattr(one, self.name)(**options), output, self.cls)
                    sys.stdout.flush()  # a process that is killed has told what it did
        results.finish()

    def _get(self, session: Any, manager: Any, key: Any) -> Any:
        """Return the object: the server's, if the id is another name such as a plugin's code."""
        key = self.cls.__schema__.to_key(key)
        is_id = type(key) in self.cls.__schema__.fields[self.cls.__schema__.key].id_types
        return session.identity.get_or_stub(self.cls, key) if is_id else manager.get(key)


def _describe_words(words: Sequence[_Parameter]) -> str:
    texts = [f"{each.name.upper()}: {each.help}" for each in words if each.help]
    return " ".join(texts)


def _read_mapping(words: Iterable[str], name: str) -> Any:
    """Return a mapping of `NAME=VALUE` words, of JSON, or of the JSON in `@file`."""
    merged: dict[str, Any] = {}
    for word in words:
        if is_pair(word):
            merged.update((key, value) for key, value, _ in read_pairs([word]))
            continue
        [(_, value, _)] = read_pairs([f"{name}:={word}"])
        if not isinstance(value, dict):
            return value
        merged.update(value)
    return merged


# -- Signatures ----------------------------------------------------------------------------------


class _Names(dict[str, Any]):
    """A function's names; those that only type checkers see stand for anything."""

    def __missing__(self, name: str) -> Any:
        if name.startswith("__"):
            raise KeyError(name)
        if name in sys.stdlib_module_names:
            return load(name)
        return getattr(builtins, name, None) or getattr(typing, name, Any)


def _read_parameter(method: Any, parameter: inspect.Parameter, text: str) -> _Parameter | None:
    """Return a parameter; `None` if no text can be its value and a default exists."""
    hint = parameter.annotation
    if isinstance(hint, str):
        hint = _evaluate(hint, method)
    parts = [part for part in _flatten(hint) if part is not type(None)]
    is_list = parameter.kind is inspect.Parameter.VAR_POSITIONAL
    is_mapping = False
    kinds: list[Any] = []
    for part in parts:
        origin = typing.get_origin(part) or part
        if origin is Callable or origin is typing.get_origin(Callable[[], Any]):
            continue
        if origin is IO or (isinstance(origin, type) and issubclass(origin, IO)):
            continue
        if isinstance(origin, type) and issubclass(origin, Mapping):
            is_mapping = True
        elif isinstance(origin, type) and issubclass(origin, _FILES):
            kinds.append(str)
        elif origin in (str, int, float, bool) or isinstance(part, tuple):
            kinds.append(part)
        elif isinstance(origin, type) and issubclass(origin, Iterable) and origin is not str:
            is_list = True
        elif isinstance(origin, type) and issubclass(origin, Enum):
            kinds.append(origin)
        else:
            kinds.append(str)
    words = next((each for each in kinds if isinstance(each, tuple)), None)
    chosen: Any = str
    if words is not None:
        if all(isinstance(word, str) for word in words):
            chosen = _make_enum(parameter.name, words)
    elif len(kinds) == 1:
        [chosen] = kinds
    elif not (kinds or is_mapping or is_list):
        return None
    return _Parameter(
        parameter.name,
        parameter.kind,
        parameter.default,
        chosen,
        is_list and not is_mapping and str not in kinds,
        is_mapping and str not in kinds,
        text,
    )


def _make_enum(name: str, words: Iterable[str]) -> Any:
    make: Any = Enum  # type checkers want the words themselves
    return make(name, {word: word for word in words}, type=str)


def _evaluate(text: str, method: Any) -> Any:
    names = _Names(vars(inspect.getmodule(method)))
    try:
        # An import that Python makes meanwhile needs the real built-in names.
        return eval(text, {}, names)  # noqa: S307 - the text is an annotation in this package
    except (TypeError, AttributeError):  # of a name that only type checkers know
        return Any


def _flatten(hint: Any) -> list[Any]:
    """Return the members of a union; the words of a `Literal` as one tuple."""
    if isinstance(hint, str):
        return [str]
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return [typing.get_args(hint)]
    if origin in (typing.Union, types.UnionType):
        return [part for each in typing.get_args(hint) for part in _flatten(each)]
    return [hint]


def _read_docstring(method: Any) -> dict[str, str]:
    """Return the texts of a docstring's `Args:` section by parameter."""
    section = re.search(r"^Args:\n((?: {4}.*\n?|\n)+)", inspect.getdoc(method) or "", re.MULTILINE)
    texts: dict[str, str] = {}
    name = ""
    for line in section[1].splitlines() if section else ():
        found = _ARGUMENT.match(line)
        if found:
            name, texts[found[1]] = found[1], found[2]
        elif name and line.strip():
            texts[name] += f" {line.strip()}"
    return {name: text.replace("`", "") for name, text in texts.items()}


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
        for line in str(result).splitlines():
            print_line(line)
    # The report of an import has the report of an upload.
    failed = list(getattr(getattr(result, "upload", result), "failed", None) or ())
    for failure in failed:
        print_error(str(failure))
    exit_after(len(failed), done=1)
