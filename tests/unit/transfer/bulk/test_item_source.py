"""The base of all sources of upload items."""

from __future__ import annotations

import pytest

from synapse.transfer.bulk.item_source import ItemSource


def test_a_source_defines_its_items() -> None:
    source = ItemSource("folder x")
    assert (source.identity, source.files, source.size, source.ignored) == ("folder x", None, 0, 0)
    assert (source.notes, source.unreadable, source.is_unique) == ([], {}, False)
    with pytest.raises(NotImplementedError):
        source.check()
    with pytest.raises(NotImplementedError):
        list(source)
    source.close()
