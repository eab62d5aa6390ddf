"""Queries as data sets for training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from synapse._internal.lazy_import import load
from synapse.orm.query import Query
from synapse.orm.resource import Resource

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import datasets

    from synapse.integrations.targets import TargetKind
    from synapse.integrations.torch import PictureDataset, PictureStream

__all__ = ["TrainingMixin"]

T = TypeVar("T", bound=Resource)


class TrainingMixin(Query[T]):
    """Adds data sets of other libraries to a manager of objects with pictures."""

    __slots__ = ()

    @overload
    def to_torch(self, *, stream: Literal[False] = False, **options: Any) -> PictureDataset: ...
    @overload
    def to_torch(self, *, stream: Literal[True], **options: Any) -> PictureStream: ...
    def to_torch(self, *, stream: bool = False, **options: Any) -> PictureDataset | PictureStream:
        """Return the pictures and annotations as a data set for torch.

        One request for each page of 1,000 rows, and one for the projects' classes unless `classes=`
        is given; with `stream=True` seven at most. Later one for each picture that isn't in the
        file cache.

        Args:
            stream: Whether the rows are read while training, instead of listed first.
            **options: Other arguments of `synapse.integrations.torch.PictureDataset` or
                `PictureStream`, such as `target`, `classes`, `masks`, `transforms`, `on_error` and
                `seed`.

        Raises:
            UsageError: An option isn't valid.
            MissingExtra: `tensors=True`, and torch isn't installed.
            ClientError: The server refused, or couldn't be reached.

        Example:
            >>> len(project.tasks.to_torch())
            2
        """
        module: Any = load("synapse.integrations.torch")
        found: PictureDataset | PictureStream = (
            module.PictureStream(self, **options)
            if stream
            else module.PictureDataset(self, **options)
        )
        return found

    def to_hf(
        self,
        *,
        target: TargetKind = "detection",
        classes: Sequence[str] | None = None,
        file: str | None = None,
        on_error: Literal["raise", "skip"] = "raise",
        folder: str | os.PathLike[str] | None = None,
    ) -> datasets.Dataset:
        """Return the pictures and annotations as a `datasets.Dataset` of Hugging Face.

        One request for each page of 1,000 rows, one for the projects' classes unless `classes` is
        given, and one for each picture that isn't in the file cache. The pictures are written to a
        file as they come, so memory stays flat. Each call reads the server: no cache of `datasets`
        answers old data.

        The columns are `image_id`, `image`, `width`, `height` and one by the target: `objects` with
        `bbox` (x, y, width, height), `category`, `area` and `iscrowd`; or `label`; or
        `annotations`, a document as JSON text. Categories and labels are numbers from 0, with the
        names of the classes.

        Args:
            target: `"detection"`, `"classification"` or `"annotations"`.
            classes: Names of the classes in order; annotations of others are left out. By default
                the classes of the projects, then others of the annotations by name.
            file: Name of the file specification of the pictures; by default the first picture.
            on_error: `"raise"`; or `"skip"` for leaving out samples whose picture or document is
                missing or damaged, with a warning in the log for each.
            folder: Folder of the data set's file; by default a temporary one, which is removed when
                the program ends.

        Raises:
            MissingExtra: `datasets` or Pillow isn't installed.
            UsageError: An argument isn't valid, or the folder has a data set.
            SampleError: A picture or a document is missing or damaged.
            ClientError: The server refused, or couldn't be reached.
            OSError: The file can't be written.
        """
        module: Any = load("synapse.integrations.huggingface")
        found: datasets.Dataset = module.make_dataset(
            self, target=target, classes=classes, file=file, on_error=on_error, folder=folder
        )
        return found
