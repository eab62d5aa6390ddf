"""Measure walks through long lists: the time of a row, and the memory, by the number of rows.

Usage, for one case: python long_walks.py URL COUNT
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from loopback import run_server
from measured import Cases, Median, difference, take_turns
from process_memory import read_memory

SHORT, LONG = 100_000, 1_000_000
PAGE = 1_000


def long_list(count: int) -> AbstractContextManager[str]:
    """Serve a list of so many rows in a process of its own."""
    return run_server("long_list_server.py", count)


def walk(count: int) -> dict[str, float]:
    """Walk through a list in a process of its own."""
    with long_list(count) as url:
        command = [sys.executable, __file__, url, str(count)]
        took: dict[str, float] = json.loads(subprocess.check_output(command))
    return took


def measure(note: Callable[..., None], number: int) -> None:
    """Note the time of a row of a long list beside that of a shorter one, and the memory."""
    cases: Cases = {
        name: partial(walk, count) for name, count in (("short", SHORT), ("long", LONG))
    }
    figures = take_turns(min(number, 3), cases)
    pairs = zip(figures["long"], figures["short"], strict=True)
    ratios = Median(long["cpu"] / LONG / (short["cpu"] / SHORT) for long, short in pairs)
    what = f"{LONG:,} rows / {SHORT:,} rows"
    note(f"{what}, time of a row", ratios, 1.10)
    note(f"{what}, peak memory, MiB more", difference(figures, "long", "short", "peak"), 3.0)


def main(url: str, count: int) -> None:
    """Walk through the list, and print what it took."""
    import synapse

    query = synapse.Session(url, "token").tasks.page_size(PAGE)
    list(query[:10])  # connecting and the first use
    wall, cpu = time.perf_counter(), time.process_time()
    total = rows = 0
    for task in query:
        rows += 1
        total += task.id
    took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    if (rows, total) != (count, count * (count + 1) // 2):
        raise SystemExit(f"{rows} rows of {count}, with the sum {total}")
    print(json.dumps({**took, "peak": read_memory("VmHWM")}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
