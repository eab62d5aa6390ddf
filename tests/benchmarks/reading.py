"""Measure reading rows: beside a plain loop, beside other libraries, and in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from loopback import run_server
from measured import Cases, difference, most, ratio, take_turns

HERE = Path(__file__).parent
ROWS, MANY = 10_000, 100_000
PEERS = "SYNAPSE_BENCH_PEERS"
"""Names the folder with libraries whose requirements don't fit into this environment."""
PLATFORM = "SYNAPSE_BENCH_PLATFORM"
"""Names an interpreter that has the platform's package."""

Note = Callable[..., None]


def page_server(count: int, latency: float, *options: str) -> AbstractContextManager[str]:
    """Serve prepared pages in a process of its own."""
    return run_server("page_server.py", count, latency, *options)


def read(
    case: str, url: str, count: int, folder: str | None = None, python: str = sys.executable
) -> dict[str, float]:
    """Run one case in a process of its own, with the libraries of a folder if given."""
    command = [python, str(HERE / "clients.py"), case, url, str(count)]
    environment = {**os.environ, **({"PYTHONPATH": folder} if folder else {})}
    figures: dict[str, float] = json.loads(subprocess.check_output(command, env=environment))
    return figures


def make_cases(names: str, url: str, count: int, folder: str | None = None) -> Cases:
    """Make the cases of these names, which semicolons part."""
    return {name: partial(read, name, url, count, folder) for name in names.split("; ")}


def measure(note: Note, number: int) -> None:
    """Note rates, peers and memory, with a fast server and one of 20 ms."""
    with page_server(ROWS, 0.0) as url:
        names = "plain; sdk; sdk, orjson; sdk, workers=1; values; values, orjson"
        fast = take_turns(number, make_cases(f"{names}; pynetbox; python-gitlab", url, ROWS))
    note("0 ms: sdk / plain", ratio(fast, "sdk", "plain"), 1.00)
    note("0 ms: sdk with orjson / plain", ratio(fast, "sdk, orjson", "plain"), 0.65)
    note("0 ms: values() / plain", ratio(fast, "values", "plain"), 1.00)
    note("0 ms: values() with orjson / plain", ratio(fast, "values, orjson", "plain"), 0.55)
    note("0 ms: sdk / sdk with workers=1", ratio(fast, "sdk", "sdk, workers=1"), 1.15)
    note("0 ms: pynetbox / sdk", ratio(fast, "pynetbox", "sdk"), 3.0, least=True)
    note("0 ms: python-gitlab / sdk", ratio(fast, "python-gitlab", "sdk"), 1.0, least=True)
    note("peak memory: sdk - plain, MiB", difference(fast, "sdk", "plain", "peak"), 15.0)
    with page_server(ROWS, 0.020) as url:
        slow = take_turns(number, make_cases("plain; sdk; sdk, workers=8; aio", url, ROWS))
        at_once = take_turns(number, make_cases("gets by threads; gets by aio", url, 200))
    note("20 ms: sdk / plain", ratio(slow, "sdk", "plain"), 0.26)
    note("20 ms: sdk with workers=8 / plain", ratio(slow, "sdk, workers=8", "plain"), 0.15)
    note("20 ms: session.aio / sdk", ratio(slow, "aio", "sdk"), 1.1)
    gets = ratio(at_once, "gets by aio", "gets by threads")
    note("20 ms: 200 gets at once, session.aio / threads", gets, 1.2)
    note("20 ms, peak memory: sdk - plain, MiB", difference(slow, "sdk", "plain", "peak"), 15.0)
    with page_server(ROWS, 0.0) as url, page_server(MANY, 0.0) as large:
        cases: Cases = {
            "10,000": lambda: read("sdk", url, ROWS),
            "100,000": lambda: read("sdk", large, MANY),
        }
        memory = take_turns(3, cases)
    grown = difference(memory, "100,000", "10,000", "peak")
    note("peak memory: 100,000 rows - 10,000 rows, MiB", grown, 2.0)


def measure_peers(note: Note, number: int) -> None:
    """Note how many times as long as a plain loop over the same pages the others take."""
    folder, python = os.environ.get(PEERS, ""), os.environ.get(PLATFORM, "")
    names = ["plain", "sdk"]
    if Path(folder).is_dir() and folder:
        names += ["plain, Label Studio", "label_studio_sdk", "plain, CVAT", "cvat_sdk"]
    else:
        print(f"{PEERS} names no folder with label_studio_sdk and cvat_sdk: left out.")
    count, number = ROWS // 4, min(number, 5)
    with page_server(count, 0.0, "peers") as url:
        cases = make_cases("; ".join(names), url, count, folder)
        if Path(python).is_file():
            for name in ("plain", "platform's package"):
                cases[f"{name}, {PLATFORM}"] = partial(read, name, url, count, None, python)
        else:
            print(f"{PLATFORM} names no interpreter with the platform's package: left out.")
        figures = take_turns(number, cases)
    ours = ratio(figures, "sdk", "plain", "cpu")
    peers = {
        "label_studio_sdk": "plain, Label Studio",
        "cvat_sdk": "plain, CVAT",
        f"platform's package, {PLATFORM}": f"plain, {PLATFORM}",
    }
    for name, plain in peers.items():
        if name in cases:
            theirs = ratio(figures, name, plain, "cpu")
            what = f"{name.partition(',')[0]} / plain loop over its pages"
            note(f"{what} (sdk: {ours:.2f})", theirs, ours, least=True)


def measure_tables(note: Note, number: int) -> None:
    """Note the time and the memory of tables, in the process's time: a table uses one core."""
    with page_server(MANY, 0.0) as large:
        names = "decoded; arrow; pandas; DataFrame; parquet; stream"
        frames = take_turns(min(number, 3), make_cases(names, large, MANY))
    note("to_arrow() / pages decoded by orjson", ratio(frames, "arrow", "decoded", "cpu"), 1.5)
    note("to_pandas() / pages decoded by orjson", ratio(frames, "pandas", "decoded", "cpu"), 1.7)
    note("to_pandas() / pd.DataFrame(rows)", ratio(frames, "pandas", "DataFrame", "cpu"), 1.0)
    note("to_parquet(), memory above the base, MiB", most(frames, "parquet", "above"), 60.0)
    note("Arrow stream, memory above the base, MiB", most(frames, "stream", "above"), 60.0)
    # A table in memory has its own size, which no reader can save.
    size = most(frames, "arrow", "table")
    for name in ("arrow", "pandas"):
        above = most(frames, name, "above") - size
        note(f"to_{name}(), the same without its {size:.0f} MiB, MiB", above, 60.0)
    above = ratio(frames, "pandas", "DataFrame", "above")
    note("to_pandas() / pd.DataFrame(rows), memory", above, 0.5)
