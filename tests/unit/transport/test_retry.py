"""The retry policy: decisions, pauses and the budget."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.errors import ConfigurationError, is_transient_status, may_have_been_processed
from synapse.transport.retry import Budget, RetryPolicy

pytestmark = pytest.mark.real_pauses

IDEMPOTENT = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]
OTHER = ["POST", "PATCH"]


TRANSIENT = [408, 429, 502, 503, 504]


def should_retry(method: str, status: int, retry_after: float | None) -> bool:
    """Return the policy's decision for a response."""
    return RetryPolicy().should_retry(
        method,
        is_transient=is_transient_status(status),
        may_have_been_processed=may_have_been_processed(status, retry_after),
    )


class TestStatus:
    @pytest.mark.parametrize("method", IDEMPOTENT)
    @pytest.mark.parametrize("status", TRANSIENT)
    def test_idempotent_methods_are_retried_after_transient_failures(
        self, method: str, status: int
    ) -> None:
        assert should_retry(method, status, None)

    @pytest.mark.parametrize("method", IDEMPOTENT + OTHER)
    @pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 413, 500, 501, 507])
    def test_lasting_failures_are_not_retried(self, method: str, status: int) -> None:
        assert not should_retry(method, status, 1.0)

    @pytest.mark.parametrize("method", OTHER)
    @pytest.mark.parametrize(
        ("status", "retry_after", "expected"),
        [
            (429, None, True),
            (429, 1.0, True),
            (503, 1.0, True),
            (503, 0.0, True),
            (503, None, False),
            (502, 1.0, False),
            (504, 1.0, False),
            (408, 1.0, False),
        ],
    )
    def test_other_methods_are_retried_only_if_certainly_not_processed(
        self, method: str, status: int, retry_after: float | None, expected: bool
    ) -> None:
        assert should_retry(method, status, retry_after) is expected


class TestFailure:
    @pytest.mark.parametrize("method", IDEMPOTENT)
    def test_idempotent_methods_are_retried_after_a_lost_response(self, method: str) -> None:
        assert RetryPolicy().should_retry(method, is_transient=True, may_have_been_processed=True)

    @pytest.mark.parametrize("method", OTHER)
    def test_other_methods_are_retried_only_if_never_sent(self, method: str) -> None:
        for processed in (True, False):
            decision = RetryPolicy().should_retry(
                method, is_transient=True, may_have_been_processed=processed
            )
            assert decision is not processed


class TestDelay:
    @given(st.integers(1, 50))
    def test_it_doubles_up_to_a_limit_and_varies_by_half(self, attempt: int) -> None:
        policy = RetryPolicy(base=0.5, longest=8.0)
        most = min(8.0, 0.5 * 2 ** (attempt - 1))
        delay = policy.delay(attempt, None)
        assert delay is not None
        assert most / 2 <= delay <= most

    def test_two_clients_do_not_come_back_together(self) -> None:
        delays = {RetryPolicy().delay(1, None) for _ in range(20)}
        assert len(delays) > 10

    @pytest.mark.parametrize("seconds", [0.0, 0.25, 7.0, 60.0])
    def test_the_server_knows_best(self, seconds: float) -> None:
        assert RetryPolicy().delay(3, seconds) == seconds

    def test_but_nobody_waits_longer_than_the_limit(self) -> None:
        assert RetryPolicy(longest=60).delay(1, 60.1) is None


def test_the_first_attempt_is_no_retry() -> None:
    assert [RetryPolicy.of(retries).attempts for retries in (0, 3)] == [1, 4]


@pytest.mark.parametrize("retries", [-1, 1.5, "3", None, True])
def test_retries_that_make_no_sense(retries: Any) -> None:
    with pytest.raises(ConfigurationError, match="whole number, 0 or more"):
        RetryPolicy.of(retries)


class TestBudget:
    def test_without_a_success_it_ends(self) -> None:
        budget = Budget(capacity=3)
        assert [budget.take() for _ in range(5)] == [True, True, True, False, False]

    def test_a_success_gives_back_a_part(self) -> None:
        budget = Budget(capacity=1, refund=0.25)
        budget.take()
        for _ in range(3):
            budget.succeeded(0)
            assert not budget.take()
        budget.succeeded(0)
        assert budget.take()

    def test_retries_that_helped_cost_nothing(self) -> None:
        budget = Budget(capacity=3, refund=0.1)
        for _ in range(100):
            assert budget.take()
            assert budget.take()
            budget.succeeded(2)

    def test_it_never_holds_more_than_at_first(self) -> None:
        budget = Budget(capacity=2, refund=1.0)
        for _ in range(10):
            budget.succeeded(5)
        assert [budget.take() for _ in range(3)] == [True, True, False]

    def test_threads_take_each_retry_once(self) -> None:
        budget = Budget(capacity=500)
        taken: list[bool] = []

        def take() -> None:
            taken.extend([budget.take() for _ in range(200)])

        threads = [threading.Thread(target=take) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(taken), sum(taken)) == (1600, 500)
