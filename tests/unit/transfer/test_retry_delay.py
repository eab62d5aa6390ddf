"""Pauses of the loops that resume a transfer."""

from __future__ import annotations

import pytest

from synapse import errors
from synapse.transfer.retry_delay import retry_delay, retry_transient
from synapse.transport import Transport
from synapse.transport.retry import RetryPolicy

POLICY = RetryPolicy(base=1.0, longest=10.0)


@pytest.mark.real_pauses
def test_first_retry_is_immediate_and_later_ones_wait_longer() -> None:
    error = errors.ServerError(502)

    assert retry_delay(error, 1, POLICY) == 0.0
    assert 0.5 <= (retry_delay(error, 2, POLICY) or 0) <= 1.0
    assert 1.0 <= (retry_delay(error, 3, POLICY) or 0) <= 2.0


def test_gives_up_after_five_failures() -> None:
    assert retry_delay(errors.RequestTimeout(408), 4, POLICY) is not None
    assert retry_delay(errors.RequestTimeout(408), 5, POLICY) is None


@pytest.mark.parametrize("error", [errors.ServerError(500), errors.NotFound(404)])
def test_gives_up_on_an_error_that_is_not_transient(error: errors.ClientError) -> None:
    assert retry_delay(error, 1, POLICY) is None


@pytest.mark.parametrize(("seconds", "delay"), [(3.0, 3.0), (11.0, None)])
def test_pause_of_a_throttling_server(seconds: float, delay: float | None) -> None:
    error = errors.RateLimited(429)
    error.retry_after = seconds

    assert retry_delay(error, 1, POLICY) == delay


@pytest.mark.parametrize(
    ("failures", "limit", "attempts"), [(0, 5, 1), (1, 5, 2), (4, 5, 5), (5, 5, 5), (1, 1, 1)]
)
def test_transient_failures_are_tried_again(
    transport: Transport,
    monkeypatch: pytest.MonkeyPatch,
    failures: int,
    limit: int,
    attempts: int,
) -> None:
    monkeypatch.setattr("synapse.transfer.retry_delay.pause", lambda seconds: True)
    made: list[int] = []

    def send() -> str:
        made.append(1)
        if len(made) <= failures:
            raise errors.ServerError(503)
        return "done"

    if failures < limit:
        assert retry_transient(transport, send, limit=limit) == "done"
    else:
        with pytest.raises(errors.ServerError):
            retry_transient(transport, send, limit=limit)
    assert len(made) == attempts


def test_final_failure_is_raised_at_once(transport: Transport) -> None:
    def send() -> None:
        raise errors.NotFound(404)

    with pytest.raises(errors.NotFound):
        retry_transient(transport, send)
