"""Load and call an action's entrypoint, and print tracebacks."""

from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
import re
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from synapse.plugins.config import split_entrypoint
from synapse.plugins.mapping_reader import did_you_mean

__all__ = [
    "EntrypointError",
    "call_entrypoint",
    "explain_parameter",
    "format_traceback",
    "is_own_file",
    "load_entrypoint",
]


# Kinds of values that the first argument is taken for, and where to find such a value.
_KINDS = {
    "params": ("the parameters", "Write run(context), and read context.params."),
    "session": ("a session", "Write run(context), and use context.session."),
    "job": ("the job", "Write run(context), and use context.job."),
    "log": ("a logger", "Write run(context), and call context.log()."),
    "self": (
        "an object",
        "Name the class as the entrypoint, whose method run is called, or a function.",
    ),
}
_KIND_OF = {
    "params": re.compile(
        r"(.*(param|parameter|config|option|arg|argument|input|model)s?|opts|cfg|kwargs|payload"
        r"|body|request|dict|mapping|list|str|int|float|bool)",
        re.IGNORECASE,
    ),
    "session": re.compile(r".*(session|client|backend|api)", re.IGNORECASE),
    "job": re.compile(r"job(_?id)?|run_?id", re.IGNORECASE),
    "log": re.compile(r"log|logger|logging", re.IGNORECASE),
    "self": re.compile(r"self|cls"),
}
_CONTEXT = re.compile(r"context|ctx|^_+$", re.IGNORECASE)


class EntrypointError(Exception):
    """The entrypoint is missing, or importing the module fails; the message is a sentence."""


def load_entrypoint(entrypoint: str, *, is_strict: bool = False) -> tuple[Callable[..., Any], bool]:
    """Import an entrypoint.

    Args:
        entrypoint: The entrypoint, as `module:callable` or `module.Name`. A class with a method
            `run` is made, and the method is called.
        is_strict: Whether to refuse a first parameter that isn't meant for the context, too.

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
        return _from_class(target, entrypoint, is_strict), True
    return target, _takes_context(target, entrypoint, is_strict)


def explain_parameter(parameter: inspect.Parameter) -> str | None:
    """Return why a function's first parameter can't be meant for the context, else `None`.

    Args:
        parameter: The first parameter, judged by annotation, then by name.

    Example:
        >>> def run(params): ...
        >>> parameter = inspect.signature(run).parameters["params"]
        >>> print(explain_parameter(parameter).partition(". ")[0])
        'params' gets the job's context, not the parameters
    """
    name, annotation = parameter.name, _name_of(parameter.annotation)
    if annotation.rpartition(".")[2] in ("Context", "LocalContext"):
        return None
    kind = _find_kind(annotation) or _find_kind(name)
    if kind is not None:
        what, instead = _KINDS[kind]
        return f"{name!r} gets the job's context, not {what}. {instead}"
    if parameter.default is inspect.Parameter.empty or _CONTEXT.search(name):
        return None
    return (
        f"{name!r} gets the job's context, never its default. Write run(context), and read "
        f"context.params.get({name!r})."
    )


def call_entrypoint(function: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    """Call an entrypoint and return the result; a coroutine is run to the end."""
    value = function(*arguments)
    if not inspect.iscoroutine(value):
        return value
    if not _is_loop_running():
        return asyncio.run(value)
    with ThreadPoolExecutor(1) as pool:  # this thread's loop is running, as in a notebook
        return pool.submit(asyncio.run, value).result()


def _is_loop_running() -> bool:
    # A coroutine that began in the `except` block would show this error as the cause of its own.
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def format_traceback(error: BaseException) -> str:
    """Return the traceback of an exception that came out of the code, without our own frames."""
    stripped = error.with_traceback(_strip_own_frames(error.__traceback__))
    text = "".join(traceback.format_exception(stripped))
    begin = "Traceback (most recent call last):\n"
    return text if begin in text else begin + text


def is_own_file(file: str, folder: Path) -> bool:
    """Return whether a file is a plugin's own, and not of an environment in the plugin's folder.

    Args:
        file: Path of the file.
        folder: The plugin's folder, resolved.
    """
    path = Path(file)
    return path.is_relative_to(folder) and "site-packages" not in path.parts


def _import_module(name: str, entrypoint: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            kind = "module" if error.name == name else "package"
            raise EntrypointError(
                f"The release has no {kind} {error.name!r} (for {entrypoint!r})."
            ) from error
        if error.name is not None and error.name.partition(".")[0] == name.partition(".")[0]:
            raise EntrypointError(
                f"The module {name!r} needs {error.name!r}, which the release doesn't have."
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


def _from_class(target: type, entrypoint: str, is_strict: bool) -> Callable[[Any], Any]:
    """Return a function that makes an object and calls the method `run`."""
    is_made_with_context = _takes_context(target, entrypoint, is_strict)
    method = getattr(target, "run")  # noqa: B009 # unknown to the type checker
    if inspect.isfunction(inspect.getattr_static(target, "run")):
        method = functools.partial(method, None)  # in place of the object
    runs_with_context = _takes_context(method, f"{entrypoint}.run", is_strict)

    def run(context: Any) -> Any:
        made: Any = target(context) if is_made_with_context else target()
        return made.run(context) if runs_with_context else made.run()

    return run


def _takes_context(function: Callable[..., Any], entrypoint: str, is_strict: bool) -> bool:
    positional, keywords = _parameters(function)
    required = [p.name for p in [*positional, *keywords] if p.default is p.empty]
    is_keyword_only = bool(required) and not positional
    is_unbound = required[:1] == ["self"]
    first = explain_parameter(positional[0]) if positional else None
    if is_strict and first is not None and len(required) <= 1:
        raise EntrypointError(f"{entrypoint!r}: {first}")
    if len(required) > 1 or is_keyword_only or is_unbound:
        raise EntrypointError(
            f"{entrypoint!r} takes {', '.join(required)}. An entrypoint takes nothing, or the "
            f"context as its only required argument, by position.{f' {first}' if first else ''}"
        )
    return bool(positional)


def _parameters(
    function: Callable[..., Any],
) -> tuple[list[inspect.Parameter], list[inspect.Parameter]]:
    """Return the positional parameters of a function, and those by keyword alone."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):  # written in C
        return [], []
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return positional, [p for p in parameters if p.kind is p.KEYWORD_ONLY]


def _name_of(annotation: Any) -> str:
    """Return an annotation's name, without arguments in brackets and without `Optional`."""
    if annotation is inspect.Parameter.empty:
        return ""
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return str(text).partition("[")[0].partition("|")[0].strip()


def _find_kind(name: str) -> str | None:
    """Return the kind of thing that a name of a parameter or a type stands for."""
    own = name.rpartition(".")[2]
    return next((kind for kind, pattern in _KIND_OF.items() if pattern.fullmatch(own)), None)


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
