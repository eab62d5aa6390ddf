"""Data sets as every format sees them: classes, and pictures with annotations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeAlias

import attrs

from synapse.annotations import Annotation
from synapse.errors import UsageError

__all__ = ["DataSet", "DataSetClass", "ImageMode", "Sample", "check_name", "check_split_name"]

ImageMode: TypeAlias = Literal["copy", "link", "none"]
"""How an export places pictures, as copies, hard links where possible, or not at all."""


# Names that need no further look; a data set has millions of names.
_USUAL = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*){0,9}", re.ASCII)


def check_name(name: str) -> str:
    """Return a picture's name, a relative path with `/`.

    Raises:
        UsageError: The name is empty, absolute, or leaves its folder.
    """
    if _USUAL.fullmatch(name):
        return name
    path = PurePosixPath(name)
    if (
        not path.parts
        or path.is_absolute()
        or ".." in path.parts
        or any(sign in name for sign in "\\\0")
    ):
        raise UsageError(
            f"{name!r} can't name a picture: use a relative path with '/' that stays in its folder."
        )
    return str(path)


def _to_tuple(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(values)


def check_split_name(split: str | None) -> str | None:
    """Return the name of a split, which formats use for folders and files.

    Raises:
        UsageError: The name has other characters than letters, digits, `.`, `-`, `_` and spaces, or
            begins with `.`, `-` or a space.
    """
    if split is not None and not re.fullmatch(r"\w[\w .-]*", split):
        raise UsageError(f"split={split!r} can't name a folder. Use train, val or test.")
    return split


@attrs.frozen
class DataSetClass:
    """A class of a data set.

    Attributes:
        name: The class's name.
        supercategory: Name of the class above, where the format has one.
        keypoints: Names of the joints, in order; empty for a class without a skeleton.
        skeleton: Pairs of joints that a line connects, by position from 0.
    """

    name: str
    supercategory: str | None = None
    keypoints: tuple[str, ...] = attrs.field(default=(), converter=_to_tuple)
    skeleton: tuple[tuple[int, int], ...] = attrs.field(default=(), converter=_to_tuple)


@attrs.frozen
class Sample:
    """A picture with its annotations.

    Attributes:
        name: Relative path of the picture, with `/`: unique in the split.
        annotations: The annotations. The joints of a skeleton are `Keypoint`s in one `Group`; the
            parts of one object are `Polygon`s in one `Group`.
        size: Width and height in pixels, as stored; `None` if unknown.
        image: The picture's local file, if there is one.
        split: Name of the part of the data set, such as `train`, or `None`.
        id: Id of the picture at its source.
        is_labelled: Whether somebody labelled the picture. An empty label file labels the picture
            as empty; without a label file, nobody did.
    """

    name: str = attrs.field(converter=check_name)
    annotations: tuple[Annotation, ...] = attrs.field(default=(), converter=_to_tuple)
    size: tuple[int, int] | None = attrs.field(default=None, kw_only=True)
    image: Path | None = attrs.field(default=None, kw_only=True)
    split: str | None = attrs.field(default=None, kw_only=True, converter=check_split_name)
    id: int | str | None = attrs.field(default=None, kw_only=True)
    is_labelled: bool = attrs.field(default=True, kw_only=True)

    @property
    def is_unknown(self) -> bool:
        """Whether nobody labelled the picture, so that an export writes no empty label file."""
        return not self.is_labelled and not self.annotations


@attrs.frozen
class DataSet:
    """Classes and samples.

    Attributes:
        classes: The classes; their positions are their indices.
        samples: The samples, which may be read anew for each loop: a data set may be larger than
            the memory.
        info: Further values of the format, JSON, such as licences. `category_ids` are the numbers
            of the classes in COCO.
    """

    classes: tuple[DataSetClass, ...] = attrs.field(converter=_to_tuple)
    samples: Iterable[Sample]
    info: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def lost_info(self) -> list[str]:
        """Keys of `info` that a format without a place for them loses: numbers are made anew."""
        return sorted(self.info.keys() - {"category_ids"})
