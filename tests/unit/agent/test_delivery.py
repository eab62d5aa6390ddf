"""Delivery of the jobs' events: in order, in batches, each once, whatever the backend answers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.agent.delivery import Delivery, JobReporter, count_arrived
from synapse.agent.store import Store
from synapse.errors import ConnectionFailed
from synapse.jobs.spec import Outcome, OutputLine
from synapse.session import Session

from .conftest import NOW, add_job, find_job, make_lines

LOST = {"status": 500, "body": {"detail": "boom"}}


@pytest.fixture
def session(server: Any) -> Iterator[Session]:
    """A session with the scripted server, as the agent has one."""
    with Session(server.url, agent_token="token", retries=0) as session:
        yield session


@pytest.fixture
def stopped() -> list[str]:
    """The jobs that the delivery stopped."""
    return []


@pytest.fixture
def delivery(store: Store, session: Session, stopped: list[str]) -> Delivery:
    """A delivery for which a request is over at once."""

    def stop(job_id: str) -> bool:
        stopped.append(job_id)
        return True

    return Delivery(store, session, stop=stop, settled=0)


def run(delivery: Delivery, *, timeout: float = 5) -> None:
    """Deliver until everything is delivered; with the timeout 0, try once."""
    delivery.start()
    delivery.close(timeout)


def read_requests(server: Any) -> list[tuple[str, str, Any]]:
    """Return method, path and decoded body of each request."""
    return [
        (request.method, request.target, json.loads(request.body) if request.body else None)
        for request in server.requests
    ]


def read_batches(server: Any) -> list[tuple[list[str], str | None]]:
    """Return messages and status of each report."""
    return [
        ([line["message"] for line in body.get("console_logs", [])], body.get("status"))
        for method, _, body in read_requests(server)
        if method == "PATCH"
    ]


def add_ended_job(store: Store, job_id: str, *messages: str) -> None:
    """Store a job that printed lines and completed."""
    add_job(store, job_id)
    store.begin(job_id)
    store.append(job_id, make_lines(*messages))
    store.end(job_id, Outcome("completed"))


class TestReports:
    def test_lines_and_status_are_one_request(
        self, store: Store, delivery: Delivery, server: Any
    ) -> None:
        add_job(store, "j")
        store.begin("j")
        store.append("j", [OutputLine("careful", "warning", NOW), *make_lines("b")])
        store.end("j", Outcome("completed"))
        server.reply(200, {})

        run(delivery)

        at = NOW.isoformat()
        assert read_requests(server) == [
            (
                "PATCH",
                "/jobs/j/",
                {
                    "console_logs": [
                        {"message": "careful", "created": at, "level": "warning"},
                        {"message": "b", "created": at},
                    ],
                    "status": "completed",
                },
            )
        ]
        assert store.list_unreported() == []

    def test_queued_job_is_nothing_to_report(self, store: Store, delivery: Delivery) -> None:
        add_job(store, "j")

        run(delivery)  # the server has no answer

        assert find_job(store, "j").told == "queued"

    def test_final_status_comes_with_the_last_batch(
        self, store: Store, delivery: Delivery, server: Any
    ) -> None:
        messages = [str(number) for number in range(1001)]
        add_ended_job(store, "j", *messages)
        for _ in range(3):
            server.reply(200, {})

        run(delivery)

        assert read_batches(server) == [
            (messages[:500], "running"),
            (messages[500:1000], None),
            (messages[1000:], "completed"),
        ]

    def test_batch_has_at_most_a_mebibyte_unless_one_line_has_more(
        self, store: Store, delivery: Delivery, server: Any
    ) -> None:
        sizes = [600_000, 400_000, 400_000, 2_000_000]
        add_ended_job(store, "j", *("x" * size for size in sizes))
        for _ in range(3):
            server.reply(200, {})

        run(delivery)

        batches = [[len(message) for message in batch] for batch, _ in read_batches(server)]
        assert batches == [[600_000, 400_000], [400_000], [2_000_000]]

    def test_each_job_gets_its_own_requests(
        self, store: Store, delivery: Delivery, server: Any
    ) -> None:
        add_ended_job(store, "j1", "a")
        add_ended_job(store, "j2", "b")
        server.reply(200, {})
        server.reply(200, {})

        run(delivery)

        assert [path for _, path, _ in read_requests(server)] == ["/jobs/j1/", "/jobs/j2/"]
        assert [batch for batch, _ in read_batches(server)] == [["a"], ["b"]]


class TestUncertainArrival:
    """The response to some lines was lost, so the backend may have any of them."""

    LINES = ("a", "b", "c")

    @pytest.mark.parametrize("count", [0, 1, 2, 3])
    @pytest.mark.parametrize("has_own_times", [False, True])
    def test_only_the_missing_lines_are_sent_again(
        self, store: Store, delivery: Delivery, server: Any, count: int, *, has_own_times: bool
    ) -> None:
        add_ended_job(store, "j", *self.LINES)
        created = "2026-02-01T00:00:00Z" if has_own_times else NOW.isoformat()
        rows = [{"message": line, "created": created} for line in self.LINES[:count]]
        server.reply(**LOST)
        server.reply(200, rows)
        server.reply(200, {})

        run(delivery)

        assert [(method, path) for method, path, _ in read_requests(server)] == [
            ("PATCH", "/jobs/j/"),
            ("GET", "/jobs/j/console_logs/"),
            ("PATCH", "/jobs/j/"),
        ]
        assert read_batches(server)[1] == ([*self.LINES[count:]], "completed")
        assert store.list_unreported() == []

    def test_broken_connection_is_uncertain_too(
        self, store: Store, delivery: Delivery, server: Any
    ) -> None:
        add_ended_job(store, "j", "a")
        server.answer(then="reset")
        server.reply(200, [{"message": "a", "created": NOW.isoformat()}])
        server.reply(200, {})

        run(delivery)

        assert read_batches(server)[1:] == [([], "completed")]

    def test_page_of_the_log_is_read_like_a_list(
        self, store: Store, delivery: Delivery, server: Any
    ) -> None:
        add_ended_job(store, "j", "a", "b")
        server.reply(**LOST)
        server.reply(200, {"results": ["a"]})
        server.reply(200, {})

        run(delivery)

        assert read_batches(server)[1] == (["b"], "completed")

    def test_running_request_is_waited_for(
        self, store: Store, session: Session, server: Any
    ) -> None:
        add_ended_job(store, "j", "a")
        delivery = Delivery(store, session, stop=lambda _: True, settled=3600)
        server.reply(200, [])

        run(delivery, timeout=0)

        assert read_batches(server) == []  # nothing is sent again, as "a" may still arrive
        assert find_job(store, "j").sent == 0

    def test_lines_of_an_earlier_process_are_looked_for_first(
        self, store: Store, session: Session, server: Any
    ) -> None:
        add_ended_job(store, "j", "a", "b")
        delivery = Delivery(store, session, stop=lambda _: True, settled=3600)
        server.reply(200, [{"message": "a", "created": NOW.isoformat()}])
        server.reply(200, {})

        run(delivery)

        assert read_batches(server) == [(["b"], "completed")]

    def test_status_alone_is_sent_again_without_a_question(
        self, store: Store, delivery: Delivery, server: Any
    ) -> None:
        add_job(store, "j")
        store.begin("j")
        server.reply(**LOST)
        server.reply(200, {})

        run(delivery)

        assert read_batches(server) == [([], "running"), ([], "running")]

    def test_job_that_is_gone_meanwhile_is_given_up(
        self, store: Store, delivery: Delivery, server: Any
    ) -> None:
        add_ended_job(store, "j", "a")
        server.reply(**LOST)
        server.reply(404, {"detail": "Not found."})

        run(delivery)

        assert len(server.requests) == 2
        assert store.list_unreported() == []


class TestRefusals:
    def test_unknown_job_is_given_up(self, store: Store, delivery: Delivery, server: Any) -> None:
        add_ended_job(store, "j", "a")
        server.reply(404, {"detail": "Not found."})

        run(delivery)

        assert store.list_unreported() == []

    def test_backends_own_end_stays_and_stops_the_job(
        self, store: Store, delivery: Delivery, server: Any, stopped: list[str]
    ) -> None:
        add_job(store, "j")
        store.begin("j")
        server.reply(409, {"detail": "The job has ended."})

        run(delivery)

        assert stopped == ["j"]
        assert store.list_unreported() == []

    def test_job_that_ended_here_as_well_is_not_stopped(
        self, store: Store, delivery: Delivery, server: Any, stopped: list[str]
    ) -> None:
        add_ended_job(store, "j")
        server.reply(409, {"detail": "The job has ended."})

        run(delivery)

        assert stopped == []
        assert store.list_unreported() == []

    @pytest.mark.parametrize("status", [400, 413])
    def test_refused_line_is_left_out(
        self, store: Store, delivery: Delivery, server: Any, status: int
    ) -> None:
        add_ended_job(store, "j", "a", "bad", "c", "d")
        for answer in (status, status, 200, status, status, 200, 200):
            server.reply(answer, {})

        run(delivery)

        assert read_batches(server) == [
            (["a", "bad", "c", "d"], "completed"),
            (["a", "bad"], "running"),
            (["a"], "running"),
            (["bad", "c", "d"], "completed"),
            (["bad"], None),
            (["c"], None),
            (["d"], "completed"),
        ]
        assert store.list_unreported() == []

    def test_refused_status_is_not_sent_again(
        self, store: Store, delivery: Delivery, server: Any
    ) -> None:
        add_ended_job(store, "j")
        server.reply(400, {"status": ["Not a valid choice."]})

        run(delivery)

        assert read_batches(server) == [([], "completed")]
        assert store.list_unreported() == []

    def test_fault_of_one_job_does_not_delay_the_others(
        self, store: Store, delivery: Delivery, server: Any
    ) -> None:
        add_ended_job(store, "j1")
        add_ended_job(store, "j2")
        server.reply(**LOST)
        server.reply(200, {})

        run(delivery, timeout=0)

        assert [job.id for job in store.list_unreported()] == ["j1"]

    def test_refused_token_ends_the_attempt(
        self, store: Store, delivery: Delivery, server: Any
    ) -> None:
        add_ended_job(store, "j1")
        add_ended_job(store, "j2")
        server.reply(401, {"detail": "Invalid token."})

        run(delivery, timeout=0)

        assert len(server.requests) == 1
        assert [job.id for job in store.list_unreported()] == ["j1", "j2"]


class TestJobThatTheBackendEnded:
    @pytest.mark.parametrize("status", ["completed", "failed", "stopped"])
    def test_response_to_lines_stops_the_job(
        self, store: Store, delivery: Delivery, server: Any, stopped: list[str], status: str
    ) -> None:
        add_job(store, "j")
        store.begin("j")
        server.reply(200, {"status": status})

        run(delivery)

        assert stopped == ["j"]

    def test_check_stops_running_jobs_alone(
        self, store: Store, delivery: Delivery, server: Any, stopped: list[str]
    ) -> None:
        for job_id in ("queued", "ended", "gone", "running", "stopped"):
            add_job(store, job_id)
        store.end("ended", Outcome("completed"))
        for job_id in ("gone", "running", "stopped"):
            store.begin(job_id)
        server.reply(404, {"detail": "Not found."})
        server.reply(200, {"status": "running"})
        server.reply(200, {"status": "stopped"})

        delivery.check()

        assert [path for _, path, _ in read_requests(server)] == [
            "/jobs/gone/",
            "/jobs/running/",
            "/jobs/stopped/",
        ]
        assert stopped == ["stopped"]

    def test_check_reports_a_backend_that_is_away(
        self, store: Store, delivery: Delivery, server: Any
    ) -> None:
        add_job(store, "j")
        store.begin("j")
        server.answer(then="reset")

        with pytest.raises(ConnectionFailed):
            delivery.check()


class TestCountArrived:
    @given(
        before=st.lists(st.integers(0, 2), max_size=8),
        batch=st.lists(st.integers(0, 2), min_size=1, max_size=6),
        came=st.integers(0, 6),
    )
    def test_count_is_exact_where_nobody_else_writes(
        self, before: list[int], batch: list[int], came: int
    ) -> None:
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
    def test_count_among_lines_of_others(
        self, held: list[str], batch: list[str], sent: int, count: int
    ) -> None:
        assert count_arrived(held, batch, sent) == count


class Silence:
    """Count how often a delivery would have been woken."""

    def __init__(self) -> None:
        self.count = 0

    def wake(self) -> None:
        self.count += 1


class TestJobReporter:
    @pytest.fixture
    def silence(self) -> Silence:
        return Silence()

    @pytest.fixture
    def reporter(self, store: Store, silence: Any) -> JobReporter:
        add_job(store, "j")
        return JobReporter(store, silence, "j")

    def test_each_event_is_stored_before_the_delivery_wakes(
        self, store: Store, reporter: JobReporter, silence: Silence
    ) -> None:
        reporter.started()
        assert (find_job(store, "j").status, silence.count) == ("running", 1)
        reporter.printed(make_lines("a", "b"))
        assert (store.lines("j"), silence.count) == (make_lines("a", "b"), 2)
        reporter.ended(Outcome("completed"))
        assert (find_job(store, "j").status, silence.count) == ("completed", 3)

    def test_lines_that_a_full_disk_refused_are_written_later(
        self, store: Store, reporter: JobReporter
    ) -> None:
        first, later = make_lines(*(str(number) * 1000 for number in range(100))), make_lines("b")
        fill_disk(store)
        with pytest.raises(sqlite3.OperationalError, match="full"):
            reporter.printed(first)
        free_disk(store)

        reporter.printed(later)
        reporter.ended(Outcome("completed"))

        assert store.lines("j") == [*first, *later]
        assert find_job(store, "j").status == "completed"

    def test_job_fails_if_its_last_lines_cant_be_kept(
        self, store: Store, reporter: JobReporter
    ) -> None:
        fill_disk(store)
        with pytest.raises(sqlite3.OperationalError, match="full"):
            reporter.printed(make_lines("x" * 200_000))

        reporter.ended(Outcome("completed"))

        job = find_job(store, "j")
        assert job.status == "failed"
        assert str(job.reason).startswith("What it printed could not be kept: ")


def fill_disk(store: Store) -> None:
    """Let the store's file grow no further."""
    ((pages,),) = store._rows("PRAGMA page_count", ())
    store._rows(f"PRAGMA max_page_count = {pages}", ())


def free_disk(store: Store) -> None:
    """Let the store's file grow again."""
    store._rows("PRAGMA max_page_count = 100000", ())
