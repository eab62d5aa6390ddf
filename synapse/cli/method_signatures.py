"""Parameters of methods as arguments and options of commands, by signature and docstring."""

from __future__ import annotations

import builtins
import inspect
import os
import re
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import IO, Annotated, Any

import attrs
import typer

from synapse._internal.lazy_import import load
from synapse.cli.values import is_pair, read_json, read_pairs

__all__ = ["MethodParameter", "make_keyword", "read_docstring", "read_mapping", "read_parameter"]

_ARGUMENT = re.compile(r"^ {4}\*{0,2}(\w+): (.+)$")
_FILES = (os.PathLike, Path)


@attrs.frozen
class MethodParameter:
    """A parameter of a method, as an argument or option of a command.

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
        return make_keyword(self.name, Annotated[hint, option], default=default)

    def convert(self, value: Any) -> Any:
        """Return a command line's value in the type that the method takes."""
        if isinstance(value, Enum):
            return value.value
        if self.is_mapping:
            words = [value] if isinstance(value, str) else value
            return read_mapping(words, self.name)
        if isinstance(value, str) and self.type is str and self.name in ("project", "agent"):
            return int(value) if value.isascii() and value.isdecimal() else value
        if isinstance(value, str) and self.type is str and value.startswith("{"):
            return read_json(value, self.name)  # such as shares of a split
        return value


class _Names(dict[str, Any]):
    """A function's names; those that only type checkers see stand for anything."""

    def __missing__(self, name: str) -> Any:
        if name.startswith("__"):
            raise KeyError(name)
        if name in sys.stdlib_module_names:
            return load(name)
        return getattr(builtins, name, None) or getattr(typing, name, Any)


def read_parameter(method: Any, parameter: inspect.Parameter, text: str) -> MethodParameter | None:
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
    return MethodParameter(
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


def read_docstring(method: Any) -> dict[str, str]:
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


def read_mapping(words: Iterable[str], name: str) -> Any:
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


def make_keyword(name: str, annotation: Any, *, default: Any = None) -> inspect.Parameter:
    """Return a parameter for typer."""
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )
