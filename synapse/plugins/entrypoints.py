"""Find and call an action's entrypoint, and print its traceback."""

from __future__ import annotations

import asyncio
import difflib
import importlib
import inspect
import traceback
from collections.abc import Callable, Sequence
from types import ModuleType, TracebackType
from typing import Any

__all__ = ["EntrypointError", "call", "find", "printed_traceback"]


class EntrypointError(Exception):
    """The entrypoint is missing, or importing its module fails; the message is a sentence."""


def find(entrypoint: str) -> tuple[Callable[..., Any], bool]:
    """Import an entrypoint.

    Args:
        entrypoint: The entrypoint, as `module:callable`.

    Returns:
        The callable, and whether that takes the context.

    Raises:
        EntrypointError: The entrypoint is missing, can't be imported, or can't be called.
    """
    name, colon, path = entrypoint.partition(":")
    if not (name and colon and path):
        raise EntrypointError(f"{entrypoint!r} is no entrypoint, which is written module:callable.")
    found: Any = _module(name, entrypoint)
    for part in path.split("."):
        found = _attribute(found, part, entrypoint)
    if not callable(found):
        raise EntrypointError(f"{entrypoint!r} is a {type(found).__name__}, which can't be called.")
    return found, _takes_context(found, entrypoint)


def call(function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """Call an entrypoint and return the result; a coroutine is run to its end."""
    value = function(*arguments)
    if inspect.iscoroutine(value):
        return asyncio.run(value)
    return value


def printed_traceback(error: BaseException) -> str:
    """Return the traceback of an exception that came out of the code, without our own frames."""
    shown = error.with_traceback(_of_code(error.__traceback__))
    text = "".join(traceback.format_exception(shown))
    begin = "Traceback (most recent call last):\n"
    return text if begin in text else begin + text


def _module(name: str, entrypoint: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            what = "module" if error.name == name else "package"
            raise EntrypointError(
                f"There is no {what} {error.name!r} in the release (for {entrypoint!r})."
            ) from error
        raise EntrypointError(
            f"The module {name!r} needs {error.name!r}, which isn't installed: name its package "
            "under `requirements` in the release's config.yaml, with `install: true`."
        ) from error
    except SystemExit as end:
        if end.code == 143:  # SIGTERM came meanwhile
            raise
        raise EntrypointError(f"The module {name!r} ends the process when it is imported.") from end
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise EntrypointError(
            f"Importing the module {name!r} failed.\n{printed_traceback(error)}"
            f"The module {name!r} can't be imported: {type(error).__name__}: {error}"
        ) from error


def _attribute(owner: Any, name: str, entrypoint: str) -> Any:
    try:
        return getattr(owner, name)
    except AttributeError as error:
        there = [known for known in dir(owner) if not known.startswith("_")]
        near = difflib.get_close_matches(name, there, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        kind = "module" if isinstance(owner, ModuleType) else type(owner).__name__
        owner_name = getattr(owner, "__name__", "")
        raise EntrypointError(
            f"The {kind} {owner_name!r} has no {name!r} (for {entrypoint!r}){hint}"
        ) from error


def _takes_context(function: Callable[..., Any], entrypoint: str) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):  # written in C
        return False
    places = [
        one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    required = [one.name for one in places if one.default is one.empty]
    required += [
        one.name for one in parameters if one.kind is one.KEYWORD_ONLY and one.default is one.empty
    ]
    is_keyword_only = bool(required) and not places
    if len(required) > 1 or is_keyword_only:
        raise EntrypointError(
            f"{entrypoint!r} takes {', '.join(required)}: it is called with nothing, or with the "
            "context as its one positional argument."
        )
    return bool(places)


def _of_code(frames: TracebackType | None) -> TracebackType | None:
    """Leave the frames out that are ours, or Python's for importing and running coroutines."""
    first = frames
    while first is not None and _is_ours(first.tb_frame.f_code.co_filename):
        first = first.tb_next
    return first


def _is_ours(path: str) -> bool:
    here = __file__.rpartition("entrypoints")[0]
    coroutines = asyncio.__file__.rpartition("__init__")[0]
    return path == importlib.__file__ or path.startswith((here, coroutines, "<frozen importlib"))
