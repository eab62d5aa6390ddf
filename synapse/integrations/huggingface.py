"""Queries as data sets of Hugging Face's `datasets`: pictures with their annotations.

Example:
    ```text
    dataset = project.tasks.filter(status="completed").to_hf()
    dataset[0]["image"], dataset[0]["objects"]["bbox"]
    parts = dataset.train_test_split(test_size=0.2, seed=7)
    ```
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from synapse._internal.lazy_import import load
from synapse._internal.user_folders import expand_home
from synapse.errors import MissingExtra, UsageError
from synapse.integrations.sample_source import SampleSource
from synapse.integrations.samples import PictureSample, SampleRow
from synapse.integrations.targets import TargetKind
from synapse.orm.query import Query

if TYPE_CHECKING:
    import datasets

__all__ = ["make_dataset"]

# Bytes of pictures in memory before they are written.
_BATCH_BYTES = 16 * 1024 * 1024
_BATCH_ROWS = 1000
_FILE = "data.arrow"


def make_dataset(
    query: Query[Any],
    *,
    target: TargetKind = "detection",
    classes: Sequence[str] | None = None,
    file: str | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    folder: str | os.PathLike[str] | None = None,
) -> datasets.Dataset:
    """Return a query as a data set of `datasets`, see `TrainingMixin.to_hf`."""
    try:
        library: Any = load("datasets")
        arrow: Any = load("pyarrow")
    except ImportError as error:
        raise MissingExtra("A data set of Hugging Face", "hf") from error
    place, is_temporary = _choose_folder(folder)
    rows = _Rows(query, target, classes, file, on_error)
    schema = rows.features(library).arrow_schema
    path = place / _FILE
    part = path.with_name(f".{_FILE}.part")
    place.mkdir(parents=True, exist_ok=True)
    if is_temporary:
        atexit.register(_remove, place, os.getpid())
    try:
        with part.open("wb") as sink, arrow.ipc.new_stream(sink, schema) as writer:
            for batch in _batch(rows.examples()):
                writer.write_table(arrow.Table.from_pylist(batch, schema))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    found: datasets.Dataset = library.Dataset.from_file(str(path))
    return found


class _Rows:
    """The examples of a query, and their types."""

    def __init__(
        self, query: Any, target: TargetKind, classes: Any, file: Any, on_error: Any
    ) -> None:
        self._target = target
        self.source = SampleSource(
            query,
            target=target,
            classes=classes,
            file=file,
            first_label=0,
            on_error=on_error,
            decode=False,
        )
        self._index = self.source.list_rows()

    def features(self, library: Any) -> Any:
        """Return the types of the columns."""
        is_text = bool(self._index) and isinstance(self._index[0]["id"], str)
        numbers = library.Value("int64")
        columns: dict[str, Any] = {
            "image_id": library.Value("string") if is_text else numbers,
            "image": library.Image(),
            "width": library.Value("int32"),
            "height": library.Value("int32"),
        }
        classes = self.source.classes
        names = library.ClassLabel(names=classes) if classes else numbers
        if self._target == "classification":
            columns["label"] = names
        elif self._target == "annotations":
            columns["annotations"] = library.Value("string")
        else:
            columns["objects"] = {
                "bbox": library.List(library.List(library.Value("float32"), length=4)),
                "category": library.List(names),
                "area": library.List(library.Value("float32")),
                "iscrowd": library.List(library.Value("bool")),
            }
        return library.Features(columns)

    def examples(self) -> Iterator[dict[str, Any]]:
        """Yield the examples. One request for each picture that isn't in the file cache."""
        for row in self._index:
            found = self.source.read(row)
            if found is not None:
                yield self._make_example(row, *found[1:])

    def _make_example(self, row: SampleRow, sample: PictureSample, target: Any) -> dict[str, Any]:
        with self.source.reader.open(row) as file:
            content = file.read()
        example: dict[str, Any] = {
            "image_id": sample.id,
            "image": {"bytes": content, "path": Path(sample.name).name or None},
            "width": sample.size[0],
            "height": sample.size[1],
        }
        if self._target == "classification":
            example["label"] = target
        elif self._target == "annotations":
            document = target.__synapse_json__()
            example["annotations"] = json.dumps(document, ensure_ascii=False)
        else:
            example["objects"] = {
                "bbox": [[x, y, right - x, end - y] for x, y, right, end in target["boxes"]],
                "category": target["labels"],
                "area": target["area"],
                "iscrowd": [bool(each) for each in target["iscrowd"]],
            }
        return example


def _choose_folder(folder: str | os.PathLike[str] | None) -> tuple[Path, bool]:
    """Return the folder of the data set's file, and whether it is removed at the end."""
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="synapse-hf-")), True
    place = expand_home(folder)
    if (place / _FILE).exists():
        raise UsageError(
            f"{place} has the data set of an earlier call. Open it with "
            f"datasets.Dataset.from_file({str(place / _FILE)!r}), or pass another folder=."
        )
    return place, False


def _batch(examples: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = 0
    for example in examples:
        batch.append(example)
        size += len(example["image"]["bytes"])
        if size >= _BATCH_BYTES or len(batch) >= _BATCH_ROWS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
