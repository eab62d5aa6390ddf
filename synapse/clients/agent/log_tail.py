"""Follow the log of a job at an agent by WebSocket, events, text or polling."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, Literal, get_args

from synapse._internal.backoff import Backoff
from synapse.clients.agent.events import read_events
from synapse.clients.agent.job_log import log_text, read_log
from synapse.clients.agent.long_poll import LongPollTransport
from synapse.config import Timeout
from synapse.errors import (
    AuthenticationError,
    ClientError,
    InvalidResponse,
    MissingExtra,
    NotFound,
    RequestTimeout,
    ServerError,
    UsageError,
)
from synapse.resources.enums import JobStatus
from synapse.transport import Transport
from synapse.transport.line_follower import follow
from synapse.transport.stream_limits import StreamLimits, StreamMeter
from synapse.transport.websocket import can_be_used, messages

__all__ = ["TailProtocol", "tail", "validate_protocol"]

TailProtocol = Literal["auto", "websocket", "http", "stream", "poll"]

_Lines = Generator[str, None, "str | None"]

_POLL = (0.2, 2.0)
_BATCH = 5000


def validate_protocol(protocol: Any) -> TailProtocol:
    """Return a protocol that is known and can be used here.

    Raises:
        UsageError: The protocol is unknown.
        MissingExtra: The protocol is `"websocket"`, and `websocket-client` isn't installed.
    """
    if protocol not in get_args(TailProtocol):
        choices = ", ".join(map(repr, get_args(TailProtocol)))
        raise UsageError(f"protocol={protocol!r} is unknown. Pass one of {choices}.")
    if protocol == "websocket" and not can_be_used():
        raise MissingExtra("Following a log by WebSocket", "websocket")
    valid: TailProtocol = protocol
    return valid


def tail(
    transport: Transport,
    key: str,
    *,
    protocol: TailProtocol,
    limits: StreamLimits,
    timeout: Timeout,
    patience: float,
) -> Iterator[str]:
    """Yield the lines of a job's log until the job ends, each once and in order.

    Args:
        transport: Transport to the agent.
        key: Valid id of the job.
        protocol: Protocol of the stream; `"auto"` takes the first that works.
        limits: Limits of the stream.
        timeout: Seconds to connect, and seconds of silence before the job's state is read.
        patience: Longest outage of the agent, in seconds.

    Raises:
        UsageError: The transport has no streams, and the protocol needs one.
    """
    if isinstance(transport, LongPollTransport):
        if protocol not in ("auto", "poll"):
            raise UsageError("A long poll has no streams. Pass protocol='poll' to follow a log.")
        protocol = "poll"
    follower = _AgentLogFollower(transport, key, protocol, limits, timeout)
    return follow(
        follower.open_at,
        follower.has_ended,
        meter=follower.meter,
        patience=patience,
        resource=follower.label,
    )


class _AgentLogFollower:
    """Open the log of one job, by the first protocol that works."""

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
        openers: dict[str, Callable[[int], _Lines]] = {
            "websocket": self._open_websocket,
            "http": self._open_events,
            "stream": self._open_text,
            "poll": self._poll_lines,
        }
        if protocol != "auto":
            self._openers = [openers[protocol]]
        else:
            self._openers = [openers["http"], openers["poll"]]
            if can_be_used():
                self._openers.insert(0, openers["websocket"])
        # Whether a line came by the first opener.
        self._is_confirmed = False

    def has_ended(self) -> bool:
        """Return whether the job has ended. One request."""
        try:
            return JobStatus(self._get(f"jobs/{self._key}/").get("status")).is_final
        except ValueError:
            return True  # a state newer than this client: the stream's end decides

    def open_at(self, start: int) -> _Lines:
        """Yield the lines from an index in a new stream, by the first protocol that works."""
        while True:
            try:
                stream = self._openers[0](start)
                first = next(stream)
            except StopIteration as end:
                rest: str | None = end.value
                return rest
            except AuthenticationError:
                raise
            except ClientError as error:
                if self._is_confirmed or len(self._openers) == 1:
                    raise
                if isinstance(error, NotFound):
                    self._get(f"jobs/{self._key}/")  # raises if the job itself is missing
                # A proxy may block this protocol, also with a 403, and let the next one through.
                del self._openers[0]
                continue
            self._is_confirmed = True
            yield first
            rest = yield from stream
            return rest

    def _open_websocket(self, start: int) -> _Lines:
        headers: dict[str, str] = {}
        stream = messages(
            self._transport,
            f"jobs/{self._key}/logs/",
            params={"from": start} if start else None,
            timeout=self._timeout,
            resource=self.label,
            on_open=headers.update,
        )
        number: int | None = None
        for message in stream:
            if message is None:
                if self.has_ended():
                    # The last lines may be lost: reopen the log for them.
                    raise RequestTimeout(408, "the log fell silent", resource=self.label)
                continue
            self.meter.message(len(message.encode(errors="surrogatepass")))
            if number is None:
                # An agent that doesn't say where the log begins sends the whole log.
                number = start if headers.get("content-range") == f"lines {start}-/*" else 0
            lines = message.removesuffix("\n").split("\n")
            yield from lines[max(start - number, 0) :]
            number += len(lines)
        return None

    def _open_events(self, start: int) -> _Lines:
        stream = self._transport.lines_from(
            0,
            f"jobs/{self._key}/logs/stream/",
            params={"from": start} if start else None,
            timeout=(self._timeout.connect, self._timeout.read),
            resource=self.label,
        )
        number: int | None = None
        for event in read_events(stream, self.label):
            if event.get("type") == "complete":
                return None
            if event.get("type") == "error":
                detail = str(event.get("message") or "the agent can't read the log")
                raise ServerError(500, detail, resource=self.label)
            if "message" not in event:
                continue
            if number is None:
                # An agent that doesn't number the lines sends the whole log.
                number = event["line"] if type(event.get("line")) is int else 0
            lines = str(event["message"]).removesuffix("\n").split("\n")
            yield from lines[max(start - number, 0) :]
            number += len(lines)
        return None

    def _open_text(self, start: int) -> _Lines:
        return self._transport.lines_from(
            start,
            f"ray/jobs/{self._key}/logs/stream/",
            timeout=(self._timeout.connect, self._timeout.read),
            resource=self.label,
        )

    def _poll_lines(self, start: int) -> _Lines:
        backoff = Backoff(first=_POLL[0], longest=_POLL[1])
        while True:
            lines, is_complete, last = self._poll(start)
            start += len(lines)
            yield from lines
            if is_complete:
                return last
            if lines:
                backoff.reset()
            else:
                time.sleep(backoff.next())

    def _poll(self, start: int) -> tuple[list[str], bool, str | None]:
        """Return new lines, whether the log is complete, and an unfinished last line."""
        params = {"format": "json", "from": start, "limit": _BATCH}
        log = read_log(self._transport, self._key, params)
        if isinstance(log, Mapping) and log.get("from") == start:
            lines = str(log["logs"]).split("\n")[:-1]
            return lines, bool(log["is_final"]) and start + len(lines) >= log["count"], None
        # This agent always sends the whole log. Read the state first, so that the log is
        # complete if the job has ended.
        has_ended = self.has_ended()
        *lines, last = log_text(read_log(self._transport, self._key)).split("\n")
        return lines[start:], has_ended, (last or None) if start <= len(lines) else None

    def _get(self, path: str, **options: Any) -> Mapping[str, Any]:
        body = self._transport.request("GET", path, resource=self.label, **options)
        if not isinstance(body, Mapping):
            raise InvalidResponse(200, "the answer is not a JSON object", response=body)
        return body
