"""Output of jobs while the database refuses to store lines."""

import contextlib
import sqlite3
import time

import pytest

from synapse.emulator import Emulator

from .running import connected, ended, lines, started


@contextlib.contextmanager
def unwritable_lines(folder, seconds):
    """Have the database refuse what a job prints, as on a full disk."""
    with contextlib.closing(sqlite3.connect(folder / "db.sqlite3", isolation_level=None)) as db:
        db.execute(
            "CREATE TRIGGER full BEFORE INSERT ON emulator_consoleline WHEN NEW.message LIKE 'l %' "
            "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
        yield
        time.sleep(seconds)  # for so long the disk is full: nothing says that it was tried
        db.execute("DROP TRIGGER full")


COUNTING = """
    import time
    def run():
        for number in range(12):
            print("l", number)
            time.sleep(0.3)  # so that it prints before, during and after that
"""


@pytest.mark.slow
def test_lines_that_could_not_be_written_for_a_while(tmp_path):
    with Emulator(tmp_path / "data") as emulator, connected(emulator) as api:
        with unwritable_lines(tmp_path / "data", 5):
            job = started(api, COUNTING)
        assert ended(api, job)["status"] == "SUCCEEDED"
        assert [message for message, _ in lines(api, job)] == [f"l {n}" for n in range(12)]


@pytest.mark.slow
def test_lines_that_can_not_be_written_at_all(tmp_path):
    with Emulator(tmp_path / "data") as emulator, connected(emulator) as api:
        with unwritable_lines(tmp_path / "data", 0):
            job = started(api, "def run(): print('l', 1)")
            assert ended(api, job)["status"] == "FAILED"
        reason = "What it printed could not be kept: database or disk is full."
        assert lines(api, job) == [(reason, "error")]
