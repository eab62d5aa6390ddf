"""The COCO file of one split, written picture by picture."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import attrs

from synapse.formats.coco_rows import CategoryRegistry, CocoRowWriter
from synapse.formats.json_stream import JSON_ERRORS
from synapse.formats.parts import find_size, write_picture
from synapse.formats.samples import ImageMode, Sample
from synapse.formats.written_files import record

__all__ = ["CocoSplitFile"]

_BLOCK = 2**16

_ENCODER = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), check_circular=False, allow_nan=False
)


def _make_spool() -> IO[str]:
    return tempfile.TemporaryFile("w+", encoding="utf-8", errors=JSON_ERRORS, newline="\n")


class CocoSplitFile:
    """The file of one split; rows wait in temporary files, a line for each picture."""

    def __init__(self, folder: Path, split: str) -> None:
        self._path = folder / "annotations" / f"instances_{split.replace('/', '_')}.json"
        self._pictures = folder / "images" / split
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            self._images = stack.enter_context(_make_spool())
            self._rows = stack.enter_context(_make_spool())
            self._stack = stack.pop_all()
        self._last_image = self._last_row = 0
        # Joints of each class at its first row: a later row may have more.
        self._joint_counts: dict[int, int] = {}
        self._has_grown = False

    def __enter__(self) -> CocoSplitFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, sample: Sample, writer: CocoRowWriter, images: ImageMode) -> None:
        """Write a picture and its rows."""
        report = writer.report
        write_picture(sample, self._pictures / sample.name, images, report)
        size = find_size(sample)
        self._last_image += 1
        row: dict[str, Any] = {"id": self._last_image, "file_name": sample.name}
        if size is None:
            report.lose(sample.name, "no-size", "the size of the picture is unknown")
        else:
            row |= {"width": size[0], "height": size[1]}
            sample = attrs.evolve(sample, size=size) if sample.size is None else sample
        if sample.id is not None and sample.id != self._last_image:
            row["source_id"] = sample.id
        rows: list[dict[str, Any]] = []
        for each in writer.write(sample):
            self._last_row += 1
            rows.append({"id": self._last_row, "image_id": self._last_image, **each})
            if "keypoints" in each:
                count = len(each["keypoints"])
                known = self._joint_counts.setdefault(each["category_id"], count)
                self._has_grown |= count != known
        separator = ",\n" if self._last_image > 1 else ""
        self._images.write(separator + _ENCODER.encode(row))
        if rows:
            self._rows.write(_ENCODER.encode(rows)[1:-1] + "\n")
        report.samples += 1

    def finish(self, categories: CategoryRegistry, info: Mapping[str, Any]) -> None:
        """Put the file together, whole or not at all."""
        part = self._path.with_name(f"{self._path.name}.part")
        rows = categories.build_rows()
        counts = {row["id"]: 3 * len(row["keypoints"]) for row in rows if "keypoints" in row}
        self._has_grown |= any(counts.get(each) != n for each, n in self._joint_counts.items())
        head: dict[str, Any] = {}
        if isinstance(info.get("info"), Mapping):
            head["info"] = info["info"]
        if isinstance(info.get("licenses"), list):
            head["licenses"] = info["licenses"]
        with part.open("w", encoding="utf-8", errors=JSON_ERRORS, newline="\n") as file:
            file.write("{")
            for name, value in head.items():
                file.write(f"{_ENCODER.encode(name)}:{_ENCODER.encode(value)},\n")
            file.write('"images":[\n')
            self._images.seek(0)
            shutil.copyfileobj(self._images, file, _BLOCK)
            file.write('],\n"annotations":[\n')
            _copy_rows(self._rows, file, counts if self._has_grown else {})
            lines = ",\n".join(map(_ENCODER.encode, rows))
            file.write(f'],\n"categories":[\n{lines}]}}\n')
        record(self._path)
        part.replace(self._path)


def _copy_rows(rows: IO[str], file: IO[str], counts: Mapping[int, int]) -> None:
    """Copy lines of rows; joints that became known later are missing in earlier rows."""
    rows.seek(0)
    separator = ""
    for line in rows:
        text = line[:-1]
        if counts and '"keypoints"' in text:
            values = json.loads(f"[{text}]")
            for each in values:
                if "keypoints" in each:
                    missing = counts[each["category_id"]] - len(each["keypoints"])
                    each["keypoints"] += [0] * missing
            text = _ENCODER.encode(values)[1:-1]
        file.write(separator + text)
        separator = ",\n"
