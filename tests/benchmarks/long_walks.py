"""Measure walks through long lists: the time of a row, and the memory, by the number of rows.

Usage, for one case: python long_walks.py URL COUNT [WORKERS]
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
LATENCY = 0.020


def long_list(count: int, latency: float = 0.0) -> AbstractContextManager[str]:
    """Serve a list of so many rows in a process of its own."""
    return run_server("long_list_server.py", count, latency)


def walk(count: int, workers: int | None = None, latency: float = 0.0) -> dict[str, float]:
    """Walk through a list in a process of its own, by default with as many workers as users do."""
    with long_list(count, latency) as url:
        command = [sys.executable, __file__, url, str(count)]
        command += [] if workers is None else [str(workers)]
        took: dict[str, float] = json.loads(subprocess.check_output(command))
    return took


def measure(note: Callable[..., None], number: int) -> None:
    """Note the time of a row late in a long list beside that of an early row, and the memory.

    Pages come one at a time or, with latency, six at a time; without, the moment would decide.
    """
    lengths = (("short", SHORT), ("long", LONG))
    cases: Cases = {name: partial(walk, count, 1) for name, count in lengths}
    cases |= {f"{name}, 20 ms": partial(walk, count, None, LATENCY) for name, count in lengths}
    figures = take_turns(min(number, 3), cases)
    ratios = Median(one["late"] / one["early"] for one in figures["long"])
    note(f"{LONG:,} rows, time of a row: second half / first half", ratios, 1.10)
    what = f"{LONG:,} rows - {SHORT:,} rows"
    note(f"{what}, peak memory, MiB", difference(figures, "long", "short", "peak"), 3.0)
    grown = difference(figures, "long, 20 ms", "short, 20 ms", "peak")
    note(f"20 ms: {what}, peak memory, MiB", grown, 6.0)


def main(url: str, count: int, workers: int | None = None) -> None:
    """Walk through the list, and print what it took."""
    import synapse

    query = synapse.Session(url, "token").tasks.page_size(PAGE)
    list(query[:10])  # connecting and the first use
    wall, cpu = time.perf_counter(), time.process_time()
    total = rows = 0
    parts, before = [], cpu
    for task in query if workers is None else query.iterate(workers=workers):
        rows += 1
        total += task.id
        if rows % SHORT == 0:
            now = time.process_time()
            parts.append(now - before)
            before = now
    took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    half = len(parts) // 2
    if half:  # the quickest parts: a pause of the machine hits some of them only
        took |= {"early": min(parts[:half]), "late": min(parts[half:])}
    if (rows, total) != (count, count * (count + 1) // 2):
        raise SystemExit(f"{rows} rows of {count}, with the sum {total}")
    print(json.dumps({**took, "peak": read_memory("VmHWM")}))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
