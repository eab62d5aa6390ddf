r"""Names of files that came from somewhere else, made fit to be written here.

A server may say that a file is called `../../.bashrc`, `C:\boot.ini` or `CON`. Whatever it says,
what is made of it is one plain name, which stays in the folder that it is put into, everywhere.
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
    r"""Return a name under which a file can be written, whatever it was called.

    Folders, a drive letter, and characters that some system can't have in a name are taken out;
    names that mean a device get an underscore; one that is too long loses its middle, and keeps
    its suffix. The same name always gives the same result, and a result gives itself. Makes no
    request.

    Args:
        name: What the file is called, possibly as a path of either kind of system.
        default: The name of one of which nothing is left.
        longest: Bytes that it may have.

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
    """Return where a file with a name from elsewhere goes in a folder. Makes no request.

    Args:
        folder: The folder.
        name: The file's name, see `safe_name`.

    Raises:
        ValueError: It would be outside of the folder; `safe_name` doesn't let that happen.
    """
    root = Path(folder)
    path = root / safe_name(name)
    if path.parent != root or path.name in {"", ".", ".."}:
        raise ValueError(f"{name!r} would leave {root}")
    return path


def _plain(character: str) -> str:
    """Replace what a name can't have: control characters, half pairs, and what turns text round."""
    if unicodedata.category(character) in {"Cc", "Cs"} or character in _DIRECTIONS:
        return "_"
    return character


def _trimmed(text: str) -> str:
    """Take off what Windows ignores at the end, and blanks at the beginning."""
    return text.lstrip(" ").rstrip(". ")


def _shortened(text: str, longest: int) -> str:
    """Take out of the middle what is too much, keeping the suffix."""
    if len(text.encode()) <= longest:
        return text
    stem, dot, suffix = text.rpartition(".")
    ending = f"{dot}{suffix}" if stem and len(suffix.encode()) <= 16 else ""
    stem = text[: len(text) - len(ending)] if ending else text
    kept = stem.encode()[: longest - len(ending.encode())].decode("utf-8", "ignore")
    return f"{_trimmed(kept)}{ending}"
