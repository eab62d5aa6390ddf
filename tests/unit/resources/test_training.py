"""Queries pass their options on to the data sets."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.integrations import torch
from synapse.session import Session


@pytest.mark.parametrize(("stream", "name"), [(False, "PictureDataset"), (True, "PictureStream")])
def test_options_go_to_the_data_set(
    stream: bool, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, name, lambda query, **options: (name, options))
    with Session("http://127.0.0.1:9", "token") as session:
        tasks: Any = session.tasks
        assert tasks.to_torch(stream=stream, masks=True) == (name, {"masks": True})
