"""Detections without supervision; `make test-formats` runs the tests with supervision."""

from __future__ import annotations

import sys

import pytest

from synapse.annotations import Box
from synapse.errors import MissingExtra
from synapse.formats import to_supervision


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "supervision", None)

    with pytest.raises(MissingExtra, match=r"pip install .*\[supervision\]'"):
        to_supervision([Box(1, 2, 3, 4, label="car")])
