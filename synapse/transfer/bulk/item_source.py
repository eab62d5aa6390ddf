"""The base of all sources of upload items."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import attrs

from synapse.errors import SynapseError
from synapse.transfer.bulk.upload_item import UploadItem

__all__ = ["ItemSource", "RefusedItem"]


@attrs.frozen
class RefusedItem:
    """An invalid item, found after others were sent.

    Attributes:
        label: Name of the item.
        error: The reason.
    """

    label: str
    error: SynapseError


class ItemSource(ABC):
    """A source of items.

    Attributes:
        identity: Identity of the source, for the default path of the journal.
        files: Number of files, if known in advance.
        size: Bytes of all files, if known in advance.
        ignored: Number of files that match no specification, or were left out.
        notes: Remarks on what was left out, and on names that may be misspelt.
        unreadable: Folders that can't be read, and the reasons.
        is_unique: Whether no item can come twice.
    """

    is_unique = False

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.files: int | None = None
        self.size = 0
        self.ignored = 0
        self.notes: list[str] = []
        self.unreadable: dict[str, SynapseError] = {}

    @property
    def unreadable_keys(self) -> list[str]:
        """The paths of `unreadable` below the source, with `/`."""
        return list(self.unreadable)

    @abstractmethod
    def check(self) -> None:
        """Check the items before the upload, as many as possible.

        Raises:
            UsageError: An item is invalid.
        """

    @abstractmethod
    def __iter__(self) -> Iterator[UploadItem | RefusedItem]:
        """Yield the items, and those that are refused."""

    def close(self) -> None:  # noqa: B027 - most sources have nothing to release
        """Release temporary files."""
