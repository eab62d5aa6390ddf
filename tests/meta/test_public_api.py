"""The public API is the one that the snapshot records, and the snapshot shows each change."""

from __future__ import annotations

import enum
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Protocol

import attrs
import public_api
import pytest


def test_api_is_as_recorded() -> None:
    recorded = public_api.SNAPSHOT.read_text(encoding="utf-8").splitlines()
    present = public_api.build_api().splitlines()

    removed = sorted(set(recorded) - set(present))
    added = sorted(set(present) - set(recorded))
    assert (removed, added) == ([], []), "intended? python tools/public_api.py --write"
    assert present == recorded


class Color(enum.Enum):
    RED = "red"


class Base:
    def inherited(self) -> int:
        return 1


@attrs.define
class Point(Base):
    x: int = 0
    names: list[str] = attrs.field(factory=list)

    @property
    def length(self) -> float:
        return 0.0

    @classmethod
    def build(cls, *values: int, color: Color = Color.RED, **options: Any) -> Point:
        return cls()

    def _hidden(self) -> None:
        pass


class Fault(ValueError):
    pass


class Counts(Protocol):
    @property
    def count(self) -> int: ...


def find(key: str | None = None, *, within: Mapping[str, Any] = {}) -> list[int]:
    return []


LIMIT = 7


@pytest.fixture
def sample(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module with all kinds of public names."""
    module: Any = ModuleType("synapse.sample")
    names = {
        "Color": Color,
        "Point": Point,
        "Fault": Fault,
        "Counts": Counts,
        "find": find,
        "LIMIT": LIMIT,
    }
    vars(module).update(names, __all__=[*names])
    for value in [*names.values(), Base]:
        if isinstance(value, type):
            monkeypatch.setattr(value, "__module__", "synapse.sample")
    monkeypatch.setitem(sys.modules, "synapse.sample", module)
    return "synapse.sample"


def test_every_kind_of_name_is_listed(sample: str) -> None:
    assert public_api.build_api((sample,)).splitlines() == [
        "# synapse.sample",
        "class Color",
        "    RED = 'red'",
        "class Counts",
        "    count: int (property)",
        "class Fault",
        "    is a ValueError",
        "LIMIT",
        "class Point(x: int = 0, names: list[str] = ...) -> None",
        "    classmethod build(*values: int, color: Color = Color.RED, **options: Any) -> Point",
        "    inherited() -> int",
        "    length: float (property)",
        "    names: list[str]",
        "    x: int",
        "find(key: str | None = None, *, within: Mapping[str, Any] = ...) -> list[int]",
    ]


def test_a_name_of_two_modules_is_described_once(sample: str) -> None:
    text = public_api.build_api((sample, sample))

    assert text.count("class Point") == 1
    assert "Point = synapse.sample.Point\n" in text
