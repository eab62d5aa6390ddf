"""What is repeated, after how long, and how much of it a session may do."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.errors import ConfigurationError
from synapse.transport.retry import Budget, RetryPolicy

SAFE = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]
OTHER = ["POST", "PATCH"]


class TestStatus:
    @pytest.mark.parametrize("method", SAFE)
    @pytest.mark.parametrize("status", [429, 502, 503, 504])
    def test_what_may_pass_is_repeated_for_safe_verbs(self, method: str, status: int) -> None:
        assert RetryPolicy().repeats_status(method, status, None)

    @pytest.mark.parametrize("method", SAFE + OTHER)
    @pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 413, 500, 501, 507])
    def test_what_stays_is_not(self, method: str, status: int) -> None:
        assert not RetryPolicy().repeats_status(method, status, 1.0)

    @pytest.mark.parametrize("method", OTHER)
    @pytest.mark.parametrize(
        ("status", "retry_after", "repeats"),
        [
            (429, None, True),
            (429, 1.0, True),
            (503, 1.0, True),
            (503, 0.0, True),
            (503, None, False),
            (502, 1.0, False),
            (504, 1.0, False),
        ],
    )
    def test_others_only_if_surely_not_processed(
        self, method: str, status: int, retry_after: float | None, repeats: bool
    ) -> None:
        assert RetryPolicy().repeats_status(method, status, retry_after) is repeats


class TestFailure:
    @pytest.mark.parametrize("method", SAFE)
    def test_safe_verbs_are_repeated(self, method: str) -> None:
        assert RetryPolicy().repeats_failure(method, was_sent=True)

    @pytest.mark.parametrize("method", OTHER)
    def test_others_only_if_never_sent(self, method: str) -> None:
        assert not RetryPolicy().repeats_failure(method, was_sent=True)
        assert RetryPolicy().repeats_failure(method, was_sent=False)


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
    with pytest.raises(ConfigurationError, match="whole number from 0"):
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
