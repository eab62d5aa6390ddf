"""What the jobs of a Ray cluster print: as it is now, and followed as it comes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Literal

from synapse.clients.agent.ids import checked_id
from synapse.clients.agent.ray_jobs import TERMINAL, RayJobs
from synapse.config import Timeout, TimeoutArgument
from synapse.errors import (
    ClientError,
    ConnectionFailed,
    RequestTimeout,
    UsageError,
)
from synapse.transport.line_follower import follow
from synapse.transport.stream_limits import StreamLimits, StreamMeter
from synapse.transport.websocket import can_be_used, messages

__all__ = ["RayLogs", "RayProtocol"]

RayProtocol = Literal["auto", "websocket", "http"]

_POLL = (0.5, 10.0)
# A poll brings the whole log: the larger that is, the rarer.
_REST = 4.0
_PATIENCE = 60.0
# How often the log is opened at one place by a WebSocket before it is polled.
_STUCK = 3


class RayLogs(RayJobs):
    """Logs of jobs."""

    def get_job_logs(self, job_id: str) -> dict[str, Any]:
        """Return what a job has printed so far, with some lines of Ray's own. One request.

        Returns:
            All of it as `logs`.

        Raises:
            BadRequest: The id can't be one; no request was made.
            NotFound: There is no such job.
        """
        key = checked_id(job_id)
        answer = self._ask("GET", f"api/jobs/{key}/logs", resource=f"job {key}")
        return {"logs": str(answer.get("logs") or "")}

    def tail_job_logs(
        self,
        job_id: str,
        protocol: RayProtocol = "auto",
        *,
        limits: StreamLimits | None = None,
        timeout: TimeoutArgument = (5, 30),
        patience: float = _PATIENCE,
    ) -> Iterator[str]:
        """Follow what a job prints, line by line, until it ends.

        Every line is given once, in order, also over connections that break: after a cut, the log
        is opened again, and what was given is left out.

        By a WebSocket, one request for each connection, and one at each cut, after each `timeout`
        of silence, and at the end. By HTTP, two requests for each look, at most every half a
        second; each brings the whole log, so the larger it is, the rarer they are.

        Args:
            job_id: The submission's id.
            protocol: `"websocket"` (needs the extra `websocket`), `"http"` for polling, or
                `"auto"` for the first that works.
            limits: How much is followed at most; the defaults of `StreamLimits` if None. Ray puts
                a few lines into one message as it likes, so the bytes of a message count for lines.
            timeout: Seconds to connect, and of silence after which the job is looked at.
            patience: Seconds for which a cluster that can't be reached is tried again.

        Raises:
            BadRequest: The id can't be one; no request was made.
            NotFound: There is no such job, or not any more.
            StreamLimitExceeded: It prints more than the limits allow; what came before was given.
            ConnectionFailed: The cluster can't be reached for longer than `patience`.
            MissingExtra: `protocol` is `"websocket"`, and `websocket-client` isn't installed.
        """
        key = checked_id(job_id)
        if protocol not in ("auto", "websocket", "http"):
            raise UsageError(f"protocol is {protocol!r}: give 'auto', 'websocket' or 'http'.")
        follower = _Follower(self, key, protocol, limits or StreamLimits(), Timeout.of(timeout))
        return follower.lines(patience)


class _Follower:
    """One log that is followed."""

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
        self._place, self._stuck = -1, 0

    def lines(self, patience: float) -> Iterator[str]:
        """Give the lines."""
        return follow(
            self._open_at,
            self._has_ended,
            meter=self._meter,
            patience=patience,
            resource=f"job {self._key}",
        )

    def _open_at(self, given: int) -> Iterator[str]:
        self._stuck = self._stuck + 1 if given == self._place else 0
        self._place = given
        if self._is_auto and self._stuck >= _STUCK:
            self._polls = True  # something in the log, or on the way, breaks each WebSocket there
        return self._by_polling(given) if self._polls else self._by_websocket(given)

    def _has_ended(self) -> bool:
        return self._client.get_job(self._key)["status"] in TERMINAL

    def _by_websocket(self, skip: int) -> Iterator[str]:
        given, has_begun = skip, False
        pieces: list[str] = []
        opened = messages(
            self._client._transport,
            f"api/jobs/{self._key}/logs/tail",
            timeout=self._timeout,
            resource=f"job {self._key}",
        )
        try:
            for message in opened:
                has_begun = True
                if message is None:
                    self._client.get_job(self._key)  # raises if nobody is there any more
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
            # The cluster answers, but no WebSocket comes through, unless there is no such job.
            self._client.get_job(self._key)
            self._polls = True
            yield from self._by_polling(given)
            return
        # Ray closes as if all were said also when it lost the node: then the line isn't whole.
        if (last := "".join(pieces)) and not skip and self._has_ended():
            yield last

    def _check_unfinished(self, pieces: list[str]) -> None:
        if sum(map(len, pieces)) > self._limits.max_message_bytes:
            self._meter.line("".join(pieces))

    def _by_polling(self, given: int) -> Iterator[str]:
        while True:
            began = time.monotonic()
            has_ended = self._has_ended()  # before the log, which is whole then
            *lines, last = self._client.get_job_logs(self._key)["logs"].split("\n")
            yield from lines[given:]
            if has_ended:
                if last and given <= len(lines):
                    yield last
                return
            given = max(given, len(lines))
            self._check_unfinished([last])
            took = time.monotonic() - began
            time.sleep(min(_POLL[1], max(_POLL[0], _REST * took)))
