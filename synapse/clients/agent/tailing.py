"""Following a job's log at an agent: by WebSocket, as a stream, or by asking again and again."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, Literal, get_args

from synapse._internal.backoff import Backoff
from synapse.config import Timeout
from synapse.errors import (
    AuthenticationError,
    ClientError,
    InvalidResponse,
    MissingExtra,
    NotFound,
    PermissionDenied,
    RequestTimeout,
    UsageError,
)
from synapse.resources.enums import JobStatus
from synapse.transport import Transport
from synapse.transport.line_follower import follow
from synapse.transport.stream_limits import StreamLimits, StreamMeter
from synapse.transport.websocket import can_be_used, messages

__all__ = ["TailProtocol", "checked_protocol", "tail"]

TailProtocol = Literal["auto", "websocket", "http", "stream"]

_Lines = Generator[str, None, "str | None"]

_POLL = (0.2, 2.0)
_BATCH = 5000


def checked_protocol(protocol: Any) -> TailProtocol:
    """Return a protocol, if it is one.

    Raises:
        UsageError: It isn't.
        MissingExtra: It is `"websocket"`, and `websocket-client` isn't installed.
    """
    if protocol not in get_args(TailProtocol):
        known = ", ".join(map(repr, get_args(TailProtocol)))
        raise UsageError(f"protocol is {protocol!r}: give one of {known}.")
    if protocol == "websocket" and not can_be_used():
        raise MissingExtra("Following a log by WebSocket", "websocket")
    found: TailProtocol = protocol
    return found


def tail(
    transport: Transport,
    key: str,
    *,
    protocol: TailProtocol,
    limits: StreamLimits,
    timeout: Timeout,
    patience: float,
) -> Iterator[str]:
    """Give the lines of a job as they come, until it has ended; each once, in order.

    Args:
        transport: The way to the agent.
        key: The job's id, checked.
        protocol: How to follow; `"auto"` takes the first that works.
        limits: How much is followed at most.
        timeout: Seconds to connect, and of silence after which the job is asked for.
        patience: Seconds for which the agent may be unreachable at a time.
    """
    follower = _Follower(transport, key, protocol, limits, timeout)
    return follow(
        follower.open_at,
        follower.has_ended,
        meter=follower.meter,
        patience=patience,
        resource=follower.label,
    )


class _Follower:
    """One log that is followed, and the ways to do it that are left."""

    def __init__(
        self,
        transport: Transport,
        key: str,
        protocol: TailProtocol,
        limits: StreamLimits,
        timeout: Timeout,
    ) -> None:
        self.label = f"job {key}"
        self.meter = StreamMeter(limits, self.label)
        self._transport = transport
        self._key = key
        self._timeout = timeout
        ways: dict[str, Callable[[int], _Lines]] = {
            "websocket": self._by_websocket,
            "stream": self._by_stream,
            "http": self._by_polling,
        }
        if protocol != "auto":
            self._ways = [ways[protocol]]
        else:
            self._ways = list(ways.values())[0 if can_be_used() else 1 :]
        # Which of the ways is known to work, as something came by it.
        self._works = False

    def has_ended(self) -> bool:
        """Ask whether the job has."""
        answer = self._ask(f"jobs/{self._key}/")
        status = answer.get("status")
        try:
            return JobStatus(status).is_final
        except ValueError:
            return True  # a state that isn't known here: the stream's own end has to do

    def open_at(self, start: int) -> _Lines:
        """Give the lines from a number on, as a fresh stream, by the first way that works."""
        while True:
            try:
                stream = self._ways[0](start)
                first = next(stream)
            except StopIteration as end:
                rest: str | None = end.value
                return rest
            except (AuthenticationError, PermissionDenied):
                raise
            except ClientError as error:
                if self._works or len(self._ways) == 1:
                    raise
                if isinstance(error, NotFound):
                    self._ask(f"jobs/{self._key}/")  # which says so, if there is no such job
                # Whatever stands in between doesn't let this through; the next may do.
                del self._ways[0]
                continue
            self._works = True
            yield first
            rest = yield from stream
            return rest

    def _by_websocket(self, start: int) -> _Lines:
        opened = messages(
            self._transport,
            f"ray/jobs/{self._key}/logs/ws/",
            params={"from": start} if start else None,
            timeout=self._timeout,
            resource=self.label,
        )
        for message in opened:
            if message is None:
                if self.has_ended():
                    # What came last may have gone astray: the log is opened again for it.
                    raise RequestTimeout(408, "the log fell silent", resource=self.label)
                continue
            self.meter.message(len(message.encode(errors="surrogatepass")))
            yield from message.removesuffix("\n").split("\n")
        return None

    def _by_stream(self, start: int) -> _Lines:
        return self._transport.lines_from(
            start,
            f"ray/jobs/{self._key}/logs/stream/",
            timeout=(self._timeout.connect, self._timeout.read),
            resource=self.label,
        )

    def _by_polling(self, start: int) -> _Lines:
        pauses = Backoff(first=_POLL[0], longest=_POLL[1])
        while True:
            lines, is_whole, last = self._poll(start)
            start += len(lines)
            yield from lines
            if is_whole:
                return last
            if lines:
                pauses.reset()
            else:
                time.sleep(pauses.next())

    def _poll(self, start: int) -> tuple[list[str], bool, str | None]:
        """Return the lines from a number on, whether they are all, and an unfinished last one."""
        path = f"jobs/{self._key}/logs/"
        answer = self._ask(path, params={"from": start, "limit": _BATCH})
        if answer.get("from") == start:
            lines = str(answer["logs"]).split("\n")[:-1]
            return lines, bool(answer["is_final"]) and start + len(lines) >= answer["count"], None
        # It answers the whole log whatever is asked for: whether it is whole is asked first.
        has_ended = self.has_ended()
        *lines, last = str(self._ask(path).get("logs") or "").split("\n")
        return lines[start:], has_ended, (last or None) if start <= len(lines) else None

    def _ask(self, path: str, **options: Any) -> Mapping[str, Any]:
        answer = self._transport.request("GET", path, resource=self.label, **options)
        if not isinstance(answer, Mapping):
            raise InvalidResponse(200, "the answer is no object", response=answer)
        return answer
