"""Changes of many objects, one request each."""

from __future__ import annotations

from typing import Any

import pytest

from synapse import Session
from synapse.errors import AuthenticationError, BadRequest, NotFound, ServerError
from synapse.orm.bulk_changes import report_each, send_each
from synapse.transport.in_flight import ItemOutcome


def fail_at(**failures: BaseException) -> Any:
    def send(number: int) -> int:
        if f"n{number}" in failures:
            raise failures[f"n{number}"]
        return number

    return send


def test_the_hint_says_how_far(offline: Session) -> None:
    error = NotFound(404, hint="Check the id.")
    with pytest.raises(NotFound) as caught:
        send_each(offline, fail_at(n2=error), range(9), "tasks", "changed", 1)
    assert caught.value.hint == (
        "Check the id. 2 tasks were changed. Make the same call again for the others."
    )


def test_the_hint_says_to_correct_what_the_server_refused(offline: Session) -> None:
    with pytest.raises(BadRequest) as caught:
        send_each(offline, fail_at(n2=BadRequest(400)), range(9), "tasks", "saved", 1)
    assert caught.value.hint == (
        "2 tasks were saved. Correct this one, then make the same call again for the others."
    )


def test_a_first_failure_has_no_hint(offline: Session) -> None:
    with pytest.raises(NotFound) as caught:
        send_each(offline, fail_at(n0=NotFound(404)), range(9), "tasks", "changed", 1)
    assert caught.value.hint is None


def test_an_interrupt_says_how_far(offline: Session) -> None:
    with pytest.raises(KeyboardInterrupt, match=r"2 tasks were saved\. Make the same call again"):
        send_each(offline, fail_at(n2=KeyboardInterrupt()), range(9), "tasks", "saved", 1)


def test_failures_of_one_item_stop_nothing(offline: Session) -> None:
    outcomes = list(report_each(offline, fail_at(n1=NotFound(404)), range(3), 1))
    assert [type(one.error) for one in outcomes] == [type(None), NotFound, type(None)]


@pytest.mark.parametrize(
    ("failures", "count", "kind"),
    [
        ({"n1": AuthenticationError(401)}, 2, AuthenticationError),
        ({"n1": ZeroDivisionError()}, 2, ZeroDivisionError),
        ({f"n{number}": ServerError(500) for number in range(5, 99)}, 25, ServerError),
    ],
    ids=["credentials", "mistake", "outage"],
)
def test_failures_of_all_items_stop_the_rest(
    offline: Session, failures: dict[str, BaseException], count: int, kind: type[Exception]
) -> None:
    outcomes: list[ItemOutcome[int, int]] = []
    with pytest.raises(kind):
        outcomes.extend(report_each(offline, fail_at(**failures), range(99), 1))
    assert len(outcomes) == count
