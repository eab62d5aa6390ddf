"""Count the files that an upload or a download would write, and write none."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from synapse.errors import SynapseError, UsageError
from synapse.transfer.bulk.file_sender import open_file
from synapse.transfer.bulk.report import Failure, convert_error
from synapse.transfer.bulk.sources import RefusedItem, open_source
from synapse.transfer.bulk.specification_matcher import Match, Matcher
from synapse.transfer.bulk.upload_item import ItemFile, Specification, UploadItem

__all__ = ["TransferPreview", "check_folder", "preview_upload"]


@attrs.define
class TransferPreview:
    """What a transfer would write.

    Attributes:
        units: Number of data units.
        files: Number of files.
        bytes: Bytes of the files, as far as known.
        skipped: Number of files that exist with the right content.
        ignored: Number of files that match no specification, or are left out.
        failed: Files and items that can't be transferred, with the reasons.
        notes: Remarks on the source.
    """

    units: int = 0
    files: int = 0
    bytes: int = 0
    skipped: int = 0
    ignored: int = 0
    failed: list[Failure] = attrs.field(factory=list)
    notes: list[str] = attrs.field(factory=list)

    def __str__(self) -> str:
        columns = [("units", f"{self.units:,}"), ("files", f"{self.files:,}")]
        columns += [("MB", f"{self.bytes / 1e6:,.1f}"), ("bytes", f"{self.bytes:,}")]
        columns += [("skipped", f"{self.skipped:,}")] if self.skipped else []
        columns += [("ignored", f"{self.ignored:,}")] if self.ignored else []
        columns += [("failed", f"{len(self.failed):,}")]
        return ", ".join(f"{name}: {value}" for name, value in columns)


def preview_upload(
    specifications: Iterable[Specification],
    source: Any,
    *,
    match: Match | None = None,
    ignore: str | Iterable[str] | None = None,
    columns: Mapping[str, str] | None = None,
) -> TransferPreview:
    """Read the source of an upload as the upload does. Makes no request.

    Files are opened and not read. Those that the server has count as well.

    Args:
        specifications: Specifications of the collection.
        source: As for `DataCollection.upload`, as the other arguments.
        match: Names of specifications by pattern.
        ignore: Patterns of files that are left out.
        columns: Names of specifications by column.

    Raises:
        UsageError: The source is unusable, as for the upload.
    """
    preview = TransferPreview()
    matcher = Matcher(list(specifications), match)
    with contextlib.closing(open_source(source, matcher, ignore=ignore, columns=columns)) as items:
        items.check()
        for item in items:
            if isinstance(item, RefusedItem):
                preview.failed.append(Failure(item.label, item.error))
            else:
                _add_item(preview, item)
        preview.ignored, preview.notes = items.ignored, [*items.notes]
    return preview


def _add_item(preview: TransferPreview, item: UploadItem) -> None:
    try:
        sizes = [_measure(file) for file in item.files]
    except (SynapseError, OSError) as error:
        preview.failed.append(Failure(item.label, convert_error(error)))
        return
    preview.units += 1
    preview.files += len(sizes)
    preview.bytes += sum(sizes)


def _measure(file: ItemFile) -> int:
    with open_file(file) as opened:
        opened.refuse_empty()
        return opened.size


def check_folder(folder: Path) -> None:
    """Refuse a path that can't become a folder.

    Raises:
        UsageError: The path, or a part of the path, is a file, or can't be written to.
    """
    existing = folder
    while not os.path.lexists(existing) and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        raise UsageError(f"{folder} can't be a folder: {existing} is a file.")
    if not os.access(existing, os.W_OK):
        raise UsageError(f"{folder} can't be a folder: {existing} can't be written to.")
