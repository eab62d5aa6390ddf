"""Calls of coroutines end when the coroutine is cancelled."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextvars import copy_context

import pytest

from synapse._internal.cancellation import (
    CallCancelled,
    Cancellation,
    carry,
    check_cancelled,
    in_force,
    sleep,
)


def cancelled() -> Cancellation:
    cancellation = Cancellation()
    cancellation.cancel()
    return cancellation


def test_code_outside_of_a_call_is_never_cancelled() -> None:
    check_cancelled()
    sleep(0)

    assert in_force() is None


def test_the_token_is_in_force_during_the_call_only() -> None:
    cancellation = Cancellation()

    assert cancellation.run(in_force) is cancellation
    assert in_force() is None


@pytest.mark.parametrize("act", [check_cancelled, lambda: sleep(0), lambda: sleep(3600)])
def test_a_cancelled_call_goes_no_further(act: Callable[[], object]) -> None:
    with pytest.raises(CallCancelled):
        cancelled().run(act)


def test_nothing_takes_the_cancellation_for_a_failure() -> None:
    assert not issubclass(CallCancelled, Exception)


def test_a_pause_ends_at_once() -> None:
    cancellation, ended = Cancellation(), threading.Event()

    def work() -> None:
        with pytest.raises(CallCancelled):
            sleep(3600)
        ended.set()

    thread = threading.Thread(target=cancellation.run, args=(work,))
    thread.start()
    cancellation.cancel()
    thread.join()

    assert ended.is_set()


def test_a_pause_in_time_is_an_ordinary_one() -> None:
    Cancellation().run(sleep, 0.001)


def test_a_read_from_a_socket_ends() -> None:
    ours, theirs = socket.socketpair()
    cancellation, outcome = Cancellation(), list[type]()
    is_reading = threading.Event()

    def work() -> None:
        try:
            with cancellation.guard(ours):
                is_reading.set()
                ours.recv(1)
        except CallCancelled:
            outcome.append(CallCancelled)

    thread = threading.Thread(target=work)
    with ours, theirs:
        thread.start()
        is_reading.wait()
        cancellation.cancel()
        thread.join()

    assert outcome == [CallCancelled]


def test_a_socket_is_guarded_in_the_block_only() -> None:
    ours, theirs = socket.socketpair()
    cancellation = Cancellation()
    with ours, theirs:
        with cancellation.guard(ours):
            pass
        cancellation.cancel()
        theirs.sendall(b"x")

        assert ours.recv(1) == b"x"


def test_an_error_of_the_socket_stays_without_a_cancellation() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(TimeoutError), Cancellation().guard(ours):
        raise TimeoutError


def test_what_is_no_socket_is_checked_only() -> None:
    with Cancellation().guard(object()):
        pass
    with pytest.raises(CallCancelled), cancelled().guard(object()):
        pass


def test_a_thread_with_its_own_context_can_have_the_token() -> None:
    cancellation = Cancellation()
    carried = cancellation.run(carry, in_force)

    assert carried() is cancellation
    assert carry(in_force)() is None
    assert cancellation.run(copy_context).run(in_force) is cancellation
