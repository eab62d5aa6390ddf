"""Formats of data sets: read a folder, write a folder, find out the format of a folder.

A format is one module, named in `FORMATS`, with three functions:

- `recognize(folder)` returns the reason to take the folder for one of the format, or `None`.
- `read(folder, report, **options)` returns a `DataSet`, whose samples are read when needed.
- `write(data, folder, report, **options)` writes a data set, sample by sample.

A format that is only read, or only written, lacks the other function.
"""

from __future__ import annotations

import errno
import inspect
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import attrs

from synapse._internal.hints import suggestion
from synapse._internal.lazy_import import load
from synapse._internal.short_traceback import shortened
from synapse._internal.user_folders import expand_home
from synapse.errors import SynapseError, UsageError
from synapse.formats.contained import ContainedSamples, find_roots
from synapse.formats.detections import from_supervision, to_supervision
from synapse.formats.report import FormatReport, Loss
from synapse.formats.samples import DataSet, DataSetClass, Sample
from synapse.formats.short_names import ShortSamples
from synapse.formats.writing import check_target
from synapse.formats.written_files import recording

__all__ = [
    "FORMATS",
    "DataSet",
    "DataSetClass",
    "FormatReport",
    "Loss",
    "Sample",
    "check_options",
    "choose_format",
    "from_supervision",
    "make_folder",
    "read",
    "recognize",
    "to_supervision",
    "write",
]

FORMATS: tuple[str, ...] = (
    "coco",
    "csv_boxes",
    "cvat",
    "image_folder",
    "label_studio",
    "labelme",
    "mask_png",
    "voc",
    "webdataset",
    "yolo",
)
"""Names of the formats; each one is a module of this package."""

# Folders of a data set that have a file which people may pass instead of the data set.
_INNER = frozenset({"annotations", "labels", "Annotations"})


def recognize(folder: str | os.PathLike[str]) -> dict[str, str]:
    """Return the formats that a folder may have, with the reason for each. Makes no request.

    Args:
        folder: The folder of a data set.
    """
    path = _check_folder(folder)
    reasons = {name: _module(name).recognize(path) for name in FORMATS}
    return {name: reason for name, reason in reasons.items() if reason}


def read(
    folder: str | os.PathLike[str],
    format: str = "auto",  # noqa: A002 - the word that people know
    *,
    strict: bool = False,
    follow_links: bool = False,
    **options: Any,
) -> tuple[DataSet, FormatReport]:
    """Read the data set in a folder. Makes no request.

    Args:
        folder: The folder of a data set.
        format: Name of the format, or `"auto"` to find out.
        strict: Whether the first loss is an error.
        follow_links: Whether pictures may be links out of the folder. By default such pictures are
            left out and reported, as `outside`: a data set of somebody else could name any file.
        **options: Arguments of the format.

    Returns:
        The data set, and the report that fills while the samples are read.

    Raises:
        DataLost: The work is strict, and a part can't be read.
        TypeError: The format has no such option.
        UsageError: The format is unknown, or the folder has none or several of the formats.
    """
    path = _check_folder(folder)
    name = choose_format(path)[0] if format == "auto" else format
    report = FormatReport(strict=strict)
    check_options(name, "read", options, ["strict", "follow_links"])
    data: DataSet = _get_function(name, "read")(path, report, **options)
    if not follow_links:
        samples = ContainedSamples(data.samples, find_roots(path, options), report)
        data = attrs.evolve(data, samples=samples)
    return data, report


def write(
    data: DataSet,
    folder: str | os.PathLike[str],
    format: str,  # noqa: A002 - the word that people know
    *,
    strict: bool = False,
    **options: Any,
) -> FormatReport:
    """Write a data set into a folder. Makes no request.

    Afterwards the folder has exactly the files of this data set: the files of an earlier export
    into the folder are removed. Pictures stay if they are the same.

    Args:
        data: The data set.
        folder: The folder, which is made if necessary: an empty one, or that of an earlier export.
        format: Name of the format.
        strict: Whether the first loss is an error.
        **options: Arguments of the format.

    Raises:
        DataLost: The work is strict, and the format can't hold a part.
        TypeError: The format has no such option.
        UsageError: The format is unknown, or the folder has files that no export wrote.
    """
    write_set = _get_function(format, "write")
    check_options(format, "write", options, ["strict"])
    report = FormatReport(strict=strict)
    path = make_folder(folder)
    check_target(path, options.get("images"))
    data = attrs.evolve(data, samples=ShortSamples(data.samples, report))
    try:
        with recording(path):
            write_set(data, path, report, **options)
    except SynapseError:
        raise
    except (ValueError, OverflowError) as error:  # a name or number that the format can't hold
        raise UsageError(f"The data set can't be written as {format}: {error}") from error
    return report


def check_options(
    format: str,  # noqa: A002 - the word of the public functions
    action: Literal["read", "write"],
    options: Iterable[str],
    others: Iterable[str] = (),
) -> None:
    """Refuse an option that a format doesn't have.

    Args:
        format: Name of the format.
        action: What the options are for.
        options: Names of the options.
        others: Arguments of the caller that the user may have meant.

    Raises:
        TypeError: The format has no such option.
        UsageError: The format is unknown, or lacks the action.
    """
    parameters = inspect.signature(_get_function(format, action)).parameters.values()
    known = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
    for name in options:
        if name not in known:
            hint = suggestion(name, [*known, *others])
            raise shortened(TypeError(f"{name}= is not an option of the format {format!r}{hint}"))


def make_folder(folder: str | os.PathLike[str]) -> Path:
    """Return a folder, which is made if necessary.

    Raises:
        UsageError: The path is a file's.
    """
    path = expand_home(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UsageError(f"{path} is not a folder. Name another one.") from None
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise UsageError(f"The path {path} is too long. Name another folder.") from None
    return path


def _module(name: str) -> Any:
    if name not in FORMATS:
        raise UsageError(f"format={name!r} is not known{suggestion(str(name).lower(), FORMATS)}")
    return load(f"synapse.formats.{name}")


def _get_function(name: str, action: str) -> Any:
    function = getattr(_module(name), action, None)
    if function is None:
        able = ", ".join(each for each in FORMATS if hasattr(_module(each), action))
        participle = "read" if action == "read" else "written"
        raise UsageError(f"format={name!r} can't be {participle}. Use one of {able}.")
    return function


def _check_folder(folder: str | os.PathLike[str]) -> Path:
    if not isinstance(folder, (str, os.PathLike)):
        raise UsageError(f"folder={folder!r} is not a path. Pass the folder of the data set.")
    path = expand_home(folder)
    if path.is_dir():
        return path
    if not path.exists():
        raise UsageError(f"{path} is not a folder: nothing has this name.")
    if path.suffix.lower() in (".zip", ".tar", ".gz", ".tgz"):
        raise UsageError(f"{path} is not a folder. Unpack the archive, and pass its folder.")
    parents = [*([path.parent.parent] if path.parent.name in _INNER else []), path.parent]
    near = next((str(each) for each in parents if _find_format(each)), str(path.parent))
    raise UsageError(f"{path} is not a folder. Pass the folder of the data set: {near!r}?")


def _find_format(folder: Path) -> str | None:
    """Return a format that a folder may have, `None` also for a broken one."""
    try:
        return next(iter(recognize(folder)), None)
    except (OSError, SynapseError):
        return None


def choose_format(folder: str | os.PathLike[str]) -> tuple[str, str]:
    """Return the format of a folder, and the reason. Makes no request.

    Raises:
        UsageError: The folder has none or several of the formats.
    """
    path = _check_folder(folder)
    found = recognize(path)
    if len(found) == 1:
        return next(iter(found.items()))
    if not found:
        folders = [each for each in path.iterdir() if each.is_dir() and each.name[0] not in "._"]
        if len(folders) == 1 and _find_format(folders[0]):
            raise UsageError(
                f"{path} has the files of no known format; did you mean {str(folders[0])!r}?"
            )
        names = sorted(each.name for each in path.iterdir())[:8]
        raise UsageError(
            f"{path} has the files of no known format; it has {', '.join(names) or 'nothing'}. "
            f"Name the format, format={FORMATS[0]!r} or another of {', '.join(FORMATS)}."
        )
    reasons = "; ".join(f"{name}: {reason}" for name, reason in found.items())
    raise UsageError(f"{path} may have several formats ({reasons}). Name one, format=.")
