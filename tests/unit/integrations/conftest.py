"""A stand-in for Ray, which these tests don't need."""

from __future__ import annotations

import sys
import types
from typing import Any

import pytest


@pytest.fixture
def fake_ray(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Modules with the names of Ray that the bridge imports."""

    class Datasource:
        pass

    class ReadTask:
        def __init__(self, read: Any, metadata: Any, per_task_row_limit: Any = None) -> None:
            self.read, self.metadata, self.limit = read, metadata, per_task_row_limit

    class BlockMetadata:
        def __init__(self, **values: Any) -> None:
            self.__dict__.update(values)

    ray, data, block = (types.ModuleType(name) for name in ("ray", "ray.data", "ray.data.block"))
    monkeypatch.setattr(ray, "data", data, raising=False)
    for name, value in [("Datasource", Datasource), ("ReadTask", ReadTask)]:
        setattr(data, name, value)
    block.BlockMetadata = BlockMetadata  # type: ignore[attr-defined]
    data.read_datasource = lambda source, **options: (source, options)  # type: ignore[attr-defined]
    for module in (ray, data, block):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.delitem(sys.modules, "synapse.integrations.ray_source", raising=False)
    return ray
