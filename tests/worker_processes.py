"""The processes of a server with several, and runs of the tests over such servers."""

import contextlib
import os
import signal
import time
from pathlib import Path

from synapse.emulator import Emulator

#: Number of workers of each local backend that names none: `make test-workers` sets it.
VARIABLE = "SYNAPSE_TEST_WORKERS"


def runs_workers():
    """Whether the backends of this run have several workers."""
    return int(os.environ.get(VARIABLE) or 1) > 1


def use_workers(count):
    """Give each backend of this process, which names no number of workers, so many."""
    describe = Emulator._child_options

    def describe_with_workers(self):
        options = describe(self)
        return {**options, "workers": count} if options["workers"] == 1 else options

    Emulator._child_options = describe_with_workers


def has_proc():
    return Path("/proc/self/stat").exists()


def is_running(pid):
    with contextlib.suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def find_workers(emulator):
    """The processes that answer: children of the main one that run a worker's code."""
    found = set()
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, IndexError, ValueError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes()
            if parent == emulator.pid and b"synapse.emulator.worker" in command:
                found.add(int(folder.name))
    return found


def kill_workers(emulator, *victims):
    """Kill workers, all if none is named, and wait for others in their places."""
    before = find_workers(emulator)
    victims = victims or before
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(find_workers(emulator) - before) == len(victims))


def count_connections(pid, emulator):
    """Established connections of a process to the server's port."""
    port = f":{int(emulator.url.rpartition(':')[2]):04X}"
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.add(str(link.readlink()))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(
        row[1].endswith(port) and row[3] == "01" and f"socket:[{row[9]}]" in inodes for row in rows
    )


def wait_until(condition, within=60):
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
