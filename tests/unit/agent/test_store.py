"""What an agent remembers, and how it counts what arrived."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.agent.delivery import JobReporter, count_arrived
from synapse.agent.store import Store
from synapse.agent.tickets import Tickets
from synapse.errors import ConfigurationError
from synapse.jobs.spec import Outcome, OutputLine

NOW = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "agent", keep=2)
    yield made
    made.close()


def add(store: Store, job_id: str) -> bool:
    return store.add(job_id, code="p", version="1", action="a", params={"x": 1}, debug=False)


def lines(*messages: str) -> list[OutputLine]:
    return [OutputLine(message, None, NOW) for message in messages]


def test_a_job_is_added_once(store: Store) -> None:
    assert add(store, "j")
    assert not add(store, "j")
    job = store.job("j")
    assert job is not None
    assert (job.status, job.params, job.lines) == ("queued", {"x": 1}, 0)


def test_the_releases_of_another_backend_are_not_kept(store: Store) -> None:
    def keep() -> None:
        store.keep_release(code="p", version="1", key=1, checksum="c", size=1, config={})

    keep()
    store.belong_to("one")
    store.belong_to("one")
    assert len(store.releases()) == 1

    store.belong_to("another")
    assert store.releases() == []
    keep()
    store.belong_to("another")
    assert len(store.releases()) == 1


def test_only_the_first_end_counts(store: Store) -> None:
    add(store, "j")
    store.begin("j")

    store.end("j", Outcome("failed", "It broke."))
    store.end("j", Outcome("stopped", "It was stopped."))

    job = store.job("j")
    assert job is not None
    assert (job.status, job.reason) == ("failed", "It broke.")
    (last,) = store.lines("j")
    assert (last.message, last.level) == ("It broke.", "error")


def test_a_reason_that_the_job_printed_is_not_said_again(store: Store) -> None:
    add(store, "j")
    store.append("j", lines("It broke.", "It can't run."))

    store.end("j", Outcome("failed", "It can't run."))

    assert [line.message for line in store.lines("j")] == ["It broke.", "It can't run."]


def test_lines_in_order_and_in_part(store: Store) -> None:
    add(store, "j")
    store.append("j", lines("a", "b"))
    store.append("j", lines("c\x00\ud800"))

    assert [line.message for line in store.lines("j", 1)] == ["b", "c\ufffd?"]
    assert [line.message for line in store.lines("j", 0, 1)] == ["a"]
    assert store.lines("j")[0].created == NOW


def test_what_is_untold(store: Store) -> None:
    add(store, "j")
    assert store.list_unreported() == []
    store.append("j", lines("a"))
    assert [job.id for job in store.list_unreported()] == ["j"]
    store.record_sent("j", 1)
    assert store.list_unreported() == []
    store.begin("j")
    assert [job.id for job in store.list_unreported()] == ["j"]
    store.record_told("j", "running")
    assert store.list_unreported() == []
    store.append("j", lines("b"))
    store.give_up("j")
    assert store.list_unreported() == []


def test_old_jobs_are_forgotten_once_they_are_told_of(store: Store) -> None:
    for number in range(4):
        key = f"j{number}"
        add(store, key)
        store.end(key, Outcome("completed"))
    assert store.count() == 4  # of none of them the backend knows
    for number in range(4):
        store.record_told(f"j{number}", "completed")

    add(store, "last")
    store.end("last", Outcome("completed"))

    assert [job.id for job in store.jobs()] == ["j2", "j3", "last"]


def test_it_survives(store: Store, tmp_path: Path) -> None:
    add(store, "j")
    store.append("j", lines("a"))
    node = store.node_id()
    store.close()

    again = Store(tmp_path / "agent")

    assert again.node_id() == node
    assert [line.message for line in again.lines("j")] == ["a"]
    again.close()


def test_one_agent_for_one_folder(store: Store) -> None:
    with pytest.raises(ConfigurationError, match="Another agent uses"):
        Store(store.folder)


def test_a_folder_with_something_else_in_it(tmp_path: Path) -> None:
    (tmp_path / "agent.sqlite3").write_text("no database " * 100)

    with pytest.raises(ConfigurationError, match="can't be used: file is not a database"):
        Store(tmp_path)


def test_a_folder_that_cant_be_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match="can't be used"):
        Store(tmp_path / "file")


def test_it_is_its_owners_alone(store: Store) -> None:
    assert store.folder.stat().st_mode & 0o077 == 0


def test_an_order_is_given_once() -> None:
    orders = Tickets("http://127.0.0.1:1/")
    ticket, revoked = orders.issue({"a": 1}), orders.issue({"b": 2})
    orders.revoke(revoked)

    assert ticket != revoked
    assert orders.url(ticket) == f"http://127.0.0.1:1/_orders/{ticket}/"
    assert orders.take(ticket) == {"a": 1}
    assert orders.take(ticket) is None
    assert orders.take(revoked) is None


@given(
    before=st.lists(st.integers(0, 2), max_size=8),
    batch=st.lists(st.integers(0, 2), min_size=1, max_size=6),
    came=st.integers(0, 6),
)
def test_what_arrived(before: list[int], batch: list[int], came: int) -> None:
    """Where nobody else writes, the count is exact, however alike the lines are."""
    came = min(came, len(batch))

    assert count_arrived([*before, *batch[:came]], batch, len(before)) == came


@pytest.mark.parametrize(
    ("held", "batch", "sent", "count"),
    [
        (["other", "a", "b"], ["a", "b"], 0, 2),
        (["a", "b", "other"], ["a", "b"], 0, 2),
        (["x", "other", "a"], ["a", "b"], 1, 1),
        (["x", "other"], ["a", "b"], 1, 0),
        ([], ["a"], 0, 0),
        (["a"], [], 0, 0),
    ],
)
def test_what_arrived_among_lines_of_others(
    held: list[str], batch: list[str], sent: int, count: int
) -> None:
    assert count_arrived(held, batch, sent) == count


def test_what_a_full_disk_refused_is_written_later(store: Store) -> None:
    class Nobody:
        def wake(self) -> None: ...

    add(store, "j")
    reporter = JobReporter(store, Nobody(), "j")  # type: ignore[arg-type] # nobody is told
    first, later = lines(*(str(number) * 1000 for number in range(100))), lines("more")
    ((pages,),) = store._rows("PRAGMA page_count", ())
    store._rows(f"PRAGMA max_page_count = {pages}", ())
    with pytest.raises(sqlite3.OperationalError, match="full"):
        reporter.printed(first)
    store._rows("PRAGMA max_page_count = 100000", ())
    reporter.printed(later)
    reporter.ended(Outcome("completed"))

    assert store.lines("j") == [*first, *later]
