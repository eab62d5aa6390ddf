"""Version specifiers."""

from __future__ import annotations

import sys

import pytest

from synapse.errors import MissingExtra
from synapse.plugins.specifiers import admits, is_specifier


@pytest.mark.parametrize(
    ("text", "is_valid"), [(">=3.10,<3.13", True), ("==2026.*", True), ("", True), ("3.12", False)]
)
def test_a_specifier(text: str, is_valid: bool) -> None:
    assert is_specifier(text) is is_valid


@pytest.mark.parametrize(
    ("specifier", "version", "is_admitted"),
    [
        (None, "3.9.1", True),
        (">=3.12", "3.12.1", True),
        (">=3.12", "3.15.0rc1", True),
        (">=3.12", "3.11.9", False),
        ("<3.13", "3.13.0", False),
    ],
)
def test_the_admitted_versions(specifier: str | None, version: str, is_admitted: bool) -> None:
    assert admits(specifier, version) is is_admitted


def test_without_packaging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "packaging.specifiers", None)

    assert is_specifier("3.12")
    with pytest.raises(MissingExtra, match=r"pip install .*\[plugins\]"):
        admits(">=3.12", "3.12.1")
