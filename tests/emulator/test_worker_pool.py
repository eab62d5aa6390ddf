"""Workers are replaced when they die, and end with the server."""

import os
import signal
import threading

import pytest
import requests
from worker_processes import find_workers, has_proc, is_running, wait_until

from synapse.emulator import Emulator
from synapse.emulator.errors import EmulatorError
from synapse.emulator.worker_pool import validate_workers

from .client import connect


@pytest.mark.parametrize("workers", [0, 65, 1.5, True, "2"])
def test_an_impossible_number_is_refused(workers):
    with pytest.raises(EmulatorError, match=r"^workers is"):
        validate_workers(workers)


def test_an_impossible_number_starts_nothing():
    with pytest.raises(EmulatorError, match=r"^workers is 0: it must be from 1 to 64\.$"):
        Emulator(workers=0).start()


@pytest.mark.slow
@pytest.mark.skipif(not has_proc(), reason="finds the workers in /proc")
def test_a_killed_worker_is_replaced_and_no_answer_is_lost(tmp_path):
    with Emulator(tmp_path, workers=2) as emulator:
        before = find_workers(emulator)
        victim = min(before)
        project = connect(emulator, emulator.api_token).project()["id"]
        answered, killed, is_over = [], [], threading.Event()

        def write(number):
            client = connect(emulator, emulator.api_token)
            with client.http:
                while not is_over.is_set():
                    try:
                        answered.append(client.task(project)["id"])
                    except requests.RequestException:  # noqa: PERF203 # each failure counts
                        killed.append(number)

        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(answered) >= 20)
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: len(find_workers(emulator) - before) == 1)
        count = len(answered)
        wait_until(lambda: len(answered) >= count + 20)
        is_over.set()
        for thread in threads:
            thread.join()
        client = connect(emulator, emulator.api_token)
        with client.http:
            stored = client.get("sdk/tasks/", page_size=1).json()["count"]
            assert len(answered) <= stored <= len(answered) + len(killed)
            assert len(set(answered)) == len(answered)
            assert all(client.get(f"tasks/{key}/").ok for key in answered[::10])
        assert f"Worker {victim} ended with -9. Another one takes its place." in emulator.log
        workers = find_workers(emulator)
    assert not any(map(is_running, workers))
    assert not (tmp_path / "db.sqlite3-wal").exists()
