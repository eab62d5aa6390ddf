"""The event loop asks only the dispatchers that may have changed."""

import contextlib
import socket
import threading
from types import SimpleNamespace

import pytest
from worker_processes import wait_until

from synapse.emulator import event_loop
from synapse.emulator.event_loop import EventLoop


class Pair:
    """One end of a connection as a dispatcher; the other one is `peer`."""

    accepting = False

    def __init__(self, loop, *, is_settled=True, closes=()):
        self.loop = loop
        self.socket, self.peer = socket.socketpair()
        self.socket.setblocking(False)
        self._fileno = self.socket.fileno()
        self.settled = is_settled
        self.closes = closes
        self.reads = True
        self.writes = False
        self.asked = 0
        self.received = b""
        self.written = threading.Event()
        loop[self._fileno] = self

    def is_settled(self):
        return self.settled

    def readable(self):
        self.asked += 1
        return self.reads

    def writable(self):
        return self.writes

    def handle_read_event(self):
        self.received += self.socket.recv(100)
        for one in self.closes:
            one.close()

    def handle_write_event(self):
        self.writes = False
        self.written.set()

    def close(self):
        if self.loop.get(self._fileno) is self:
            del self.loop[self._fileno]
        self.socket.close()
        self.peer.close()


@pytest.fixture
def loop(monkeypatch):
    monkeypatch.setattr(event_loop, "_FEW", 0)
    return EventLoop()


@pytest.fixture
def run(loop):
    """Run the loop on a thread; `run(action)` then runs the action there."""
    waker = Pair(loop)
    actions = []

    def wake():
        waker.socket.recv(100)
        while actions:
            action, is_done = actions.pop(0)
            action()
            is_done.set()

    waker.handle_read_event = wake
    thread = threading.Thread(target=loop.run, args=(60,))

    def run_there(action=lambda: None):
        if not thread.ident:
            thread.start()
        is_done = threading.Event()
        actions.append((action, is_done))
        waker.peer.sendall(b".")
        assert is_done.wait(30)

    yield run_there
    if thread.ident:
        run_there(lambda: [one.close() for one in list(loop.values())])
        thread.join(30)
        assert not thread.is_alive()


def test_a_settled_dispatcher_is_not_asked_again_before_its_next_event(loop, run):
    quiet, lively = Pair(loop), Pair(loop, is_settled=False)
    for _ in range(20):
        run()
    assert quiet.asked == 1
    assert lively.asked >= 20

    quiet.peer.sendall(b"x")
    wait_until(lambda: quiet.asked == 2)
    assert quiet.received == b"x"


def test_a_rechecked_dispatcher_is_asked_again(loop, run):
    quiet = Pair(loop)
    run()
    quiet.writes = True
    run()
    assert not quiet.written.is_set()

    run(lambda: loop.recheck(quiet))
    assert quiet.written.wait(30)


def test_a_dispatcher_that_waits_for_nothing_gets_nothing(loop, run):
    pair = Pair(loop, is_settled=False)
    run()
    pair.reads = False
    run()
    pair.peer.sendall(b"x")
    run()
    assert pair.received == b""

    pair.reads = True
    run()
    wait_until(lambda: pair.received == b"x")


def test_a_dispatcher_that_an_earlier_event_closed_gets_nothing(loop, run):
    first, second = Pair(loop), Pair(loop)
    first.closes, second.closes = [second], [first]

    def send():
        first.peer.sendall(b"x")
        second.peer.sendall(b"x")

    run(send)  # both events come with one wait
    wait_until(lambda: first.received or second.received)
    run()
    assert sorted((first.received, second.received)) == [b"", b"x"]


def test_a_dispatcher_that_closes_while_it_reads_does_not_write(loop, run):
    pair = Pair(loop)
    pair.closes = [pair]
    pair.writes = True

    pair.peer.sendall(b"x")  # both events come with the first wait
    run()
    run()  # that of the first run may come before them
    assert pair.received == b"x"
    assert not pair.written.is_set()


def test_the_next_owner_of_a_descriptor_gets_its_events(loop, run):
    before = Pair(loop)
    run()
    descriptor = before._fileno
    run(before.close)
    others = []
    with contextlib.ExitStack() as stack:
        while not any(one._fileno == descriptor for one in others):
            one = Pair(loop)
            stack.callback(one.peer.close)
            others.append(one)
        run()
        others[-1].peer.sendall(b"x")
        wait_until(lambda: others[-1].received == b"x")
        run(lambda: [one.close() for one in others])


def test_a_dispatcher_may_be_closed_on_a_thread_while_it_is_asked(loop, run):
    pair = Pair(loop)

    def close_and_answer():
        thread = threading.Thread(target=pair.close)
        thread.start()
        thread.join(30)
        return True

    pair.readable = close_and_answer
    run()
    assert pair._fileno not in loop


def test_a_closed_dispatcher_is_not_rechecked(loop):
    loop.recheck(SimpleNamespace(_fileno=None))
    assert not loop._unsettled


def test_a_few_dispatchers_become_many_and_few_again(loop, run, monkeypatch):
    monkeypatch.setattr(event_loop, "_FEW", 3)  # one of them wakes the loop
    pairs = [Pair(loop)]
    for change in (lambda: pairs.extend(Pair(loop) for _ in range(4)), lambda: pairs.pop().close()):
        for _ in range(4):
            run(change)
            for pair in pairs:
                pair.received = b""
                pair.peer.sendall(b"x")
            wait_until(lambda: all(pair.received == b"x" for pair in pairs))
