"""Warnings about names that go away."""

from __future__ import annotations

import pytest

from synapse._internal.deprecation import warn_deprecated


def old() -> None:
    warn_deprecated("old()", since="0.2", removed_in="1.0", instead="new()")


def test_the_warning_names_versions_and_replacement_at_the_callers_line() -> None:
    with pytest.warns(DeprecationWarning, match=r"old\(\) is deprecated since 0\.2") as caught:
        old()

    assert str(caught[0].message).endswith("goes away in 1.0. Use new() instead.")
    assert caught[0].filename == __file__
