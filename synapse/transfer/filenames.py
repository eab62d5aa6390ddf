r"""Make file names from elsewhere safe to write.

A server may name a file `../../.bashrc`, `C:\boot.ini` or `CON`. The result is always one plain
name that stays in its folder on every system.
"""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

__all__ = ["LONGEST_NAME", "inside", "safe_name"]

LONGEST_NAME = 255
"""Bytes of UTF-8 that a name has at most: what the usual file systems take."""

_SEPARATORS = re.compile(r"[/\\]+")
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_DEVICES = frozenset(
    {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
    | {f"{port}{number}" for port in ("COM", "LPT") for number in "0123456789¹²³"}
)
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def safe_name(name: str, *, default: str = "file", longest: int = LONGEST_NAME) -> str:
    r"""Return a safe file name for any name. Makes no request.

    Folders, drive letters, and characters that some system forbids are removed; device names get an
    underscore; an overlong name loses its middle and keeps the suffix. The same name always gives
    the same result, and a result gives itself.

    Args:
        name: The name, possibly a path of either kind of system.
        default: Result for a name of which nothing is left.
        longest: Limit in bytes.

    Returns:
        A name that is one part of a path, and never empty, `.` or `..`.

    Example:
        >>> safe_name("../../etc/passwd"), safe_name("C:\\photos\\cat?.png"), safe_name("con.txt")
        ('passwd', 'cat_.png', '_con.txt')
    """
    # A composed form, as the same name may come in either and mean one file on some systems.
    text = unicodedata.normalize("NFC", str(name))
    parts = [part for part in _SEPARATORS.split(text) if part.strip(". \t\r\n")]
    text = parts[-1] if parts else ""
    text = re.sub(r"^[A-Za-z]:", "", text)
    text = _FORBIDDEN.sub("_", "".join(_plain(character) for character in text))
    text = _trimmed(text)
    if text.partition(".")[0].rstrip(" ").upper() in _DEVICES:
        text = f"_{text}"
    return _shortened(text, longest) or default


def inside(folder: str | os.PathLike[str], name: str) -> Path:
    """Return the path of a foreign name in a folder. Makes no request.

    Args:
        folder: The folder.
        name: The file's name, see `safe_name`.

    Raises:
        ValueError: The path would be outside the folder, which `safe_name` prevents.
    """
    root = Path(folder)
    path = root / safe_name(name)
    if path.parent != root or path.name in {"", ".", ".."}:
        raise ValueError(f"{name!r} would leave {root}")
    return path


def _plain(character: str) -> str:
    """Replace forbidden characters: control characters, half pairs, direction marks."""
    if unicodedata.category(character) in {"Cc", "Cs"} or character in _DIRECTIONS:
        return "_"
    return character


def _trimmed(text: str) -> str:
    """Strip the trailing characters that Windows ignores, and leading blanks."""
    return text.lstrip(" ").rstrip(". ")


def _shortened(text: str, longest: int) -> str:
    """Cut the middle of an overlong name, and keep the suffix."""
    if len(text.encode()) <= longest:
        return text
    stem, dot, suffix = text.rpartition(".")
    ending = f"{dot}{suffix}" if stem and len(suffix.encode()) <= 16 else ""
    stem = text[: len(text) - len(ending)] if ending else text
    kept = stem.encode()[: longest - len(ending.encode())].decode("utf-8", "ignore")
    return f"{_trimmed(kept)}{ending}"
