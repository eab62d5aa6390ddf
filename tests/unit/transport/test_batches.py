"""Sizes of batches, and the order of their rows."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.errors import (
    BadRequest,
    ClientError,
    NotFound,
    PayloadTooLarge,
    RequestTimeout,
    ServerError,
    ValidationError,
)
from synapse.transport import batches
from synapse.transport.batches import (
    Batch,
    BatchSize,
    find_smaller_size,
    match_rows,
    read_batches,
    send_batch,
)


class TestSize:
    def test_slow_batches_shrink_and_fast_ones_grow(self) -> None:
        size = BatchSize(100, 30.0)
        size.record_time(100, 5.1)
        assert size.now == 50
        size.record_time(50, 5.1)
        assert size.now == 25
        size.record_time(25, 2.0)
        assert size.now == 25
        size.record_time(24, 0.1)  # says nothing about more
        assert size.now == 25
        for expected in (50, 100, 100):
            size.record_time(size.now, 0.1)
            assert size.now == expected

    def test_short_timeouts_make_batches_slow_earlier(self) -> None:
        size = BatchSize(100, 2.0)
        size.record_time(100, 0.6)
        assert size.now == 50

    def test_a_refused_size_stays_the_limit(self) -> None:
        size = BatchSize(100, 30.0)
        size.shrink(30, for_good=True)
        size.record_time(30, 0.1)
        assert size.now == 30
        size.shrink(10, for_good=False)
        size.record_time(10, 0.1)
        assert size.now == 20

    def test_one_is_the_least(self) -> None:
        size = BatchSize(1, 30.0)
        size.record_time(1, 99.0)
        size.shrink(0, for_good=True)
        assert size.now == 1


def test_batches_have_the_size_of_the_moment() -> None:
    size = BatchSize(4, 30.0)
    source = read_batches(range(9), size)
    assert next(source).items == [0, 1, 2, 3]
    size.shrink(2, for_good=True)
    assert [(batch.start, batch.items) for batch in source] == [(4, [4, 5]), (6, [6, 7]), (8, [8])]


class Endpoint:
    """Echoes items, after some failures."""

    def __init__(self, *failures: ClientError | None) -> None:
        self.failures = list(failures)
        self.sent: list[list[int]] = []

    def __call__(self, items: list[int]) -> list[int]:
        self.sent.append(items)
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        return items


LOST = RequestTimeout(408, "too slow")


class TestSend:
    def test_a_large_batch_is_divided_in_order(self) -> None:
        endpoint, batch = Endpoint(PayloadTooLarge(413), None), Batch(7, [1, 2, 3, 4, 5])
        send_batch(batch, endpoint, BatchSize(5, 30.0))
        assert (batch.rows, batch.in_flight, batch.sent) == ([1, 2, 3, 4, 5], 0, 12)
        assert endpoint.sent == [[1, 2, 3, 4, 5], [1, 2], [3, 4], [5]]

    def test_an_error_leaves_the_place_and_a_further_call_goes_on(self) -> None:
        endpoint = Endpoint(PayloadTooLarge(413), None, NotFound(404))
        batch, size = Batch(0, [1, 2, 3, 4]), BatchSize(4, 30.0)
        with pytest.raises(NotFound):
            send_batch(batch, endpoint, size)
        assert (batch.rows, batch.in_flight, batch.sent) == ([1, 2], 2, 2)
        send_batch(batch, endpoint, size)
        assert batch.rows == [1, 2, 3, 4]

    def test_a_lost_response_is_final_for_what_may_not_be_repeated(self) -> None:
        endpoint = Endpoint(LOST)
        with pytest.raises(RequestTimeout):
            send_batch(Batch(0, [1, 2]), endpoint, BatchSize(2, 30.0))
        assert endpoint.sent == [[1, 2]]

    def test_a_lost_response_divides_what_may_be_repeated(self) -> None:
        endpoint, batch = Endpoint(LOST, LOST), Batch(0, [1, 2, 3, 4])
        size = BatchSize(4, 30.0)
        send_batch(batch, endpoint, size, is_repeatable=True)
        assert batch.rows == [1, 2, 3, 4]
        assert endpoint.sent == [[1, 2, 3, 4], [1, 2], [1], [2, 3], [4]]

    def test_repeating_ends(self) -> None:
        endpoint = Endpoint(*[LOST] * 9)
        with pytest.raises(RequestTimeout):
            send_batch(Batch(0, [1, 2]), endpoint, BatchSize(2, 30.0), is_repeatable=True)
        assert len(endpoint.sent) == 4

    def test_slow_batches_make_later_ones_smaller(self, monkeypatch: pytest.MonkeyPatch) -> None:
        moments = iter([0.0, 6.0, 6.0, 6.1, 6.1, 6.2])
        monkeypatch.setattr(batches.time, "monotonic", lambda: next(moments))
        endpoint, size = Endpoint(), BatchSize(4, 30.0)
        send_batch(Batch(0, [1, 2, 3, 4]), endpoint, size)
        send_batch(Batch(4, [5, 6, 7, 8]), endpoint, size)
        assert endpoint.sent == [[1, 2, 3, 4], [5, 6], [7, 8]]


@pytest.mark.parametrize(
    ("error", "size"),
    [
        (PayloadTooLarge(413), 250),
        (BadRequest(400, response={"detail": "Too many objects."}), 250),
        (BadRequest(400, response="No more than 100 rows."), 100),
        (BadRequest(400, response=["At most 100 objects, not 500."]), 100),
        (ValidationError(422, response={"ids": ["The limit is 200."]}), 200),
        (BadRequest(400, "Maximum of 50 exceeded."), 50),
        (BadRequest(400, response={"detail": "At most 900 objects."}), 250),
        (BadRequest(400, response={"detail": "Not allowed."}), None),
        (BadRequest(400, response={"name": ["No more than 100 characters."]}), None),
        (BadRequest(400, response={"3": {"name": ["At most 100."]}}), None),
        (BadRequest(400, response=[{}, {"name": ["At most 100."]}]), None),
        (BadRequest(400, response={"tags": ['Invalid pk "7" - object does not exist.']}), None),
        (ServerError(500, response="Too many."), None),
        (NotFound(404, response="Too many."), None),
    ],
)
def test_only_refusals_of_the_size_divide_a_batch(error: ClientError, size: int | None) -> None:
    assert find_smaller_size(error, 500) == size


def test_one_item_is_never_divided() -> None:
    assert find_smaller_size(PayloadTooLarge(413), 1) is None


class TestOrder:
    def test_rows_are_moved_to_their_bodies(self) -> None:
        bodies = [{"unit": 1, "meta": {}}, {"unit": 2, "meta": {}}, {"unit": 1, "meta": {"a": 1}}]
        rows = [{"id": n, **bodies[at]} for n, at in enumerate((2, 1, 0))]
        assert [row["id"] for row in match_rows(bodies, rows)] == [2, 1, 0]

    @pytest.mark.parametrize(
        "change",
        [
            {"status": "other"},
            {"unit": {"id": 1}},
            {"unit": 5},
        ],
    )
    def test_changed_values_move_nothing(self, change: dict[str, Any]) -> None:
        bodies = [{"unit": 1, "status": "a"}, {"unit": 2, "status": "b"}]
        rows = [{"id": 1, **bodies[0], **change}, {"id": 2, **bodies[1]}]
        assert match_rows(bodies, rows) is rows

    def test_values_that_contradict_each_other_move_nothing(self) -> None:
        bodies = [{"a": 1, "b": 1}, {"a": 2, "b": 2}]
        rows = [{"a": 2, "b": 1}, {"a": 1, "b": 2}]
        assert match_rows(bodies, rows) is rows

    def test_no_rows(self) -> None:
        assert match_rows([], []) == []
