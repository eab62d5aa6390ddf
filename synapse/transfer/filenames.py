r"""Make names from elsewhere safe to write here.

A server may name a file `../../.bashrc`, `C:\boot.ini` or `CON`. The safe name is one plain path
part that stays in the folder on every system.
"""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

from synapse._internal.part_files import LONGEST_NAME

__all__ = ["LONGEST_NAME", "compose", "fold", "safe_name", "safe_path"]

_SEPARATORS = re.compile(r"[/\\]+")
_FORBIDDEN = re.compile(r'[<>:"|?*]')
_DEVICES = frozenset(
    {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
    | {f"{port}{number}" for port in ("COM", "LPT") for number in "0123456789¹²³"}
)
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def compose(name: str) -> str:
    r"""Return a name in the composed form, so that names that look alike are equal.

    Example:
        >>> compose("e\u0301.png") == "\u00e9.png"
        True
    """
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def fold(name: str) -> str:
    """Return a name for comparisons that ignore case and blanks around the name.

    Example:
        >>> fold(" Mask"), fold("mask")
        ('mask', 'mask')
    """
    if name.isascii():
        return name.casefold().strip()
    return compose(compose(name).casefold().strip())


def safe_name(name: str, *, default: str = "file", longest: int = LONGEST_NAME) -> str:
    r"""Return a name that every common file system accepts.

    Folders, drive letters and characters that some system forbids are removed; device names get an
    underscore; a name that is too long loses the middle and keeps the suffix. The result is
    deterministic and idempotent. Makes no request.

    Args:
        name: A file name or path, from any system.
        default: The name to return when no character is left.
        longest: Longest result, in bytes.

    Returns:
        One part of a path; never empty, `.` or `..`.

    Example:
        >>> safe_name("../../etc/passwd"), safe_name("C:\\photos\\cat?.png"), safe_name("con.txt")
        ('passwd', 'cat_.png', '_con.txt')
    """
    # Some systems treat the composed and decomposed forms of a name as one file.
    text = compose(str(name))
    parts = [part for part in _SEPARATORS.split(text) if part.strip(". \t\r\n")]
    text = parts[-1] if parts else ""
    text = re.sub(r"^[A-Za-z]:", "", text)
    text = _FORBIDDEN.sub("_", "".join(map(_replace_unsafe, text)))
    text = _trim(text)
    if text.partition(".")[0].rstrip(" ").upper() in _DEVICES:
        text = f"_{text}"
    return _shorten(text, longest) or default


def safe_path(folder: str | os.PathLike[str], name: str) -> Path:
    """Return the path of a file in a folder, under a safe name. Makes no request.

    Args:
        folder: The folder.
        name: The file's name, see `safe_name`.

    Raises:
        ValueError: The path would leave the folder; `safe_name` prevents that.
    """
    root = Path(folder)
    path = root / safe_name(name)
    if path.parent != root or path.name in {"", ".", ".."}:
        raise ValueError(f"{name!r} would leave {root}")
    return path


def _replace_unsafe(character: str) -> str:
    """Replace control characters, lone surrogates and marks that reverse text."""
    if unicodedata.category(character) in {"Cc", "Cs"} or character in _DIRECTIONS:
        return "_"
    return character


def _trim(text: str) -> str:
    """Remove leading blanks, and the trailing dots and blanks that Windows ignores."""
    return text.lstrip(" ").rstrip(". ")


def _shorten(text: str, longest: int) -> str:
    """Cut the middle of a long name, keeping the suffix."""
    if len(text.encode()) <= longest:
        return text
    stem, dot, suffix = text.rpartition(".")
    ending = f"{dot}{suffix}" if stem and len(suffix.encode()) <= 16 else ""
    stem = text[: len(text) - len(ending)] if ending else text
    start = stem.encode()[: longest - len(ending.encode())].decode("utf-8", "ignore")
    return f"{_trim(start)}{ending}"
