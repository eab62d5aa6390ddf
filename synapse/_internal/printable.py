"""Texts that can't steer the terminal that shows them."""

from __future__ import annotations

__all__ = ["clean"]


def clean(text: str) -> str:
    r"""Return a text with escapes for characters that would steer a terminal.

    Example:
        >>> clean("a\x1b[2Jb")
        'a\\x1b[2Jb'
    """
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() or letter == "\u3000" else repr(letter)[1:-1]
        for letter in text
    )
