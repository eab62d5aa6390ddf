"""Load and call an action's entrypoint, and print tracebacks."""

from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
import traceback
from collections.abc import Callable, Sequence
from types import ModuleType, TracebackType
from typing import Any

from synapse.plugins.config import split_entrypoint
from synapse.plugins.mapping_reader import did_you_mean

__all__ = ["EntrypointError", "call_entrypoint", "format_traceback", "load_entrypoint"]


class EntrypointError(Exception):
    """The entrypoint is missing, or importing the module fails; the message is a sentence."""


def load_entrypoint(entrypoint: str) -> tuple[Callable[..., Any], bool]:
    """Import an entrypoint.

    Args:
        entrypoint: The entrypoint, as `module:callable` or `module.Name`. A class with a method
            `run` is made, and the method is called.

    Returns:
        The callable, and whether that takes the context.

    Raises:
        EntrypointError: The entrypoint is missing, can't be imported, or can't be called.
    """
    name, path = split_entrypoint(entrypoint)
    if not (name and path):
        raise EntrypointError(f"{entrypoint!r} is not an entrypoint. Write module:callable.")
    target: Any = _import_module(name, entrypoint)
    for part in path.split("."):
        target = _get_attribute(target, part, entrypoint)
    if not callable(target):
        raise EntrypointError(
            f"{entrypoint!r} is not callable, but of type {type(target).__name__}."
        )
    if isinstance(target, type) and callable(getattr(target, "run", None)):
        return _from_class(target, entrypoint), True
    return target, _takes_context(target, entrypoint)


def call_entrypoint(function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """Call an entrypoint and return the result; a coroutine is run to the end."""
    value = function(*arguments)
    if inspect.iscoroutine(value):
        return asyncio.run(value)
    return value


def format_traceback(error: BaseException) -> str:
    """Return the traceback of an exception that came out of the code, without our own frames."""
    stripped = error.with_traceback(_strip_own_frames(error.__traceback__))
    text = "".join(traceback.format_exception(stripped))
    begin = "Traceback (most recent call last):\n"
    return text if begin in text else begin + text


def _import_module(name: str, entrypoint: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            kind = "module" if error.name == name else "package"
            raise EntrypointError(
                f"The release has no {kind} {error.name!r} (for {entrypoint!r})."
            ) from error
        raise EntrypointError(
            f"The module {name!r} needs {error.name!r}, which isn't installed. Name its package "
            "under `requirements` in the release's config.yaml, with `install: true`."
        ) from error
    except SystemExit as end:
        if end.code == 143:  # SIGTERM
            raise
        raise EntrypointError(f"The module {name!r} ends the process when it is imported.") from end
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise EntrypointError(
            f"Importing the module {name!r} failed.\n{format_traceback(error)}"
            f"The module {name!r} can't be imported: {type(error).__name__}: {error}"
        ) from error


def _get_attribute(owner: Any, name: str, entrypoint: str) -> Any:
    try:
        return getattr(owner, name)
    except AttributeError as error:
        names = [other for other in dir(owner) if not other.startswith("_")]
        hint = did_you_mean(name, names)
        kind = "module" if isinstance(owner, ModuleType) else type(owner).__name__
        owner_name = getattr(owner, "__name__", "")
        raise EntrypointError(
            f"The {kind} {owner_name!r} has no {name!r} (for {entrypoint!r}){hint}"
        ) from error


def _from_class(target: type, entrypoint: str) -> Callable[[Any], Any]:
    """Return a function that makes an object and calls the method `run`."""
    is_made_with_context = _takes_context(target, entrypoint)
    method = getattr(target, "run")  # noqa: B009 # unknown to the type checker
    if inspect.isfunction(inspect.getattr_static(target, "run")):
        method = functools.partial(method, None)  # in place of the object
    runs_with_context = _takes_context(method, f"{entrypoint}.run")

    def run(context: Any) -> Any:
        made: Any = target(context) if is_made_with_context else target()
        return made.run(context) if runs_with_context else made.run()

    return run


def _takes_context(function: Callable[..., Any], entrypoint: str) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):  # written in C
        return False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    keywords = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    required = [p.name for p in [*positional, *keywords] if p.default is p.empty]
    is_keyword_only = bool(required) and not positional
    if len(required) > 1 or is_keyword_only:
        raise EntrypointError(
            f"{entrypoint!r} takes {', '.join(required)}. An entrypoint takes nothing, or the "
            "context as its only required argument, by position."
        )
    return bool(positional)


def _strip_own_frames(frames: TracebackType | None) -> TracebackType | None:
    """Drop the first frames, of the SDK, of importing and of running coroutines."""
    first = frames
    while first is not None and _is_own_frame(first.tb_frame.f_code.co_filename):
        first = first.tb_next
    return first


def _is_own_frame(path: str) -> bool:
    here = __file__.rpartition("entrypoints")[0]
    coroutines = asyncio.__file__.rpartition("__init__")[0]
    return path == importlib.__file__ or path.startswith((here, coroutines, "<frozen importlib"))
