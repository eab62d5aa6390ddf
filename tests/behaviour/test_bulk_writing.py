"""Many writes, several in flight: order, bounds, and reports that equal what the server has."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from writing_server import FAULTS, WritingServer

import synapse
from synapse.errors import (
    BulkError,
    ClientError,
    ConnectionFailed,
    InvalidResponse,
    PayloadTooLarge,
    RequestTimeout,
    UsageError,
    ValidationError,
)
from synapse.transport.deadline_blocks import deadline
from synapse.transport.retry import RetryPolicy
from synapse.transport.waiting import WaitMeter


@pytest.fixture(scope="module")
def writing_server() -> Iterator[WritingServer]:
    """A server for all examples of a test."""
    made = WritingServer()
    yield made
    made.close()


@pytest.fixture
def server() -> Iterator[WritingServer]:
    made = WritingServer()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def waiting(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Say whether waiting counts as long; from the start it does."""

    def choose(is_long: bool) -> None:
        monkeypatch.setattr(WaitMeter, "advance", lambda meter: is_long)

    choose(True)
    return choose


@pytest.fixture
def session(server: WritingServer) -> Iterator[synapse.Session]:
    with open_session(server) as opened:
        yield opened


def open_session(server: WritingServer, **options: Any) -> synapse.Session:
    session = synapse.Session(server.url, "some-token", **options)
    policy = RetryPolicy(attempts=2, base=0.001)
    session.transport.options = attrs.evolve(session.transport.options, retry=policy)
    return session


def reset(server: WritingServer) -> None:
    server.rows, server.tagged, server.plan = {}, [], []
    server.lengths, server.methods, server.cap = [], [], 10**6
    server.has_written.clear()
    server.before = lambda number, body: None


def bodies(count: int) -> Iterator[dict[str, Any]]:
    return ({"data_unit": number} for number in range(count))


def numbers(tasks: list[synapse.Task]) -> list[int]:
    return [task.data_unit_id for task in tasks]


def hold(server: WritingServer, count: int) -> None:
    """Let the first writes go on when so many are in flight."""
    together = threading.Barrier(count)
    server.before = lambda number, body: number >= count or together.wait(30)


# -- Order and bounds ----------------------------------------------------------------------------


def test_results_have_the_order_of_the_items(
    session: synapse.Session, server: WritingServer
) -> None:
    # The first batch is not the first to be done.
    server.before = lambda number, body: body[0]["data_unit"] or server.has_written.wait(30)
    made = session.tasks.bulk_create(bodies(12), batch_size=3, workers=4)
    assert numbers(made) == list(range(12))
    assert [task.id for task in made] != sorted(task.id for task in made)


@pytest.mark.parametrize("workers", [2, 5])
def test_as_many_batches_are_in_flight_as_there_are_workers(
    session: synapse.Session, server: WritingServer, workers: int
) -> None:
    hold(server, workers)
    assert len(session.tasks.bulk_create(bodies(20), batch_size=2, workers=workers)) == 20
    assert server.lengths == [2] * 10


def test_without_further_threads_each_batch_is_sent_once(
    session: synapse.Session, server: WritingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, started = threading.Thread.start, []

    def start_two(thread: threading.Thread) -> None:
        if thread.name.startswith("synapse-create"):
            if len(started) == 2:
                raise RuntimeError("can't start new thread")
            started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_two)
    together = threading.Barrier(3)
    server.before = lambda number, body: together.wait(30) if number < 3 else None

    made = session.tasks.bulk_create(bodies(90), batch_size=10)

    assert (numbers(made), sum(server.lengths)) == (list(range(90)), 90)


def test_endless_items_are_read_only_as_far_as_the_window(
    session: synapse.Session, server: WritingServer
) -> None:
    read = 0

    def items() -> Iterator[dict[str, Any]]:
        nonlocal read
        while True:
            read += 1
            yield {"data_unit": read}

    batches = session.tasks.create_batches(items(), batch_size=10, workers=3)
    for number in range(1, 20):
        batch = next(batches)
        assert numbers(batch) == list(range(10 * number - 9, 10 * number + 1))
        assert read <= 10 * (number + 3)
    batches.close()  # type: ignore[attr-defined] # a generator
    # The rest of the window was sent, or its threads hadn't begun.
    assert 190 <= len(server.rows) <= read <= 220


def test_without_waiting_no_thread_starts(
    session: synapse.Session, server: WritingServer, waiting: Callable[[bool], None]
) -> None:
    waiting(False)
    threads = set()
    session.transport.options = attrs.evolve(
        session.transport.options,
        on_request=lambda event: threads.add(threading.current_thread()),
    )
    session.tasks.bulk_create(bodies(6), batch_size=2)
    session.tasks.save_all(change(session.tasks.all()))
    assert threads == {threading.current_thread()}


def change(tasks: Any) -> Iterator[synapse.Task]:
    for task in tasks:
        task.status = "skipped"
        yield task


# -- Sizes ---------------------------------------------------------------------------------------


def test_a_cap_is_learned_once(session: synapse.Session, server: WritingServer) -> None:
    server.cap = 3
    made = session.tasks.bulk_create(bodies(20), batch_size=10, workers=1)
    assert numbers(made) == list(range(20))
    assert server.lengths == [10, *[3] * 3, 1, *[3] * 3, 1]


def test_a_large_batch_is_halved(session: synapse.Session, server: WritingServer) -> None:
    server.plan = ["large", "large"]
    made = session.tasks.bulk_create(bodies(8), batch_size=8, workers=1)
    assert numbers(made) == list(range(8))
    assert server.lengths == [8, 4, 2, 2, 2, 2]


def test_an_object_that_is_too_large_alone_is_named(
    session: synapse.Session, server: WritingServer
) -> None:
    server.plan = ["ok", *["large"] * 9]
    with pytest.raises(BulkError, match="from 2 to 2 was not made") as caught:
        session.tasks.bulk_create(bodies(6), batch_size=2, workers=1)
    assert isinstance(caught.value.cause, PayloadTooLarge)
    assert (caught.value.positions, caught.value.uncertain) == ([0, 1], [])


def test_rows_in_another_order_are_put_in_order(
    session: synapse.Session, server: WritingServer
) -> None:
    server.plan = ["moved"] * 3
    assert numbers(session.tasks.bulk_create(bodies(9), batch_size=3)) == list(range(9))


# -- Throttling ----------------------------------------------------------------------------------


def test_a_throttling_server_gets_one_batch_at_a_time(
    session: synapse.Session, server: WritingServer
) -> None:
    server.plan = ["throttled"] * 6
    flying, most = 0, []
    lock, together = threading.Lock(), threading.Barrier(4)
    write = server.write

    def count(number: int, body: Any) -> None:
        nonlocal flying
        with lock:
            flying += 1
            most.append(flying)
        if number < 4:  # else the first alone could be throttled more often than it is repeated
            together.wait(30)

    def done(*arguments: Any) -> Any:
        nonlocal flying
        with lock:
            flying -= 1
        return write(*arguments)

    server.before, server.write = count, done  # type: ignore[method-assign] # as seen by the server
    try:
        made = session.tasks.bulk_create(bodies(24), batch_size=2, workers=4)
    finally:
        del server.write  # type: ignore[method-assign] # as seen by the server
    assert numbers(made) == list(range(24))
    assert max(most[-8:]) == 1


# -- Reports -------------------------------------------------------------------------------------


def test_a_refused_batch_says_what_the_others_did(
    session: synapse.Session, server: WritingServer
) -> None:
    server.plan = ["ok", "refused"]
    hold(server, 2)
    with pytest.raises(BulkError, match=r"refused 1 of them.* were made before it") as caught:
        session.tasks.bulk_create(bodies(4), batch_size=2, workers=2)
    error = caught.value
    assert isinstance(error.cause, ValidationError)
    assert sorted([*error.positions, *error.errors]) in ([0, 1, 3], [1, 2, 3])
    assert numbers(error.created) == error.positions
    assert error.uncertain == []


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("lost", ConnectionFailed), ("fewer", InvalidResponse), ("gateway", ClientError)],
)
def test_a_lost_response_is_uncertain_and_never_sent_again(
    session: synapse.Session, server: WritingServer, fault: str, kind: type[ClientError]
) -> None:
    server.plan = ["ok", fault]
    with pytest.raises(BulkError, match="from 2 to 3 may have been made or not") as caught:
        session.tasks.bulk_create(bodies(6), batch_size=2, workers=1)
    assert isinstance(caught.value.cause, kind)
    assert (caught.value.positions, caught.value.uncertain) == ([0, 1], [2, 3])
    assert server.lengths == [2, 2]


def test_a_deadline_ends_the_creation(session: synapse.Session, server: WritingServer) -> None:
    opened = threading.Event()
    server.before = lambda number, body: body[0]["data_unit"] < 4 or opened.wait(30)
    with pytest.raises(BulkError, match=r"within 1\.5 s") as caught, deadline(1.5):
        session.tasks.bulk_create(bodies(99), batch_size=2, workers=2)
    opened.set()
    error = caught.value
    assert isinstance(error.cause, RequestTimeout)
    assert (error.positions, error.uncertain) == ([0, 1, 2, 3], [4, 5, 6, 7])


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError("gone")])
def test_a_stop_of_the_source_waits_for_the_batches_in_flight(
    session: synapse.Session, server: WritingServer, stop: Any
) -> None:
    opened = threading.Event()
    server.before = lambda number, body: opened.wait(30)

    def items() -> Iterator[dict[str, Any]]:
        yield from bodies(4)
        opened.set()
        raise stop

    kind = BulkError if isinstance(stop, Exception) else KeyboardInterrupt
    with pytest.raises(kind, match=r"after 4 tasks were made.* Item 4 and later ones") as caught:
        session.tasks.bulk_create(items(), batch_size=2, workers=3)
    error = caught.value if kind is BulkError else caught.value.__cause__
    assert isinstance(error, BulkError)
    assert (error.positions, error.uncertain) == ([0, 1, 2, 3], [])
    assert len(server.rows) == 4


class Interrupted(BaseException):
    """Stands for Ctrl-C, which pytest would take for its own."""


def test_an_impatient_stop_leaves_the_batches_in_flight_uncertain(
    session: synapse.Session, server: WritingServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, arrived = threading.Event(), threading.Barrier(3)

    def before(number: int, body: Any) -> None:
        if number:
            arrived.wait(30)
            opened.wait(30)

    def interrupt(flight: Any) -> None:
        raise Interrupted

    def items() -> Iterator[dict[str, Any]]:
        yield from bodies(2)
        server.has_written.wait(30)
        yield from bodies(4)
        arrived.wait(30)
        monkeypatch.setattr("synapse.transport.in_flight._Flight.land", interrupt)
        raise Interrupted

    server.before = before
    with pytest.raises(Interrupted) as caught:
        session.tasks.bulk_create(items(), batch_size=2, workers=4)
    opened.set()
    error = caught.value.__cause__
    assert isinstance(error, BulkError)
    assert sorted([*error.positions, *error.uncertain]) == list(range(6))
    assert set(error.uncertain) >= {2, 3, 4, 5}


PLANS = st.lists(st.sampled_from(("ok", "ok", *FAULTS)), max_size=8)


@settings(max_examples=150, deadline=None)
@given(plan=PLANS, count=st.integers(0, 30), size=st.integers(1, 9), workers=st.integers(1, 4))
def test_the_report_equals_what_the_server_has(
    writing_server: WritingServer, plan: list[str], count: int, size: int, workers: int
) -> None:
    server = writing_server
    reset(server)
    server.plan = plan
    uncertain: list[int] = []
    refused: set[int] = set()
    with open_session(server) as session:
        try:
            made = session.tasks.bulk_create(bodies(count), batch_size=size, workers=workers)
            positions = list(range(count))
        except BulkError as error:
            made, positions, uncertain = error.created, error.positions, error.uncertain
            refused = set(error.errors)
    assert numbers(made) == positions
    stored = [row["data_unit"] for row in server.rows.values()]
    assert len(stored) == len(set(stored))
    assert set(positions) <= set(stored) <= {*positions, *uncertain}
    assert not set(positions) & set(uncertain)
    assert not refused & {*positions, *uncertain}
    for task in made:
        assert server.rows[task.id]["data_unit"] == task.data_unit_id


@settings(max_examples=30, deadline=None)
@given(plan=PLANS, workers=st.integers(1, 4))
def test_objects_say_what_was_saved(
    writing_server: WritingServer, plan: list[str], workers: int
) -> None:
    server = writing_server
    reset(server)
    server.fill(12)
    server.plan = plan
    with open_session(server) as session:
        tasks = list(session.tasks)
        with suppress(ClientError):
            session.tasks.save_all(change(tasks), workers=workers)
            plan = []
        assert not plan or set(plan) & FATAL
        saved = {task.id for task in tasks if task.status == "skipped" and not task.is_changed}
        done = {row["id"] for row in server.rows.values() if row["status"] == "skipped"}
        assert saved <= done
        server.plan = []
        session.tasks.save_all(change(tasks))
    assert all(row["status"] == "skipped" for row in server.rows.values())


# A response that was lost isn't fatal to tags, which may be set twice.
FATAL = {"broken", "busy", "large", "lost", "gateway", "dropped", "refused", "throttled"}


@settings(max_examples=30, deadline=None)
@given(plan=PLANS, workers=st.integers(1, 4))
def test_tags_are_set_on_all_in_the_end(
    writing_server: WritingServer, plan: list[str], workers: int
) -> None:
    server = writing_server
    reset(server)
    server.fill(12)
    server.plan = plan
    with open_session(server) as session:
        with suppress(ClientError):
            assert session.tasks.all().set_tags([1]) == 12
            plan = []
        assert not plan or set(plan) & FATAL
        server.plan = []
        assert session.tasks.all().set_tags([1]) == 12
    assert set(server.tagged) == set(range(1, 13))


# -- Single writes -------------------------------------------------------------------------------


def test_tags_are_sent_again_after_a_lost_response(
    session: synapse.Session, server: WritingServer
) -> None:
    server.fill(8)
    server.plan = ["lost", "gateway"]
    assert session.tasks.all().set_tags([1]) == 8
    assert server.lengths == [8, 4, 2, 4, 2]


def test_an_update_says_how_far_it_got(session: synapse.Session, server: WritingServer) -> None:
    server.fill(6)
    server.plan = ["ok", "ok", "refused"]
    hold(server, 3)
    with pytest.raises(ValidationError, match=r"Correct this one, then") as caught:
        session.tasks.all().update(status="skipped")
    # Any of the first three may arrive last, and be refused; it ends the others sooner or later.
    changed = sum(row["status"] == "skipped" for row in server.rows.values())
    assert 2 <= changed <= 5
    assert f" {changed} tasks were changed. " in str(caught.value)
    server.plan, server.before = [], lambda number, body: None
    before = len(server.lengths)
    assert session.tasks.all().update(status="skipped") == 6
    assert len(server.lengths) == before + 6 - changed


def test_deletions_are_in_flight_together(session: synapse.Session, server: WritingServer) -> None:
    server.fill(6)
    hold(server, 3)
    assert session.tasks.all().delete() == 6
    assert (server.rows, server.methods) == ({}, ["DELETE"] * 6)


def test_only_objects_of_the_manager_are_saved(
    session: synapse.Session, server: WritingServer
) -> None:
    server.fill(1)
    project = session.identity.load(synapse.Project, [{"id": 1}])[0]
    with pytest.raises(UsageError, match="is not a Task"):
        session.tasks.save_all([project])  # type: ignore[list-item] # a mistake
    with open_session(server) as other, pytest.raises(UsageError, match="workers"):
        other.tasks.save_all([], workers=0)
    assert server.lengths == []


def test_created_objects_go_with_their_last_reference(
    session: synapse.Session,
) -> None:
    """Without the collector, too: a cycle would keep them in the identity map."""
    gc.disable()
    try:
        made = session.tasks.bulk_create(bodies(20), batch_size=5)
        watched = [weakref.ref(task) for task in made]
        made.clear()
        assert [task() for task in watched] == [None] * 20
    finally:
        gc.enable()
