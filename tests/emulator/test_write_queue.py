"""Turns of writers come in the order of their arrival."""

import threading

from synapse.emulator.sqlite.write_queue import WriteQueue


def test_turns_come_in_the_order_of_arrival():
    queue = WriteQueue()
    assert queue.enter(0)
    order, threads = [], []

    def write(number):
        assert queue.enter(30)
        order.append(number)
        queue.leave()

    for number in range(20):
        thread = threading.Thread(target=write, args=(number,))
        thread.start()
        threads.append(thread)
        while len(queue._waiting) <= number:
            thread.join(0.001)
    queue.leave()
    for thread in threads:
        thread.join()
    assert order == list(range(20))
    assert queue.enter(0)


def test_a_turn_that_does_not_come_in_time():
    queue = WriteQueue()
    assert queue.enter(0)
    assert not queue.enter(0)
    queue.leave()
    assert queue.enter(0)
