"""Limits on a stream of lines, so that a runaway job can't exhaust its followers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from synapse._internal.short_traceback import shortened
from synapse.errors import StreamLimitExceeded

__all__ = ["StreamLimits", "StreamMeter", "within"]

_KIB = 1 << 10
_MIB = 1 << 20


def _at_least_one(_: object, attribute: attrs.Attribute[int], value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise shortened(
            ValueError(f"StreamLimits({attribute.name}={value!r}): give a whole number from 1.")
        )


@attrs.frozen(kw_only=True)
class StreamLimits:
    """Limits for following a log; passing one raises `StreamLimitExceeded`.

    Args:
        max_messages: WebSocket messages. A stream by HTTP has none; the lines are counted.
        max_lines: Lines.
        max_bytes: Bytes in all.
        max_message_bytes: Bytes of one message, and of one line.

    Raises:
        ValueError: A limit isn't a whole number, 1 or more.

    Example:
        >>> StreamLimits(max_lines=1_000_000).max_messages
        10000
    """

    max_messages: int = attrs.field(default=10_000, validator=_at_least_one)
    max_lines: int = attrs.field(default=50_000, validator=_at_least_one)
    max_bytes: int = attrs.field(default=50 * _MIB, validator=_at_least_one)
    max_message_bytes: int = attrs.field(default=10 * _KIB, validator=_at_least_one)


class StreamMeter:
    """Counter of everything that a stream carried, over several connections.

    Args:
        limits: The limits.
        resource: Name of the log, for messages.
    """

    def __init__(self, limits: StreamLimits, resource: str | None = None) -> None:
        self._limits = limits
        self._resource = resource
        self._messages = self._lines = self._bytes = 0

    def message(self, size: int) -> None:
        """Count a message of so many bytes, before the lines.

        Raises:
            StreamLimitExceeded: One message too many, or one too large.
        """
        self._messages += 1
        if self._messages > self._limits.max_messages:
            raise self._exceeded(
                "max_messages", f"more than {self._limits.max_messages:,} messages"
            )
        if size > self._limits.max_message_bytes:
            raise self._exceeded(
                "max_message_bytes",
                f"a message of more than {self._limits.max_message_bytes:,} bytes",
            )

    def line(self, text: str) -> None:
        """Count a line.

        Raises:
            StreamLimitExceeded: One line too many, or one too long.
        """
        size = len(text.encode(errors="surrogatepass"))
        self._lines += 1
        self._bytes += size + 1
        if self._lines > self._limits.max_lines:
            raise self._exceeded("max_lines", f"more than {self._limits.max_lines:,} lines")
        if size > self._limits.max_message_bytes:
            raise self._exceeded(
                "max_message_bytes", f"a line of more than {self._limits.max_message_bytes:,} bytes"
            )
        if self._bytes > self._limits.max_bytes:
            raise self._exceeded("max_bytes", f"more than {self._limits.max_bytes:,} bytes")

    def _exceeded(self, limit: str, what: str) -> StreamLimitExceeded:
        return StreamLimitExceeded(
            429,
            f"the log has {what}, where following it stops",
            hint=f"Follow more with StreamLimits({limit}=...), or read the log when the job ended.",
            resource=self._resource,
        )


def within(
    lines: Iterable[str], limits: StreamLimits | None, resource: str | None = None
) -> Iterator[str]:
    """Yield lines while they stay within the limits.

    Args:
        lines: The lines.
        limits: The limits; the defaults if None.
        resource: Name of the log, for messages.

    Raises:
        StreamLimitExceeded: The lines pass a limit; earlier lines were yielded.

    Example:
        >>> list(within(["one", "two"], StreamLimits(max_lines=2)))
        ['one', 'two']
    """
    meter = StreamMeter(limits or StreamLimits(), resource)
    for line in lines:
        meter.line(line)
        yield line
