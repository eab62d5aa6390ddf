"""Modules that moved are importable under their old names."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from synapse._internal.moved import moved_modules

MOVED = moved_modules()


@pytest.mark.parametrize("old", sorted(MOVED))
def test_an_old_name_leads_to_every_public_name_of_the_new_modules(old: str) -> None:
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=MOVED[old][0]):
        module = importlib.import_module(old)

    for new in MOVED[old]:
        target = importlib.import_module(new)
        for name in getattr(target, "__all__", ()):
            assert getattr(module, name) is getattr(target, name)


@pytest.mark.parametrize("old", sorted(MOVED))
def test_every_name_of_an_old_module_resolves(old: str) -> None:
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match="is deprecated since"):
        module = importlib.import_module(old)

    assert all(getattr(module, name) is not None for name in module.__all__)


def test_a_renamed_class_is_found_under_its_old_name() -> None:
    script = (
        "from synapse.core.relations import RelatedId, Root\n"
        "from synapse.orm.relations import ForeignKeyId, ManagerDescriptor\n"
        "print(RelatedId is ForeignKeyId, Root is ManagerDescriptor)"
    )

    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout == "True True\n"
    assert "<string>:1: DeprecationWarning: synapse.core.relations is deprecated" in done.stderr


def test_an_unknown_module_stays_unknown() -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("synapse.nothing")
