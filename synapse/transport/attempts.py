"""The attempts of one call: whether there is another, and what is said of them in the end."""

from __future__ import annotations

import logging
import time

import attrs

from synapse.errors import ClientError, ConnectionFailed, InvalidResponse
from synapse.transport.connection import Attempt
from synapse.transport.deadlines import block_in_force
from synapse.transport.options import Event, Options
from synapse.transport.response import Response
from synapse.transport.retry import Budget, Retry

__all__ = ["Attempts"]

_LOG = logging.getLogger("synapse.transport")


class Attempts:
    """What was tried so far in one call.

    Args:
        sending: What is sent.
        options: The policy and the callbacks.
        budget: The session's retries.
        repeatable: Whether the verb says if it is sent again after its answer was lost; else it
            is sent again only when it certainly wasn't processed.

    Attributes:
        request_id: The id that all attempts carry.
        until: The deadline, on `time.monotonic`'s clock, or `None`.
    """

    def __init__(
        self, sending: Attempt, options: Options, budget: Budget, *, repeatable: bool
    ) -> None:
        self._sending = sending
        self._options = options
        self._budget = budget
        self._most = options.retry.attempts
        self._method = sending.request.method or ""
        self._policy_of = self._method if repeatable else "POST"
        self.request_id = sending.request.headers["X-Request-ID"]
        self._started = time.monotonic()
        self.until = None if sending.deadline is None else self._started + sending.deadline
        block = block_in_force()
        if block is not None and (self.until is None or block.moment < self.until):
            self.until = block.moment
            sending.deadline = block.seconds
        self._number = 1
        self._was_throttled = False
        self._was_lost = False

    def event(self) -> Event:
        """Return the present attempt as the hooks get it."""
        return Event(self._method, self._sending.shown, self.request_id, self._number)

    def goes_on(
        self, *, answer: Response | None = None, failure: ClientError | None = None
    ) -> bool:
        """Say whether there is another attempt, after having waited for its time."""
        if answer is not None and not answer.is_broken:
            status = answer.response.status_code
            # A refusal is an answer, too: whoever gives it isn't down.
            if status < 500 and status != 429:
                self._budget.succeeded(self._number - 1)
                return False
        wait = self._wait(answer, failure)
        if wait is None:
            if failure is not None:
                self._note(failure)
            return False
        reason = failure.detail if failure is not None else self._reason(answer)
        retry = Retry(
            self._method,
            self._sending.shown,
            self.request_id,
            self._number,
            self._most,
            wait,
            reason,
        )
        _LOG.log(
            logging.WARNING if wait > 5 else logging.INFO,
            "%s %s: %s; trying again in %.1f s (attempt %d of %d, request %s)",
            self._method,
            self._sending.shown,
            reason,
            wait,
            self._number,
            self._most,
            self.request_id,
        )
        if self._options.on_retry is not None:
            self._options.on_retry(retry)
        time.sleep(wait)
        self._number += 1
        return True

    def concluded(self, answer: Response) -> Response:
        """Return the final answer with what is known of the attempts."""
        if self._number == 1:
            return attrs.evolve(answer, elapsed=time.monotonic() - self._started)
        status = answer.response.status_code
        return attrs.evolve(
            answer,
            attempts=self._number,
            elapsed=time.monotonic() - self._started,
            was_throttled=self._was_throttled or status == 429,
            # The deletion whose answer was lost has happened.
            is_done=self._method == "DELETE" and self._was_lost and status == 404,
        )

    def _wait(self, answer: Response | None, failure: ClientError | None) -> float | None:
        """Return for how long to wait before another attempt, or `None` for none."""
        policy = self._options.retry
        seconds = None
        if answer is not None:
            status = answer.response.status_code
            if not 200 <= status < 300:
                from synapse.transport.error_mapping import retry_after

                seconds = retry_after(answer.response)
                self._was_throttled = self._was_throttled or status == 429
                # What stands in front of the server gave it up; the server may not have.
                is_open = status in (502, 504) or (status == 503 and seconds is None)
                self._was_lost = self._was_lost or is_open
                repeats = policy.repeats_status(self._policy_of, status, seconds)
            else:
                self._was_lost = True
                repeats = policy.repeats_failure(self._policy_of, was_sent=True)
        else:
            was_sent = not (isinstance(failure, ConnectionFailed) and not failure.was_sent)
            self._was_lost = self._was_lost or was_sent
            repeats = policy.repeats_failure(self._policy_of, was_sent=was_sent)
            repeats = repeats and not isinstance(failure, InvalidResponse)
        if not repeats or self._number >= self._most:
            return None
        wait = policy.delay(self._number, seconds)
        if wait is None or (self.until is not None and time.monotonic() + wait >= self.until):
            return None
        return wait if self._budget.take() else None

    def _note(self, failure: ClientError) -> None:
        failure.attempts = self._number
        failure.elapsed = time.monotonic() - self._started
        if failure.request_id is None:
            failure.request_id = self.request_id

    @staticmethod
    def _reason(answer: Response | None) -> str:
        if answer is None or answer.is_broken:
            return "the answer is broken"
        return f"the server answered {answer.response.status_code}"
