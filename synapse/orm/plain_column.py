"""Columns of tables whose values need no conversion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from synapse._internal.lazy_import import load

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["PlainColumn"]


class PlainColumn(NamedTuple):
    """A column whose values need no conversion.

    Attributes:
        name: Name of the column.
        kind: Name of the type in Arrow, or `"category"`.
    """

    name: str
    kind: str

    def arrow_type(self) -> pa.DataType:
        """Return the column's type in Arrow."""
        arrow = load("synapse.orm.frames").load_library("pyarrow", "frames")
        if self.kind == "category":
            return arrow.dictionary(arrow.int32(), arrow.string())
        return arrow.type_for_alias(self.kind)

    def read(self, rows: Sequence[Mapping[str, Any]]) -> pa.Array:
        """Return the values of some rows."""
        arrow = load("synapse.orm.frames").load_library("pyarrow", "frames")
        return arrow.array([row[self.name] for row in rows], self.arrow_type())
