"""Write the public API, names and signatures, into a text file that a test compares.

A changed line in the file shows a reviewer that users may notice the change.

    python tools/public_api.py           # print the API
    python tools/public_api.py --write   # write the file
"""

from __future__ import annotations

import enum
import importlib
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

SNAPSHOT = Path(__file__).parents[1] / "tests" / "meta" / "public_api.txt"

# The modules whose `__all__` is public.
MODULES = (
    "synapse",
    "synapse.errors",
    "synapse.extending",
    "synapse.plugins",
    "synapse.testing",
    "synapse.emulator",
    "synapse.clients.base",
    "synapse.clients.page",
    "synapse.clients.backend",
    "synapse.clients.agent",
    "synapse.clients.agent.ray",
    "synapse.clients.exceptions",
)

_PREFIXES = re.compile(r"\b(typing|typing_extensions|collections\.abc|pathlib(\._local)?)\.")
_COMMON_BASES = (Exception, BaseException, object)
_LITERALS = (str, int, float, bool, bytes, tuple, frozenset, type(None))


def format_default(value: Any) -> str:
    """Return a default as written in a signature; `...` for objects without a stable repr."""
    if isinstance(value, enum.Enum) and type(value).__module__.startswith("synapse"):
        return f"{type(value).__name__}.{value.name}"
    is_literal = isinstance(value, _LITERALS) and " at 0x" not in repr(value)
    return repr(value) if is_literal and not repr(value).startswith("<") else "..."


def format_annotation(annotation: Any) -> str:
    """Return an annotation as text, as a module with postponed evaluation has it."""
    if isinstance(annotation, str):
        return annotation
    if is_class(annotation):
        return str(annotation.__name__)
    return _PREFIXES.sub("", str(annotation))


def is_class(value: Any) -> bool:
    """Return whether a value is a class; in Python 3.10, `list[int]` passes for a type."""
    return isinstance(value, type) and not typing.get_args(value)


def format_signature(function: Callable[..., Any]) -> str:
    """Return the parameters and the result of a function."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return "(...)"
    parts: list[str] = []
    has_star = False
    for parameter in signature.parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not has_star:
            parts.append("*")
            has_star = True
        prefix = ""
        if parameter.kind is parameter.VAR_POSITIONAL:
            prefix = "*"
        elif parameter.kind is parameter.VAR_KEYWORD:
            prefix = "**"
        has_star = has_star or prefix == "*"
        part = prefix + parameter.name
        if parameter.annotation is not parameter.empty:
            part += f": {format_annotation(parameter.annotation)}"
        if parameter.default is not parameter.empty:
            part += f" = {format_default(parameter.default)}"
        parts.append(part)
    result = ""
    if signature.return_annotation is not signature.empty:
        result = f" -> {format_annotation(signature.return_annotation)}"
    return f"({', '.join(parts)}){result}"


def list_own_classes(cls: type) -> list[type]:
    """Return the classes of this package that a class inherits from, itself first."""
    return [base for base in cls.__mro__ if base.__module__.partition(".")[0] == "synapse"]


def format_member(cls: type, name: str) -> str | None:
    """Return the line of a public member; `None` for members of foreign classes."""
    for base in list_own_classes(cls):
        annotation = inspect.get_annotations(base).get(name)
        if name in base.__dict__ or annotation is not None:
            break
    else:
        return None
    value = base.__dict__.get(name)
    match value:
        case enum.Enum():
            return f"{name} = {value.value!r}"
        case classmethod():
            return f"classmethod {name}{format_signature(getattr(cls, name))}"
        case staticmethod():
            return f"staticmethod {name}{format_signature(value.__func__)}"
        case types.FunctionType():
            return f"{name}{format_signature(value)}"
        case property():
            annotation = getattr(value.fget, "__annotations__", {}).get("return", "Any")
            return f"{name}: {format_annotation(annotation)} (property)"
    return name if annotation is None else f"{name}: {format_annotation(annotation)}"


def list_member_names(cls: type) -> list[str]:
    """Return the public names of a class, sorted, including those with an annotation only."""
    names: set[str] = set()
    for base in list_own_classes(cls):
        names.update(base.__dict__, inspect.get_annotations(base))
    return sorted(name for name in names if not name.startswith("_"))


def format_class(name: str, cls: type) -> Iterator[str]:
    """Yield the lines of a class: the call's signature, then the members."""
    own = list_own_classes(cls)
    has_constructor = any("__init__" in base.__dict__ or "__new__" in base.__dict__ for base in own)
    is_callable = has_constructor and not (
        issubclass(cls, enum.Enum) or getattr(cls, "_is_protocol", False)
    )
    signature = format_signature(cls) if is_callable else ""
    # Resources are created by managers, not by calling the class.
    yield f"class {name}{'' if signature.startswith('(*_') else signature}"
    if issubclass(cls, BaseException):
        bases = [base.__name__ for base in cls.__mro__[1:] if base not in _COMMON_BASES]
        yield f"    is a {', '.join(bases) or 'Exception'}"
    for member in list_member_names(cls):
        line = format_member(cls, member)
        if line is not None:
            yield f"    {line}"


def build_api(modules: tuple[str, ...] = MODULES) -> str:
    """Return the whole API as text, one line for each name."""
    lines: list[str] = []
    homes: dict[int, str] = {}
    for module_name in modules:
        module = importlib.import_module(module_name)
        lines += ["", f"# {module_name}"]
        for name in sorted(module.__all__):
            value = getattr(module, name)
            full_name = f"{module_name}.{name}"
            if (is_class(value) or isinstance(value, types.FunctionType)) and id(value) in homes:
                lines.append(f"{name} = {homes[id(value)]}")
                continue
            homes[id(value)] = full_name
            if is_class(value):
                lines += format_class(name, value)
            elif isinstance(value, types.FunctionType):
                lines.append(f"{name}{format_signature(value)}")
            else:
                lines.append(name)
    return "\n".join(lines).lstrip("\n") + "\n"


def main(arguments: list[str]) -> int:
    """Print the API, or write the file."""
    text = build_api()
    if "--write" in arguments:
        SNAPSHOT.write_text(text, encoding="utf-8")
        print(f"{SNAPSHOT}: {text.count(chr(10))} lines")
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
