"""WebDataset: tar shards of pictures and JSON, which training reads as a stream."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

import attrs

from synapse._internal.json_values import to_json
from synapse._internal.validate import validate_int
from synapse.annotations import Annotation, Group, OtherAnnotation
from synapse.errors import FieldValueError
from synapse.formats.pictures import check_mode, write_file
from synapse.formats.report import FormatReport
from synapse.formats.samples import DataSet, ImageMode, Sample
from synapse.formats.written_files import record

__all__ = ["LOSSES", "recognize", "write"]

LOSSES: dict[str, str] = {
    "no-picture": "A picture isn't there; only its JSON is written.",
    "not-json": "An annotation with a value that JSON can't hold, such as NaN, is left out.",
    "old-shard": "A shard of an earlier export has a number that this export doesn't reach.",
    "unknown-tool": "An annotation of an unknown tool is left out.",
}
"""Codes of the losses, with their meaning."""

# Fields of annotations that belong to the platform's documents.
_DOCUMENT_FIELDS = ("source", "medium")


def recognize(folder: Path) -> str | None:
    """Return the reason to take a folder for tar shards, or `None`.

    Args:
        folder: The folder of a data set.
    """
    shard = next(iter(sorted(folder.glob("*.tar"))), None)
    if shard is None or not (folder / "classes.json").is_file():
        return None
    return f"{shard.name} and classes.json"


def write(
    data: DataSet,
    folder: Path,
    report: FormatReport,
    *,
    samples_per_shard: int = 1000,
    images: ImageMode = "copy",
) -> None:
    """Write tar shards: `SPLIT-NUMBER.tar` with a picture and a JSON file per sample.

    Makes no request. `classes.json` has the classes and further values of the data set.

    Args:
        data: The data set.
        folder: The folder.
        report: Notes the losses.
        samples_per_shard: Largest number of samples in a shard.
        images: Whether the shards have pictures: a tar file can't link to files elsewhere, so
            `"link"` copies too.

    Raises:
        UsageError: An argument can't be used.
    """
    validate_int("samples_per_shard", samples_per_shard)
    check_mode(images)
    shards: dict[str, _Shards] = {}
    try:
        for number, sample in enumerate(data.samples):
            split = sample.split or "data"
            if split not in shards:
                shards[split] = _Shards(folder, split, samples_per_shard)
            _write_sample(shards[split], number, sample, report, images)
        for each in shards.values():
            each.finish()
    finally:
        for each in shards.values():
            each.close()
    classes = [attrs.asdict(each) for each in data.classes]
    write_file(folder / "classes.json", _to_bytes({"classes": classes, "info": data.info}))
    finished = {path for each in shards.values() for path in each.finished}
    for path in sorted(folder.glob("*-[0-9][0-9][0-9][0-9][0-9][0-9].tar")):
        if path not in finished:
            report.lose(path.name, "old-shard", "Delete the shard if it isn't needed.")


def _write_sample(
    shards: _Shards, number: int, sample: Sample, report: FormatReport, images: ImageMode
) -> None:
    name = f"{number:09d}"
    annotations = list(_iterate_annotations(sample, report))
    image = sample.image if sample.image is not None and sample.image.is_file() else None
    if image is None and images != "none":
        report.lose(sample.name, "no-picture", "The picture has no local file.")
    width, height = sample.size or (None, None)
    values = {
        "name": sample.name,
        "id": sample.id,
        "width": width,
        "height": height,
        "annotations": annotations,
    }
    tar = shards.open_next()
    if image is not None and images != "none":
        suffix = image.suffix.lower() or Path(sample.name).suffix.lower() or ".bin"
        with image.open("rb") as file:
            _add(tar, f"{name}{suffix}", image.stat().st_size, file)
    text = _to_bytes(values)
    _add(tar, f"{name}.json", len(text), io.BytesIO(text))
    report.samples += 1
    report.annotations += sum(each["tool"] != Group.TOOL for each in annotations)


def _iterate_annotations(sample: Sample, report: FormatReport) -> Iterator[Any]:
    for each in sample.annotations:
        if isinstance(each, OtherAnnotation):
            reason = f"The tool {each.tool!r} is unknown."
            report.skip(sample.name, "unknown-tool", reason, annotation=each.id)
        else:
            try:
                yield to_json({"tool": each.tool, **_list_fields(each)})
            except FieldValueError as error:
                report.skip(sample.name, "not-json", str(error), annotation=each.id)


def _list_fields(annotation: Annotation) -> dict[str, Any]:
    names = [field.name for field in attrs.fields(type(annotation))]
    return {name: getattr(annotation, name) for name in names if name not in _DOCUMENT_FIELDS}


def _to_bytes(values: Any) -> bytes:
    text = json.dumps(to_json(values), ensure_ascii=False, sort_keys=True)
    return text.encode("utf-8", "surrogatepass")


def _add(tar: tarfile.TarFile, name: str, size: int, file: BinaryIO) -> None:
    # The defaults have neither times nor owners: the same data gives the same bytes.
    member = tarfile.TarInfo(name)
    member.size = size
    tar.addfile(member, file)


class _Shards:
    """The shards of a split; each one is `.part` until the last sample is in."""

    def __init__(self, folder: Path, split: str, maximum: int) -> None:
        self._folder = folder
        self._split = split
        self._maximum = maximum
        self._tar: tarfile.TarFile | None = None
        self._count = 0
        self.finished: list[Path] = []

    def open_next(self) -> tarfile.TarFile:
        """Return the shard that the next sample goes to."""
        if self._tar is not None and self._count >= self._maximum:
            self.finish()
        if self._tar is None:
            self._count = 0
            self._tar = tarfile.TarFile(self._get_part(), "w", format=tarfile.USTAR_FORMAT)
        self._count += 1
        return self._tar

    def finish(self) -> None:
        """Close the open shard, and rename it."""
        if self._tar is not None:
            self._tar.close()
            self._tar = None
            path = self._get_path()
            record(path)
            self._get_part().replace(path)
            self.finished.append(path)

    def close(self) -> None:
        """Remove an unfinished shard."""
        if self._tar is not None:
            with closing(self._tar):
                self._tar = None
            self._get_part().unlink()

    def _get_path(self) -> Path:
        return self._folder / f"{self._split}-{len(self.finished):06d}.tar"

    def _get_part(self) -> Path:
        path = self._get_path()
        return path.with_name(f"{path.name}.part")
