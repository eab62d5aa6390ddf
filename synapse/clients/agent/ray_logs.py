"""Read and follow the output of Ray jobs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Literal

from synapse.clients.agent.ids import validate_id
from synapse.clients.agent.ray_jobs import TERMINAL, RayJobs
from synapse.config import Timeout, TimeoutArgument
from synapse.errors import ClientError, ConnectionFailed, RequestTimeout, UsageError
from synapse.transport.line_follower import follow
from synapse.transport.stream_limits import StreamLimits, StreamMeter
from synapse.transport.websocket import can_be_used, messages

__all__ = ["RayLogs", "RayProtocol"]

RayProtocol = Literal["auto", "websocket", "http"]

_POLL = (0.5, 10.0)
# Each poll reads the whole log: pause for this many times the duration of a poll.
_PAUSE_FACTOR = 4.0
_PATIENCE = 60.0
# WebSockets opened at one line before the client starts to poll.
_MOST_OPENS = 3


class RayLogs(RayJobs):
    """Output of jobs."""

    def get_job_logs(self, job_id: str) -> dict[str, Any]:
        """Return the output of a job so far, including some lines of Ray. One request.

        Returns:
            The whole output as `logs`.

        Raises:
            BadRequest: The id has characters that no id has; no request was made.
            NotFound: The cluster has no such job.
        """
        key = validate_id(job_id)
        body = self._request_object("GET", f"api/jobs/{key}/logs", resource=f"job {key}")
        return {"logs": str(body.get("logs") or "")}

    def tail_job_logs(
        self,
        job_id: str,
        protocol: RayProtocol = "auto",
        *,
        limits: StreamLimits | None = None,
        timeout: TimeoutArgument = (5, 30),
        patience: float = _PATIENCE,
    ) -> Iterator[str]:
        """Yield the output lines of a job until the job ends.

        Each line comes once, in order, even over broken connections: after a cut, the client opens
        the log again and skips the lines that came already.

        By WebSocket, one request for each connection, and one at each cut, after each `timeout`
        of silence, and at the end. By HTTP, two requests for each poll, at most every half a
        second; each reads the whole log, so polls become rarer as the log grows.

        Args:
            job_id: Id of the submission.
            protocol: `"websocket"` (needs the extra `websocket`), `"http"` for polling, or
                `"auto"` for the first that works.
            limits: Limits of the stream; default `StreamLimits()`. Ray puts several lines into one
                message, so the limit on the bytes of a message applies to lines.
            timeout: Seconds to connect, and seconds of silence before the client asks for the
                state of the job.
            patience: Longest outage of the cluster, in seconds.

        Raises:
            BadRequest: The id has characters that no id has; no request was made.
            NotFound: The cluster has no such job, or deleted it.
            StreamLimitExceeded: The output exceeds the limits, after the lines that fit.
            ConnectionFailed: The cluster was unreachable for longer than `patience`.
            MissingExtra: `protocol` is `"websocket"`, and `websocket-client` isn't installed.
        """
        key = validate_id(job_id)
        if protocol not in ("auto", "websocket", "http"):
            raise UsageError(
                f"protocol={protocol!r} is unknown. Pass one of 'auto', 'websocket', 'http'."
            )
        follower = _RayLogFollower(
            self, key, protocol, limits or StreamLimits(), Timeout.of(timeout)
        )
        return follower.lines(patience)


class _RayLogFollower:
    """Open the log of one job, by WebSocket or polling."""

    def __init__(
        self,
        client: RayLogs,
        key: str,
        protocol: RayProtocol,
        limits: StreamLimits,
        timeout: Timeout,
    ) -> None:
        self._client = client
        self._key = key
        self._limits = limits
        self._timeout = timeout
        self._meter = StreamMeter(limits, f"job {key}")
        self._is_auto = protocol == "auto"
        self._polls = protocol == "http" or (protocol == "auto" and not can_be_used())
        self._last_start, self._opens_at_start = -1, 0

    def lines(self, patience: float) -> Iterator[str]:
        """Yield the lines."""
        return follow(
            self._open_at,
            self._has_ended,
            meter=self._meter,
            patience=patience,
            resource=f"job {self._key}",
        )

    def _open_at(self, start: int) -> Iterator[str]:
        self._opens_at_start = self._opens_at_start + 1 if start == self._last_start else 0
        self._last_start = start
        if self._is_auto and self._opens_at_start >= _MOST_OPENS:
            self._polls = True  # a line of the log, or a proxy, breaks each WebSocket here
        return self._poll_lines(start) if self._polls else self._read_websocket(start)

    def _has_ended(self) -> bool:
        return self._client.get_job(self._key)["status"] in TERMINAL

    def _read_websocket(self, start: int) -> Iterator[str]:
        skip, has_begun = start, False
        pieces: list[str] = []
        stream = messages(
            self._client._transport,
            f"api/jobs/{self._key}/logs/tail",
            timeout=self._timeout,
            resource=f"job {self._key}",
        )
        try:
            for message in stream:
                has_begun = True
                if message is None:
                    self._client.get_job(self._key)  # raises if the cluster or the job is gone
                    continue
                first, *others = message.split("\n")
                pieces.append(first)
                for other in others:
                    if skip:
                        skip -= 1
                    else:
                        yield "".join(pieces)
                    pieces = [other]
                if not skip:
                    self._meter.message(0)
                self._check_unfinished(pieces)
        except ClientError as error:
            is_refused = not isinstance(error, (ConnectionFailed, RequestTimeout))
            if has_begun or not (self._is_auto and is_refused):
                raise
            # The cluster refused the WebSocket: poll, if the job exists.
            self._client.get_job(self._key)
            self._polls = True
            yield from self._poll_lines(start)
            return
        # Ray also closes cleanly when it loses the node; the last line may be incomplete then.
        if (last := "".join(pieces)) and not skip and self._has_ended():
            yield last

    def _check_unfinished(self, pieces: list[str]) -> None:
        if sum(map(len, pieces)) > self._limits.max_message_bytes:
            self._meter.line("".join(pieces))

    def _poll_lines(self, start: int) -> Iterator[str]:
        while True:
            began = time.monotonic()
            has_ended = self._has_ended()  # first, so that the log is complete then
            *lines, last = self._client.get_job_logs(self._key)["logs"].split("\n")
            yield from lines[start:]
            if has_ended:
                if last and start <= len(lines):
                    yield last
                return
            start = max(start, len(lines))
            self._check_unfinished([last])
            took = time.monotonic() - began
            time.sleep(min(_POLL[1], max(_POLL[0], _PAUSE_FACTOR * took)))
