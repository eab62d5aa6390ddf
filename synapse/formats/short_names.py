"""Samples whose names and splits are short enough for files and folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

import attrs

from synapse.formats.objects import make_stable_id
from synapse.formats.report import FormatReport
from synapse.formats.samples import Sample

__all__ = ["ShortSamples", "shorten"]

# Bytes of a part of a path, of which file systems allow 255: formats add numbers and splits.
_MAX_PART = 180
_MAX_PATH = 1000
_MAX_SUFFIX = 16


def shorten(name: str) -> str:
    """Return a relative path that file systems can hold, the same one for the same name.

    Example:
        >>> shorten("a/b.jpg"), len(shorten(f"{300 * 'x'}.jpg"))
        ('a/b.jpg', 180)
    """
    if _measure(name) <= _MAX_PART:
        return name  # the usual case, which need not be taken apart
    path = PurePosixPath(name)
    if _measure(name) > _MAX_PATH:
        return _cut(path.name, name)
    return "/".join(_cut(each, each) if _measure(each) > _MAX_PART else each for each in path.parts)


def _measure(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _cut(part: str, origin: str) -> str:
    """Return the begin of a name, an id of the origin, and the name's suffix."""
    suffix = PurePosixPath(part).suffix
    suffix = suffix if _measure(suffix) <= _MAX_SUFFIX else ""
    end = f"_{make_stable_id(origin)}{suffix}"
    stem = part.removesuffix(suffix).encode("utf-8", "surrogatepass")
    return stem[: _MAX_PART - _measure(end)].decode("utf-8", "ignore") + end


@attrs.frozen
class ShortSamples(Iterable[Sample]):
    """Samples with short names and splits, for the writers of all formats.

    Attributes:
        samples: The samples.
        report: Notes the names that are shortened, as `renamed`.
    """

    samples: Iterable[Sample]
    report: FormatReport

    def __iter__(self) -> Iterator[Sample]:
        for sample in self.samples:
            name = shorten(sample.name)
            split = None if sample.split is None else shorten(sample.split)
            if (name, split) == (sample.name, sample.split):
                yield sample
                continue
            for what, old, new in (("picture", sample.name, name), ("split", sample.split, split)):
                if old != new:
                    reason = f"The name is too long for a file: the {what} is {new}."
                    self.report.lose(sample.name, "renamed", reason)
            yield attrs.evolve(sample, name=name, split=split)
