"""Version specifiers such as `>=3.10,<3.13`, as Python packages write them."""

from __future__ import annotations

from synapse.errors import MissingExtra

__all__ = ["admits", "is_specifier"]


def is_specifier(text: str) -> bool:
    """Return whether a text is a version specifier; true without packaging."""
    try:
        from packaging.specifiers import InvalidSpecifier, SpecifierSet
    except ImportError:
        return True
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        return False
    return True


def admits(specifier: str | None, version: str) -> bool:
    """Return whether a specifier admits a version; `None` admits every version.

    Raises:
        MissingExtra: packaging isn't installed.

    Example:
        >>> admits(">=3.10,<3.13", "3.12.1"), admits(">=3.10,<3.13", "3.13.0")
        (True, False)
    """
    if specifier is None:
        return True
    try:
        from packaging.specifiers import SpecifierSet
    except ImportError as error:
        raise MissingExtra("Checking required versions", "plugins") from error
    return SpecifierSet(specifier).contains(version, prereleases=True)
