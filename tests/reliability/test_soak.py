"""A short soak, as part of the tests; `make soak` is the long one."""

from __future__ import annotations

import pytest
from soak import MIB, Report, Worker, compared, soak


@pytest.fixture(scope="module")
def report() -> Report:
    """The figures of 2,000 requests, every tenth with a fault."""
    return soak(2_000, share=0.1, seed=7)


def test_nothing_is_lost_and_nothing_done_twice(report: Report) -> None:
    assert report.problems == []
    assert report.requests >= 2_000
    assert report.outcomes["create done"] > 200


def test_there_were_faults_of_many_kinds(report: Report) -> None:
    assert sum(report.faults.values()) > 100
    assert len(report.faults) > 15


def test_safe_verbs_survive_them(report: Report) -> None:
    asked = {verb: count for verb, count in report.outcomes.items() if verb.startswith("get")}
    assert asked["get done"] / sum(asked.values()) > 0.99


def test_what_could_not_be_told_is_reported(report: Report) -> None:
    assert report.outcomes["create unknown"] > 0
    assert report.outcomes["save unknown"] > 0


def test_memory_is_flat_and_nothing_is_left(report: Report) -> None:
    assert report.memory_after < report.memory_before + 16 * MIB
    assert (report.sockets_left, report.threads_left) == (0, 0)


class TestTheComparison:
    """It would notice."""

    def worker(self, outcome: str, kept: dict[str, str | None] | None = None) -> Worker:
        worker = Worker(None, 0, 0)  # type: ignore[arg-type]
        worker.made = {"a": outcome}
        worker.kept = {"a": ""} if kept is None else kept
        return worker

    def found(self, worker: Worker, times: int, rows: list[list[str]]) -> list[str]:
        return compared(worker, {"made": {"a": times} if times else {}, "rows": rows})

    def test_what_is_in_order(self) -> None:
        assert self.found(self.worker("done"), 1, [["a", ""]]) == []
        assert self.found(self.worker("unsent", {}), 0, []) == []
        assert self.found(self.worker("unknown", {}), 1, [["a", ""]]) == []

    def test_what_was_lost(self) -> None:
        assert self.found(self.worker("done"), 0, [])[0] == "a was done, and made 0 times"

    def test_what_was_done_twice(self) -> None:
        for outcome in ("done", "unknown"):
            problems = self.found(self.worker(outcome), 2, [["a", ""]])
            assert problems == [f"a was {outcome}, and made 2 times"]

    def test_what_was_done_though_reported_as_not(self) -> None:
        assert self.found(self.worker("unsent", {}), 1, []) == ["a was unsent, and made 1 times"]

    def test_a_change_that_is_not_there(self) -> None:
        problems = self.found(self.worker("done", {"a": "new"}), 1, [["a", "old"]])
        assert problems == ["a has 'old' instead of 'new'"]

    def test_a_deletion_that_did_not_happen(self) -> None:
        problems = self.found(self.worker("done", {}), 1, [["a", ""]])
        assert problems == ["a was deleted, and is there"]
