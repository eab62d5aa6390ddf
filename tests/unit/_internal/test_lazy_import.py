"""Imports at first use."""

from __future__ import annotations

import sys

import pytest

from synapse._internal import lazy_import


@pytest.mark.parametrize("module", ["synapse.errors", "json"])
def test_a_module_is_imported_once(module: str) -> None:
    assert lazy_import.load(module) is sys.modules[module]


def test_a_fork_waits_for_the_packages_own_modules_only(monkeypatch: pytest.MonkeyPatch) -> None:
    entered = []

    class Lock:
        def __enter__(self) -> None:
            entered.append("lock")

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(lazy_import, "_importing", Lock())
    lazy_import.load("json")
    lazy_import.load("synapse.errors")

    assert entered == ["lock"]
