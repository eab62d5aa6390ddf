"""Follow a log over broken connections: each line once, in order, to the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator

from synapse._internal import cancellation, log_events
from synapse._internal.backoff import Backoff, bounded_pause
from synapse.errors import (
    ClientError,
    ConnectionFailed,
    InvalidResponse,
    RateLimited,
    RequestTimeout,
    ServerError,
    StreamLimitExceeded,
)
from synapse.transport.deadline_blocks import block_in_force
from synapse.transport.stream_limits import StreamMeter

__all__ = ["follow", "may_pass"]


def may_pass(error: ClientError) -> bool:
    """Return whether following may go on later."""
    if isinstance(error, StreamLimitExceeded) or error.status_code in (501, 505):
        return False
    block = block_in_force()
    if block is not None and time.monotonic() >= block.moment:
        return False  # the deadline of a `with synapse.deadline(...)` around it is over
    return isinstance(error, (ServerError, RequestTimeout, RateLimited))


def follow(
    open_at: Callable[[int], Iterable[str]],
    has_ended: Callable[[], bool],
    *,
    meter: StreamMeter,
    patience: float = 60.0,
    retries_first: bool = True,
    resource: str | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = cancellation.sleep,
) -> Iterator[str]:
    """Yield a log's lines as they come, until the log has ended, over any number of connections.

    After a cut, the log is opened again behind the last line. The end of a stream isn't the end of
    the log: the log has ended when `has_ended` says so. One request for each stream, and one for
    each call of `has_ended`.

    Args:
        open_at: Opens a new stream of the lines from the n-th on, counted from 0. Raises a
            `ClientError` when the stream is cut. A generator that returns a string instead of
            `None` (as `Transport.lines_from` does) can't tell the end from a cut; the string is the
            text after the last line.
        has_ended: Whether the log is complete. Called when a stream has ended, or was silent.
        meter: Counts the lines and ends the following at the limits.
        patience: Seconds for which the server may be unreachable at a time.
        retries_first: Whether to retry a transient failure before the first line; otherwise such a
            failure is raised.
        resource: Name of the log, for messages.
        clock: Returns the time in seconds.
        sleep: Sleeps for a number of seconds.

    Raises:
        StreamLimitExceeded: The log is longer than the limits; earlier lines were yielded.
        ClientError: The server refused, or was unreachable for longer than `patience`.

    Example:
        >>> from synapse.transport.stream_limits import StreamLimits
        >>> log = ["one", "two", "three"]
        >>> list(follow(lambda n: log[n:], lambda: True, meter=StreamMeter(StreamLimits())))
        ['one', 'two', 'three']
    """
    outage = _Outage(patience, resource, clock, sleep)
    given = 0
    # Whether the log had ended before the stream was opened, so that the stream's end is the log's;
    # whether this server ends streams of unfinished logs; whether the server may be away.
    is_complete = ends_early = is_in_doubt = False
    end_now: tuple[int, str | None] | None = None
    while True:
        before = given
        stream: Iterator[str] | None = None
        try:
            if is_in_doubt and not is_complete:
                is_complete = has_ended()
                if not is_complete:
                    outage.is_alive()
            is_in_doubt = False
            stream = iter(open_at(given))
            while True:
                try:
                    line = next(stream)
                except StopIteration as end:
                    rest: str | None = end.value
                    stream = None
                    break
                meter.line(line)
                given += 1
                if outage.may_be_on:
                    outage.is_over()
                yield line
            was_complete, is_complete = is_complete, is_complete or has_ended()
            outage.is_alive()
            ends_early = ends_early or not is_complete
            # Lines printed between the stream's end and the log's would be lost otherwise.
            is_sure = is_complete and (was_complete or not ends_early)
            # Two cuts at the same place, to the letter, are as good as an end.
            end_before, end_now = end_now, (given, rest)
            if not is_sure or (rest is not None and end_now != end_before):
                if not is_complete:
                    outage.pause()
                continue
            if rest:
                meter.line(rest)
                yield rest
            return
        except ClientError as error:
            if stream is not None and isinstance(error, InvalidResponse):
                raise  # the response isn't a log, or a line is too long
            # A response of the server with the same status doesn't count.
            is_lost = isinstance(error, (ConnectionFailed, RequestTimeout)) and not error.response
            if not (given or retries_first or (is_lost and getattr(error, "was_sent", True))):
                raise
            outage.wait(error, given)
            end_now = None
            is_in_doubt = given == before and is_lost
        finally:
            if isinstance(stream, Generator):
                stream.close()


class _Outage:
    """The time for which the server is unreachable, and the pauses meanwhile."""

    def __init__(
        self,
        patience: float,
        resource: str | None,
        clock: Callable[[], float],
        sleep: Callable[[float], object],
    ) -> None:
        self._patience = patience
        self._resource = resource or "The log"
        self._clock = clock
        self._sleep = sleep
        self._pauses = Backoff()
        self._since: float | None = None
        self._is_told = False
        self.may_be_on = False

    def is_alive(self) -> None:
        """Note that the server answered."""
        self._since = None

    def is_over(self) -> None:
        """Note that a line came."""
        self._since = None
        self._is_told = self.may_be_on = False
        self._pauses.reset()

    def pause(self) -> None:
        """Wait before the next stream."""
        self.may_be_on = True
        self._sleep(self._pauses.next())

    def wait(self, error: ClientError, given: int) -> None:
        """Sleep until the next try.

        Raises:
            ClientError: Trying again is useless, or took too long already.
        """
        now = self._clock()
        if not may_pass(error):
            raise error
        if isinstance(error, RateLimited):  # the server runs, at its limit of followers
            self._since = None
            pause = max(bounded_pause(error.retry_after), self._pauses.next())
        else:
            self._since = now if self._since is None else self._since
            left = self._since + self._patience - now
            if left <= 0:
                raise error
            pause = min(self._pauses.next(), left)
        # The first outage is nothing special; a repeated one is worth a warning.
        is_news = self.may_be_on and not self._is_told
        self._is_told = self._is_told or is_news
        log_events.STREAM_REOPENED.log(
            "%s: %s; following continues after line %d as soon as possible",
            self._resource,
            error.detail,
            given,
            is_urgent=is_news,
            resource=self._resource,
            line=given,
            reason=error.detail,
        )
        self.may_be_on = True
        self._sleep(pause)
