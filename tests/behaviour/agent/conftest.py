"""Agents to test."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from agent_world import World, make_world

from synapse.emulator import Emulator


@pytest.fixture(scope="module")
def world(synapse_backend: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An agent that a module's tests share."""
    yield from make_world(synapse_backend, tmp_path_factory.mktemp("agent"))


@pytest.fixture
def own_world(synapse_backend: Emulator, tmp_path: Path) -> Iterator[World]:
    """An agent for one test, which may stop it."""
    yield from make_world(synapse_backend, tmp_path)


def _fault_proxy() -> Any:
    name = "fault_proxy"
    if name not in sys.modules:
        path = Path(__file__).parents[2] / "reliability" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture
def faults() -> Any:
    """The module that hurts connections."""
    return _fault_proxy()


@pytest.fixture
def proxy_to(faults: Any) -> Iterator[Callable[[str], Any]]:
    """Make a proxy that hurts connections on the way to an address."""
    made: list[Any] = []

    def make(target: str, *options: Any) -> Any:
        made.append(faults.FaultProxy(target, *options))
        return made[-1]

    yield make
    for proxy in made:
        proxy.close()
