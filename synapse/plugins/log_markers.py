r"""Levels of printed lines: a mark at the line's beginning, which readers remove.

A marked line is `\x1e<level>\x1f<message>`. The platform's package prints `[LEVEL: INFO]` before a
message, and `[STEP: name]` before that. Every other line has no level.

Example:
    >>> split_level(add_level("half way", "info"))
    ('half way', 'info')
    >>> split_level("half way")
    ('half way', None)
"""

from __future__ import annotations

import re

from synapse._internal.hints import suggestion
from synapse.errors import UsageError

__all__ = ["LEVELS", "MARK", "PLATFORM_MARK", "add_level", "split_level", "validate_level"]

#: Levels of a line, those of `synapse.LogLevel`; the least serious is first.
LEVELS = ("debug", "info", "success", "warning", "danger", "error", "critical")

_LINE_END = re.compile("\r\n|\r|\n")
_PLATFORM = re.compile(r"(\[STEP: [^\]]*\] )?\[LEVEL: ([A-Z]+)\] ")
_BEGIN, _END = "\x1e", "\x1f"

#: The mark of a level, or of a process's end, anywhere in printed bytes.
MARK = re.compile(rf"{_BEGIN}(?:{'|'.join(LEVELS)}|end){_END}".encode())
#: The platform's mark of a level, anywhere in printed bytes.
PLATFORM_MARK = re.compile(
    rf"(?:\[STEP: [^\]]*\] )?\[LEVEL: (?:{'|'.join(LEVELS).upper()})\] ".encode()
)


def validate_level(level: str) -> str:
    """Return a level in the wire's spelling.

    Args:
        level: One of `LEVELS`, or a `synapse.LogLevel`.

    Raises:
        UsageError: No such level exists.

    Example:
        >>> validate_level("info")
        'info'
    """
    word = str(getattr(level, "value", level))
    if word not in LEVELS:
        raise UsageError(f"{word!r} is not a level{suggestion(word.lower(), LEVELS)}")
    return word


def add_level(message: str, level: str) -> str:
    r"""Return a message with a mark at the beginning of each line.

    Args:
        message: The text, without the end of the last line.
        level: One of `LEVELS`, or a `synapse.LogLevel`.

    Raises:
        UsageError: No such level exists.

    Example:
        >>> add_level("one\ntwo", "error")
        '\x1eerror\x1fone\n\x1eerror\x1ftwo'
    """
    mark = f"{_BEGIN}{validate_level(level)}{_END}"
    return "\n".join(mark + line for line in _LINE_END.split(message.strip("\r")))


def split_level(line: str) -> tuple[str, str | None]:
    r"""Split the mark off a printed line.

    Args:
        line: The line, without the end.

    Returns:
        Message and level; the unchanged line and `None` without a known level.

    Example:
        >>> split_level("\x1eloud\x1fhello")
        ('\x1eloud\x1fhello', None)
    """
    if line.startswith(_BEGIN):
        level, end, message = line[1:].partition(_END)
        if end and level in LEVELS:
            return message, level
    elif line.startswith("[") and (found := _PLATFORM.match(line)) is not None:
        level = found[2].lower()
        if level in LEVELS:
            return f"{found[1] or ''}{line[found.end() :]}", level
    return line, None
