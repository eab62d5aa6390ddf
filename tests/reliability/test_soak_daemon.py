"""A short life of a daemon; `make soak` is the long one."""

from __future__ import annotations

from typing import Any

import pytest
from soak import MIB
from soak_daemon import Daemon, Life, compared, live

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def life() -> Life:
    """The figures of 2,500 requests, with two restarts at least and several tokens."""
    return live(2_500, threads=8, share=0.05, seed=7, restart_every=900, rotate_every=400)


def test_each_item_is_made_once_and_ends_as_it_should(life: Life) -> None:
    assert life.problems == []
    assert life.items > 200


def test_there_were_troubles(life: Life) -> None:
    assert life.restarts >= 2
    assert life.rotations >= 5
    assert life.faults > 50
    assert life.retries > 20


def test_nothing_is_left(life: Life) -> None:
    assert (life.sockets_left, life.threads_left) == (0, 0)
    assert life.samples[-1][1] < life.samples[0][1] + 16 * MIB


class TestTheComparison:
    """It would notice."""

    def found(self, items: int, made: dict[str, int], rows: list[list[str]]) -> list[str]:
        daemon = Daemon(None, 0, 0)  # type: ignore[arg-type] # no session is asked
        daemon.items = items
        there: dict[str, Any] = {"made": made, "rows": rows}
        return compared(daemon, there)

    def test_what_is_in_order(self) -> None:
        assert self.found(2, {"0-1": 1, "0-2": 1}, [["0-1", "of 0-1"]]) == []

    def test_what_was_lost(self) -> None:
        problems = self.found(1, {}, [])
        assert problems[0] == "0-1 was made 0 times"

    def test_what_was_made_twice(self) -> None:
        assert self.found(1, {"0-1": 2}, [["0-1", "of 0-1"]]) == ["0-1 was made 2 times"]

    def test_a_change_that_is_not_there(self) -> None:
        assert self.found(1, {"0-1": 1}, [["0-1", ""]]) == ["0-1 has '' instead of 'of 0-1'"]

    def test_a_deletion_that_did_not_happen(self) -> None:
        rows = [["0-1", "of 0-1"], ["0-2", "of 0-2"]]
        problems = self.found(2, {"0-1": 1, "0-2": 1}, rows)
        assert problems == ["0-2 has 'of 0-2' instead of None"]

    def test_memory_that_grows(self) -> None:
        life = Life(samples=[(n * 1000, n * MIB, 100 + n) for n in range(5)])
        assert life.growth == pytest.approx(100 * MIB)
        assert life.new_blocks == 4
