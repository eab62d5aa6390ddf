"""Data sets for torch: the pictures of a query with their annotations as targets.

Without torch, a data set is a plain sequence or iterable of the same samples.

Example:
    ```text
    from torch.utils.data import DataLoader
    from synapse.integrations.torch import collate

    dataset = project.tasks.filter(status="completed").to_torch()
    loader = DataLoader(dataset, batch_size=8, shuffle=True, num_workers=4, collate_fn=collate)
    for images, targets in loader:
        ...
    ```
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import attrs

from synapse._internal.lazy_import import load
from synapse._internal.validate import validate_int
from synapse.errors import (
    MissingExtra,
    UsageError,
)
from synapse.integrations.sample_source import SampleSource
from synapse.integrations.sample_stream import SampleStream, StreamPosition
from synapse.integrations.samples import SampleRow
from synapse.integrations.skipped import SkippedSample
from synapse.integrations.targets import TargetKind
from synapse.orm.query import Query

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["PictureDataset", "PictureStream", "collate"]

try:
    _data: Any = load("torch.utils.data")
except ImportError:
    _data = None
# A DataLoader knows an iterable data set by its base class.
_MapBase: Any = object if _data is None else _data.Dataset
_IterableBase: Any = object if _data is None else _data.IterableDataset


class _Transforms:
    """Changes of each sample: tensors, then the functions of the user."""

    def __init__(
        self,
        transform: Callable[[Any], Any] | None,
        target_transform: Callable[[Any], Any] | None,
        transforms: Callable[[Any, Any], Any] | None,
        tensors: bool | None,
    ) -> None:
        if transforms is not None and (transform is not None or target_transform is not None):
            raise UsageError(
                "transforms= replaces transform= and target_transform=. Pass one kind."
            )
        if tensors and _data is None:
            raise MissingExtra("tensors=True", "torch")
        self._has_tensors = _data is not None if tensors is None else tensors
        self._transform = transform
        self._target_transform = target_transform
        self._transforms = transforms

    def apply(self, source: SampleSource, row: SampleRow) -> Any:
        """Return the sample of a row; `None` for a skipped one."""
        found = source.read(row)
        if found is None:
            return None
        picture, _, target = found
        if self._has_tensors and source.builder.kind == "detection":
            target = _to_tensors(target)
        if self._transforms is not None:
            return self._transforms(picture, target)
        if self._transform is not None:
            picture = self._transform(picture)
        if self._target_transform is not None:
            target = self._target_transform(target)
        return picture, target


class PictureDataset(_MapBase):  # type: ignore[misc] # a base class that may be missing
    """The pictures of a query by position, as torch's map-style data sets.

    One request for each page of 1,000 rows now (or of the query's `page_size()`), and one for the
    projects' classes unless `classes` is given. Later one for each picture that isn't in the file
    cache: none in a second epoch.

    The rows are a snapshot, in the query's order. They take little memory, which forked workers
    share. A data set pickles without a token: workers that are spawned connect with the local
    environment or profile.

    Each sample is a pair of a picture of Pillow and a target. In detection, a target has `boxes`
    (x1, y1, x2, y2 in pixels), `labels`, `area`, `iscrowd` and `image_id`, as torchvision's
    detectors take them; in classification, it is the number of the class.

    Args:
        query: A query of tasks, assignments, ground truths or data units.
        target: `"detection"`, `"classification"` or `"annotations"`.
        classes: Names of the classes, whose order gives the numbers; annotations of others are left
            out. By default the classes of the projects, then others of the annotations by name.
        masks: Whether targets of detection have `masks` (objects, height, width).
        file: Name of the file specification of the pictures; by default the first picture.
        mode: Pillow's mode of the pictures; `None` leaves them as stored. Pictures aren't turned by
            EXIF; boxes refer to the pixels as stored.
        first_label: Number of the first class in detection: 1 leaves 0 to the background.
        transform: Function of the picture.
        target_transform: Function of the target.
        transforms: Function of both, which returns both; instead of the other two.
        on_error: `"raise"`; or `"skip"` for `None` in place of a sample whose picture is gone or
            damaged, whose document is of an unknown form, or that has no class. `skipped` lists
            these samples, and `collate` leaves them out.
        tensors: Whether values of targets are tensors; by default if torch is installed.

    Raises:
        UsageError: An argument isn't valid.
        MissingExtra: `tensors=True`, and torch isn't installed.
        ClientError: The server refused, or couldn't be reached.

    Example:
        >>> from synapse.integrations.torch import PictureDataset
        >>> dataset = PictureDataset(project.tasks)
        >>> len(dataset), dataset.classes
        (2, [])
    """

    def __init__(
        self,
        query: Query[Any],
        *,
        target: TargetKind = "detection",
        classes: Sequence[str] | None = None,
        masks: bool = False,
        file: str | None = None,
        mode: str | None = "RGB",
        first_label: int = 1,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        transforms: Callable[[Any, Any], Any] | None = None,
        on_error: Literal["raise", "skip"] = "raise",
        tensors: bool | None = None,
    ) -> None:
        self._transforms = _Transforms(transform, target_transform, transforms, tensors)
        self._source = SampleSource(
            query,
            target=target,
            classes=classes,
            masks=masks,
            file=file,
            mode=mode,
            first_label=first_label,
            on_error=on_error,
        )
        self._index = self._source.list_rows()

    @property
    def classes(self) -> list[str]:
        """Names of the classes, in the order of their numbers."""
        return self._source.classes

    @property
    def skipped(self) -> list[SkippedSample]:
        """The samples that were skipped so far, in all worker processes."""
        return self._source.skipped

    def id_of(self, index: int) -> int | str:
        """Return the id of the object at a position. Makes no request."""
        key: int | str = self._index[index]["id"]
        return key

    def __getitem__(self, index: int) -> Any:
        return self._transforms.apply(self._source, self._index[index])

    def __len__(self) -> int:
        return len(self._index)


class PictureStream(_IterableBase):  # type: ignore[misc] # a base class that may be missing
    """The pictures of a query one after the other, as torch's iterable data sets.

    For queries too long to be listed first. Five requests now, and two for the project's classes
    unless `classes` is given. Then, in each worker, one for each page of 1,000 rows (or of the
    query's `page_size()`) and one for each picture that isn't in the file cache.

    The workers of a `DataLoader` share the rows by ranges of ids, as do processes of several
    machines by `rank` and `world_size`. The same seed and epoch give the same order, whatever the
    time each worker takes: parts of the query are shuffled, and the rows within each page.
    `state_dict()` and `load_state_dict()` resume a pass, also through torchdata's
    `StatefulDataLoader`, with the same number of workers; rows that were added meanwhile come in
    none of the passes.

    Args:
        query: A query of tasks, assignments, ground truths or data units. In another order than
            the ids', rows that others add or remove meanwhile move the others.
        seed: Number that decides the order; `None` keeps the query's order.
        rank: Number of this process among those that share the rows.
        world_size: Number of these processes.
        target: `"detection"`, `"classification"` or `"annotations"`.
        classes: Names of the classes, whose order gives the numbers; annotations of others are left
            out. By default the classes of the first row's project, and another one is an error.
        masks: Whether targets of detection have `masks` (objects, height, width).
        file: Name of the file specification of the pictures; by default the first picture.
        mode: Pillow's mode of the pictures; `None` leaves them as stored.
        first_label: Number of the first class in detection: 1 leaves 0 to the background.
        transform: Function of the picture.
        target_transform: Function of the target.
        transforms: Function of both, which returns both; instead of the other two.
        on_error: `"raise"`; or `"skip"` for leaving out samples as `PictureDataset` does.
        tensors: Whether values of targets are tensors; by default if torch is installed.

    Raises:
        UsageError: An argument isn't valid.
        MissingExtra: `tensors=True`, and torch isn't installed.
        ClientError: The server refused, or couldn't be reached.

    Example:
        >>> from synapse.integrations.torch import PictureStream
        >>> stream = PictureStream(project.tasks, seed=7)
        >>> stream.state_dict()["epoch"]
        0
    """

    def __init__(
        self,
        query: Query[Any],
        *,
        seed: int | None = None,
        rank: int = 0,
        world_size: int = 1,
        target: TargetKind = "detection",
        classes: Sequence[str] | None = None,
        masks: bool = False,
        file: str | None = None,
        mode: str | None = "RGB",
        first_label: int = 1,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        transforms: Callable[[Any, Any], Any] | None = None,
        on_error: Literal["raise", "skip"] = "raise",
        tensors: bool | None = None,
    ) -> None:
        validate_int("world_size", world_size)
        validate_int("rank", rank, minimum=0, maximum=world_size - 1)
        self._transforms = _Transforms(transform, target_transform, transforms, tensors)
        self._source = SampleSource(
            query,
            target=target,
            classes=classes,
            masks=masks,
            file=file,
            mode=mode,
            first_label=first_label,
            on_error=on_error,
        )
        self._share = rank, world_size
        self._stream = SampleStream(self._source.reader, self._source.page_size, seed)
        self._position = StreamPosition()
        # Whether the next loop continues at the position, instead of beginning another pass.
        self._is_pending = True
        self._shard: list[int] | None = None
        self._source.find_classes()

    @property
    def classes(self) -> list[str]:
        """Names of the classes, in the order of their numbers."""
        return self._source.classes

    @property
    def skipped(self) -> list[SkippedSample]:
        """The samples that were skipped so far, in all worker processes."""
        return self._source.skipped

    def set_epoch(self, epoch: int) -> None:
        """Choose the number of the next pass, which decides the order. Makes no request.

        By default each loop in this process is the next pass. Workers that a `DataLoader` starts
        anew for each pass need the number; those of `persistent_workers=True` count themselves.

        Args:
            epoch: The number, from 0.

        Raises:
            UsageError: The number isn't a whole one from 0.
        """
        validate_int("epoch", epoch, minimum=0)
        self._position, self._is_pending, self._shard = StreamPosition(epoch), True, None

    def state_dict(self) -> dict[str, Any]:
        """Return the place after the last sample, as plain values. Makes no request."""
        position = attrs.asdict(self._position)
        return {**self._stream.state(), "shard": self._find_shard(), **position}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Let the next loop go on after the sample where a state was taken. Makes no request.

        Args:
            state: A result of `state_dict()`, of the same worker.

        Raises:
            UsageError: The state is of a data set with other arguments, or isn't a state.
        """
        self._stream.restore(state)
        names = [field.name for field in attrs.fields(StreamPosition)]
        self._position = StreamPosition(**{name: state[name] for name in names})
        self._shard = list(state["shard"])
        self._is_pending = True

    def __iter__(self) -> Iterator[Any]:
        shard = self._find_shard()
        if self._shard not in (None, shard):
            raise UsageError(
                "The state is of worker {} of {}, and this is worker {} of {}. Resume with the "
                "same number of workers and the same rank.".format(*(self._shard or ()), *shard)
            )
        if not self._is_pending:
            self._position = StreamPosition(self._position.epoch + 1)
        self._is_pending, self._shard = False, None
        return self._iterate(*shard)

    def _iterate(self, shard: int, shards: int) -> Generator[Any, None, None]:
        position = self._position
        for row in self._stream.rows(position, shard, shards):
            sample = self._transforms.apply(self._source, row)
            if sample is not None:
                yield sample
        if self._position is position:
            self._position, self._is_pending = StreamPosition(position.epoch + 1), True

    def _find_shard(self) -> list[int]:
        """Return this worker's number among all of all processes, and their number."""
        rank, world_size = self._share
        info = None if _data is None else _data.get_worker_info()
        if info is None:
            return [rank, world_size]
        return [rank * info.num_workers + info.id, world_size * info.num_workers]


def collate(batch: Iterable[Any]) -> tuple[list[Any], ...]:
    """Return a batch as lists, of pictures and of targets, without skipped samples.

    Pictures of several sizes can't be stacked, so detectors take lists. Makes no request.

    Args:
        batch: The samples.

    Returns:
        The pictures and the targets.

    Example:
        >>> collate([("picture 1", {"labels": [1]}), None])
        (['picture 1'], [{'labels': [1]}])
    """
    present = [sample for sample in batch if sample is not None]
    return tuple(map(list, zip(*present, strict=True))) or ([], [])


def _to_tensors(target: dict[str, Any]) -> dict[str, Any]:
    torch: Any = load("torch")
    kinds = {"boxes": torch.float32, "area": torch.float32}
    found = {
        name: torch.as_tensor(target[name], dtype=kinds.get(name, torch.int64))
        for name in ("boxes", "labels", "area", "iscrowd")
    }
    masks = {"masks": torch.from_numpy(target["masks"])} if "masks" in target else {}
    return {**target, **found, "boxes": found["boxes"].reshape(-1, 4), **masks}
