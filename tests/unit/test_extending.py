"""The module of names for libraries."""

from __future__ import annotations

import synapse.extending


def test_every_name_is_there() -> None:
    names = synapse.extending.__all__

    assert names == sorted(names)
    assert all(hasattr(synapse.extending, name) for name in names)
