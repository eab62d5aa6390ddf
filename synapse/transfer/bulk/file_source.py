"""The files of a folder or pattern as upload items, and the remarks on files that are left out."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from typing_extensions import override

from synapse.errors import UsageError
from synapse.transfer.bulk.file_listing import FileListing, join_names
from synapse.transfer.bulk.file_walk import (
    FoundFile,
    OnUnreadable,
    leads_nowhere,
    make_nowhere_error,
)
from synapse.transfer.bulk.item_source import ItemSource, RefusedItem
from synapse.transfer.bulk.layout_hint import LayoutSample
from synapse.transfer.bulk.path_patterns import IgnoredFiles
from synapse.transfer.bulk.specification_matcher import Matcher, Placement
from synapse.transfer.bulk.upload_item import ItemFile, UploadItem, quote_path

__all__ = ["FileSource"]

_MAX_NAMES = 8


class FileSource(ItemSource):
    """The files of a folder or pattern, listed before the upload."""

    is_unique = True

    def __init__(
        self,
        identity: str,
        root: Path,
        list_files: Callable[[Any, OnUnreadable, IgnoredFiles], Iterator[FoundFile]],
        source: Path | str,
        matcher: Matcher,
        ignore: Sequence[str],
    ) -> None:
        super().__init__(identity)
        self._root = root
        self._list_files = list_files
        self._source = source
        self._matcher = matcher
        self._ignore = ignore
        self._ignored = IgnoredFiles(ignore)
        self._listing = FileListing(root)
        # Files of each folder that match no specification, and folders with files that match one.
        self._ignored_by_folder: Counter[str] = Counter()
        # Number of such files by extension, and a name of each.
        self._kinds: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._used_folders: set[str] = set()

    @override
    def check(self) -> None:
        try:
            self._check_files()
        except UsageError as error:
            hint = self._sample_files().suggest(self._matcher)
            raise UsageError(f"{error} Pass {hint}." if hint else str(error)) from None
        else:
            self._check_masks()
            self._check_pairs()
        finally:
            self.notes = [*self._ignored.notes, *self._note_unmatched(), *self._listing.notes]

    def _check_files(self) -> None:
        self._listing.fill(self._match_files())
        self._listing.settle()
        self.files, self.size = self._listing.files, self._listing.size
        self.ignored += self._listing.left_out + self._ignored.files
        if isinstance(self._source, str) and not (self.files or self.ignored or self.unreadable):
            # An empty folder is fine; an empty pattern is likely a mistake.
            raise UsageError(f"No file matches the pattern {self._source!r}. Check the pattern.")
        if self.ignored > self._ignored.files and not self.files:
            reason = (
                "no pattern of match= fits, or match() returned None"
                if self._matcher.is_told
                else "their extensions don't match"
            )
            raise UsageError(
                f"None of the {self.ignored} files of {self._root} is for a specification of the "
                f"collection ({', '.join(self._matcher.by_name)}): {reason}. "
                "Pass match= to assign them."
            )
        self._listing.check([] if self._matcher.is_single else self._matcher.required)

    def _check_masks(self) -> None:
        """Refuse masks without a specification if the collection has one for masks.

        Raises:
            UsageError: Masks were left out, and a specification of pictures has no file.
        """
        folders = self._listing.doubtful
        empty = self._matcher.by_name.keys() - self._listing.list_specifications()
        spare = [name for name in sorted(empty) if self._matcher.by_name[name].file_type == "image"]
        if folders and spare:
            inner = [folder for folder in folders if folder != "."]
            more = f"ignore={inner!r} leaves them out." if inner else ""
            hint = self._sample_files().suggest_match(self._matcher.specifications)
            raise UsageError(
                f"{join_names([f'{folder}/' for folder in folders])}: these pictures may be for "
                f"{spare[0]!r}, but their names don't say so. Nothing was sent. Pass "
                f"{hint or 'match= with a pattern for each specification'}. {more}".rstrip()
            )

    def _check_pairs(self) -> None:
        """Refuse files that form no pairs, if patterns would pair them.

        Raises:
            UsageError: Every record has one file, and names show that some are of one record.
        """
        names = self._listing.list_specifications()
        if self._matcher.is_told or len(names) < 2 or self._listing.has_pairs():
            return
        if hint := self._sample_files().suggest_match(self._matcher.specifications):
            raise UsageError(
                f"Each record would have one file, for {' or '.join(sorted(names))}, though the "
                f"files have similar names. Nothing was sent. Pass {hint}."
            )

    def _sample_files(self) -> LayoutSample:
        found = self._list_files(self._source, lambda *_: None, IgnoredFiles(self._ignore))
        return LayoutSample(relative for relative, _ in found)

    @override
    def __iter__(self) -> Iterator[UploadItem | RefusedItem]:
        for folder, error in self.unreadable.items():
            yield RefusedItem(folder, error)
        for key, files in self._listing:
            yield UploadItem(quote_path(key or "."), files, {})

    @override
    def close(self) -> None:
        self._listing.close()

    def _match_files(self) -> Iterator[tuple[Placement, ItemFile, bool]]:
        for relative, is_linked in self._list_files(
            self._source, self._add_unreadable, self._ignored
        ):
            path = os.path.join(self._root, relative)  # noqa: PTH118 - for millions of files
            place = self._matcher.place(relative, path)
            folder = relative.rpartition("/")[0]
            if place is None and is_linked and leads_nowhere(path):
                self._add_unreadable(path, make_nowhere_error())
            elif place is None:
                self.ignored += 1
                self._ignored_by_folder[folder] += 1
                name = relative.rpartition("/")[2]
                kind = os.path.splitext(name)[1] or name  # noqa: PTH122 - for millions of files
                if kind in self._kinds or len(self._kinds) <= _MAX_NAMES:
                    self._examples[kind] = min(self._examples.get(kind, name), name)
                    self._kinds[kind] += 1
            else:
                self._used_folders.add(folder)
                file = ItemFile(place.specification, path, relative)
                file.read_status()
                yield place, file, is_linked

    def _add_unreadable(self, folder: str, error: OSError) -> None:
        advice = "Allow reading"
        if error.errno == errno.ENOENT:
            advice = "Mount or restore it, or leave it out with ignore="
        self.unreadable[folder] = UsageError(
            f"The folder can't be read: {error.strerror}. {advice}, then run the same call again."
        )

    @property
    @override
    def unreadable_keys(self) -> list[str]:
        """The paths of `unreadable` below the source."""
        return [
            os.path.relpath(folder, self._root).replace(os.sep, "/") for folder in self.unreadable
        ]

    def _note_unmatched(self) -> Iterator[str]:
        """Yield notes on the files that match no specification."""
        folders = sorted(self._ignored_by_folder.keys() - self._used_folders - {""})
        reason = "of match=" if self._matcher.is_told else "for a specification"
        count = sum(self._ignored_by_folder[folder] for folder in folders)
        if folders:
            names = join_names([f"{folder}/" for folder in folders], _MAX_NAMES)
            yield f"{names}: no file is {reason} ({count:,})."
        if count < sum(self._ignored_by_folder.values()):
            listed = [(self._examples[kind], number, kind) for kind, number in self._kinds.items()]
            names = join_names(
                [
                    f"{name} and {number - 1:,} more {kind}" if number > 1 else name
                    for name, number, kind in sorted(listed)
                ],
                _MAX_NAMES,
            )
            yield f"{names}: not {reason}."
