"""Modules that moved are importable under their old names."""

from __future__ import annotations

import importlib
import subprocess
import sys
import warnings
from types import ModuleType

import pytest

from synapse._internal.moved import moved_modules

MOVED = moved_modules()


def import_anew(old: str) -> ModuleType:
    """Import a module under its old name, and check that this module warns."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sys.modules.pop(old, None)
        module = importlib.import_module(old)
    (warning,) = [each for each in caught if str(each.message).startswith(f"{old} is deprecated")]
    assert warning.category is DeprecationWarning
    assert MOVED[old][0] in str(warning.message)
    return module


@pytest.mark.parametrize("old", sorted(MOVED))
def test_an_old_name_leads_to_every_public_name_of_the_new_modules(old: str) -> None:
    module = import_anew(old)

    for new in MOVED[old]:
        target = importlib.import_module(new)
        for name in getattr(target, "__all__", ()):
            assert getattr(module, name) is getattr(target, name)


@pytest.mark.parametrize("old", sorted(MOVED))
def test_every_name_of_an_old_module_resolves(old: str) -> None:
    module = import_anew(old)

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
