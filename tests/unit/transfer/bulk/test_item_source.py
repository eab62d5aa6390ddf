"""The base of all sources of upload items."""

from __future__ import annotations

import pytest

from synapse.transfer.bulk.item_source import ItemSource


def test_a_source_defines_its_items() -> None:
    with pytest.raises(TypeError, match="abstract"):
        ItemSource("a")  # type: ignore[abstract] # refused, which is tested
