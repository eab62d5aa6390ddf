"""The attempts of one call: record each outcome, decide whether to retry, wait."""

from __future__ import annotations

import time

from synapse._internal import log_events
from synapse._internal.cancellation import sleep
from synapse.errors import (
    ClientError,
    InvalidResponse,
    is_transient_status,
    may_have_been_processed,
)
from synapse.transport.deadline_blocks import block_in_force
from synapse.transport.options import Event, Options
from synapse.transport.request_context import RequestContext
from synapse.transport.response import Response
from synapse.transport.retry import Budget, Retry

__all__ = ["Attempts"]

# Seconds; a script that waits for longer looks as if it hung.
_LONG_PAUSE = 5.0


class Attempts:
    """The attempts of one call so far.

    The loop that owns this object records each outcome, asks `should_retry`, which has no side
    effect, then takes the retry from the budget, and waits.

    Args:
        context: The request that is sent.
        options: Retry policy and hooks.
        budget: Retries that the session may still make.
        repeatable: Whether the HTTP method decides if the request may be sent twice. Otherwise a
            retry happens only when the server certainly didn't process the request.

    Attributes:
        request_id: Id that every attempt carries.
        until: Deadline on `time.monotonic`'s clock, or `None`.
    """

    def __init__(
        self, context: RequestContext, options: Options, budget: Budget, *, repeatable: bool
    ) -> None:
        self._context = context
        self._options = options
        self._budget = budget
        self._method = context.request.method or ""
        self._policy_method = self._method if repeatable else "POST"
        self.request_id = context.request.headers["X-Request-ID"]
        self._started = time.monotonic()
        self.until = None if context.deadline is None else self._started + context.deadline
        block = block_in_force()
        if block is not None and (self.until is None or block.moment < self.until):
            self.until = block.moment
            context.deadline = block.seconds
        self._number = 1
        self._was_throttled = False
        self._was_lost = False
        self._can_retry = False
        self._delay: float | None = None
        self._is_throttling = False
        self._charged = 0
        self._reason = ""
        self._response: Response | None = None
        self._failure: ClientError | None = None

    def event(self) -> Event:
        """Return the current attempt as hooks receive it."""
        return Event(self._method, self._context.shown, self.request_id, self._number)

    def record_response(self, response: Response) -> None:
        """Record that the server answered."""
        status, seconds = response.response.status_code, None
        self._response, self._failure = response, None
        self._is_throttling = False
        if response.is_broken:
            is_transient = processed = True
            self._reason = "the answer is broken"
        elif status < 500 and not is_transient_status(status):
            # A refusal counts as a success for the budget: the server is up.
            self._budget.succeeded(self._charged)
            is_transient = processed = False
        else:
            from synapse.transport.error_mapping import retry_after

            seconds = retry_after(response.response)
            is_transient = is_transient_status(status)
            processed = may_have_been_processed(status, seconds)
            self._was_throttled = self._was_throttled or status == 429
            self._budget.throttle_count += status == 429
            self._is_throttling = status == 429 or seconds is not None
            self._reason = f"the server answered {status}"
        self._decide(seconds, is_transient=is_transient, processed=processed)

    def record_failure(self, failure: ClientError) -> None:
        """Record that no response arrived, and note the attempts on the error."""
        self._reason = failure.detail
        self._response, self._failure = None, failure
        self._is_throttling = False
        # A response that broke a limit of the session would break the limit again.
        is_transient = failure.is_transient and not isinstance(failure, InvalidResponse)
        had_lost = self._was_lost
        self._decide(None, is_transient=is_transient, processed=failure.may_have_been_processed)
        failure.attempts = self._number
        failure.elapsed = time.monotonic() - self._started
        failure.has_lost_attempt = had_lost
        if failure.request_id is None:
            failure.request_id = self.request_id

    def should_retry(self) -> bool:
        """Return whether another attempt is allowed, useful and in time."""
        if not self._can_retry or self._delay is None:
            return False
        return self.until is None or time.monotonic() + self._delay < self.until

    def take_from_budget(self) -> bool:
        """Take the retry from the session's budget; return whether one was left.

        The budget is for outages. A server that throttles is up and decides about the pause, so
        the retry after that pause is free; without any pause, the retry isn't.
        """
        if self._is_throttling and self._delay:
            return True
        if not self._budget.take():
            return False
        self._charged += 1
        return True

    def wait(self) -> None:
        """Announce the retry to the log and the hook, sleep, and count the next attempt."""
        delay = self._delay or 0.0
        most = self._options.retry.attempts
        log_events.REQUEST_RETRIED.log(
            "%s %s: %s; retrying in %.1f s (attempt %d of %d, request %s)",
            self._method,
            self._context.shown,
            self._reason,
            delay,
            self._number,
            most,
            self.request_id,
            is_urgent=delay > _LONG_PAUSE,
            **self._context.describe(),
            attempt=self._number,
            attempts=most,
            delay=delay,
            reason=self._reason,
        )
        self._tell_of_retry(delay, most)
        sleep(delay)
        self._number += 1
        self._context.attempt = self._number

    def conclude(self, response: Response) -> Response:
        """Return the final response with the number of attempts and their duration."""
        response.elapsed = time.monotonic() - self._started
        if self._number > 1:
            status = response.response.status_code
            response.attempts = self._number
            response.has_lost_attempt = self._was_lost
            response.was_throttled = self._was_throttled or status == 429
            # An earlier attempt deleted the object; only the response was lost.
            response.is_done = self._method == "DELETE" and self._was_lost and status == 404
        return response

    def _tell_of_retry(self, delay: float, most: int) -> None:
        """Call the hook, whose own failure must not end the attempts."""
        if self._options.on_retry is None:
            return
        failure = self._failure
        if failure is None and self._response is not None:
            failure = self._response.error()
        if failure is not None:
            failure.attempts = self._number
            failure.elapsed = time.monotonic() - self._started
        request_id, url = self.request_id, self._context.shown
        retry = Retry(
            self._method, url, request_id, self._number, most, delay, self._reason, failure
        )
        try:
            self._options.on_retry(retry)
        except Exception:  # the user's function may raise anything
            log_events.HOOK_FAILED.log(
                "on_retry failed after %s %s; the retry goes on",
                self._method,
                url,
                exc_info=True,
                hook="on_retry",
                **self._context.describe(),
            )

    def _decide(self, seconds: float | None, *, is_transient: bool, processed: bool) -> None:
        policy = self._options.retry
        self._was_lost = self._was_lost or processed
        self._can_retry = self._number < policy.attempts and policy.should_retry(
            self._policy_method, is_transient=is_transient, may_have_been_processed=processed
        )
        self._delay = policy.delay(self._number, seconds) if self._can_retry else None
