"""Queries as data sets for training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from synapse._internal.lazy_import import load
from synapse.orm.query import Query
from synapse.orm.resource import Resource

if TYPE_CHECKING:
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
            >>> len(getfixture("project").tasks.to_torch())
            2
        """
        module: Any = load("synapse.integrations.torch")
        found: PictureDataset | PictureStream = (
            module.PictureStream(self, **options)
            if stream
            else module.PictureDataset(self, **options)
        )
        return found
