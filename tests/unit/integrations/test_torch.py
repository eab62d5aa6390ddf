"""The bridge to torch, without torch."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.errors import MissingExtra
from synapse.integrations import torch
from synapse.integrations.torch import PictureDataset, PictureStream, collate
from synapse.session import Session


def test_collate_makes_lists_without_skipped_samples() -> None:
    assert collate([("a", 1), None, ("b", 2)]) == (["a", "b"], [1, 2])
    assert collate([]) == ([], [])


@pytest.mark.parametrize("cls", [PictureDataset, PictureStream])
def test_tensors_need_the_extra(cls: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "_data", None)
    with (
        Session("http://127.0.0.1:9", "token") as session,
        pytest.raises(MissingExtra, match="torch"),
    ):
        cls(session.tasks, tensors=True)
