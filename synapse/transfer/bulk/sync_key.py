"""The identity of a unit across runs and machines, which the server stores: a path or `meta`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from synapse.errors import UsageError
from synapse.transfer.bulk.upload_item import Specification, UploadItem
from synapse.transfer.filenames import compose

__all__ = ["SyncKey"]


class SyncKey:
    """Read the key of items and of the server's units.

    Args:
        text: `"path"`, or `"meta."` and the name of a value; further dots lead into mappings.
        specifications: The collection's specifications.

    Raises:
        UsageError: The text is neither.

    Example:
        >>> key = SyncKey("meta.coco.id", [])
        >>> key.read_row({"meta": {"coco": {"id": 7}}})
        '7'
    """

    def __init__(self, text: str, specifications: Sequence[Specification]) -> None:
        self._name = ""
        if isinstance(text, str) and text.startswith("meta.") and text.strip(".") == text:
            self._name = text.removeprefix("meta.")
        elif text != "path":
            raise UsageError(
                f"key={text!r} is not valid. Pass 'path', or 'meta.' and the name of a value."
            )
        # The path of one file stands for the unit, so that a unit may gain and lose others.
        order = sorted(specifications, key=lambda one: (not one.is_primary, not one.is_required))
        self._specifications = [one.name for one in order]

    @property
    def is_path(self) -> bool:
        """Whether paths are the keys."""
        return not self._name

    def read_item(self, item: UploadItem) -> str:
        """Return an item's key.

        Raises:
            UsageError: The item has none.
        """
        if self.is_path:
            return self._find_path({file.specification: file.name for file in item.files}) or ""
        text = self._read_meta(item.meta)
        if text is None:
            raise UsageError(
                f"{item.label} has no text or number as meta.{self._name}, the key. Add the value "
                "to the record, or pass another key=."
            )
        return text

    def read_row(self, row: Mapping[str, Any]) -> str | None:
        """Return the key of a server's unit, or `None`."""
        if not self.is_path:
            meta = row.get("meta")
            return self._read_meta(meta) if isinstance(meta, Mapping) else None
        files = row.get("files")
        if not isinstance(files, Mapping):
            return None
        return self._find_path(
            {name: str(file.get("path")) for name, file in files.items() if isinstance(file, dict)}
        )

    def _find_path(self, names: Mapping[str, str]) -> str | None:
        found = [names[name] for name in self._specifications if name in names]
        return compose(found[0]) if found else None

    def _read_meta(self, meta: Mapping[str, Any]) -> str | None:
        value: Any = meta
        for part in [self._name] if self._name in meta else self._name.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if isinstance(value, bool):
            return None
        if isinstance(value, (int, float)):
            # As databases rewrite numbers, 7.0 is 7.
            return str(int(value)) if value == int(value) else f"{Decimal(repr(value)):f}"
        return compose(value) if isinstance(value, str) and value else None
