"""Compare a few ratios with recorded ones, in less than a minute: `make bench-quick`.

Goals need a quiet machine and many rounds. These rows are small, most of them compare processor
time, and one fails only if it is 1.5 times worse than recorded. So they find large losses, also on
a busy machine, but not small ones. Recorded is the larger ratio of a quiet and a busy machine.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import data_sets
import start
import transfer
from measured import Figures, Median, ratio, take_turns
from reading import make_cases, page_server

RECORDED = Path(__file__).with_name("recorded.json")
MOST = 1.5
"""How many times worse than recorded a row may be."""


def read_rows() -> Iterator[tuple[str, Median]]:
    """Read 3,000 rows, and a tenth of them more slowly."""
    with page_server(3_000, 0.0) as url:
        names = "plain; sdk; sdk, orjson; values, orjson; decoded; arrow"
        figures = take_turns(5, make_cases(names, url, 3_000))
    yield "sdk / plain", ratio(figures, "sdk", "plain", "cpu")
    yield "sdk with orjson / plain", ratio(figures, "sdk, orjson", "plain", "cpu")
    yield "values() with orjson / plain", ratio(figures, "values, orjson", "plain", "cpu")
    yield "to_arrow() / pages decoded by orjson", ratio(figures, "arrow", "decoded", "cpu")
    with page_server(2_000, 0.020) as url:
        slow = take_turns(3, make_cases("plain; sdk; sdk, workers=8", url, 2_000))
    yield "20 ms: sdk / plain", ratio(slow, "sdk", "plain")
    yield "20 ms: sdk with workers=8 / plain", ratio(slow, "sdk, workers=8", "plain")


def read_set() -> Iterator[tuple[str, Median]]:
    """Read and write a small COCO file."""
    with tempfile.TemporaryDirectory() as name:
        folder = data_sets.make_file(Path(name) / "coco", 1_000, 10_000)
        figures: Figures = take_turns(
            3, {case: lambda case=case: data_sets.run(case, folder) for case in ("sdk", "json")}
        )
    yield "COCO, in and out / json", ratio(figures, "sdk", "json", "time")


def send_file() -> Iterator[tuple[str, Median]]:
    """Send a file of 128 MiB."""
    with transfer.one_file(128) as ways:
        figures = take_turns(3, {case: ways[case] for case in ("md5", "sdk")})
    yield "one file: sdk / md5 alone", ratio(figures, "sdk", "md5")


def begin() -> Iterator[tuple[str, Median]]:
    """Import the SDK, and run a command."""
    statements = start.LIBRARIES, start.READY
    for text in statements:
        start.time_statement(text)  # compiles, once
    figures = take_turns(
        5, {text: lambda text=text: start.time_statement(text) for text in statements}
    )
    yield "ready to call / import of its libraries", ratio(figures, *reversed(statements))
    commands = {
        "version": lambda: start.run_program("-m", "synapse", "--version"),
        "python": lambda: start.run_program("-c", "pass"),
    }
    yield "synapse --version / python -c pass", ratio(take_turns(5, commands), "version", "python")


GROUPS: tuple[Callable[[], Iterator[tuple[str, Median]]], ...] = (
    read_rows,
    read_set,
    send_file,
    begin,
)


def main() -> int:
    """Measure, and compare with the recorded ratios or record them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true", help="record the ratios, compare nothing")
    given = parser.parse_args()
    recorded: dict[str, float] = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    started, measured, worse = time.perf_counter(), {}, 0
    for group in GROUPS:
        for label, value in group():
            measured[label] = round(float(value), 3)
            before = recorded.get(label)
            is_worse = not given.record and (before is None or value > MOST * before)
            worse += is_worse
            found = "not recorded: run --record" if before is None else f"recorded {before:.2f}"
            result = f"MORE THAN {MOST} TIMES WORSE" if is_worse and before else ""
            print(f"{label:<46} {value:6.2f} ({found}) {result}", flush=True)
    print(f"{len(measured)} rows in {time.perf_counter() - started:.0f} s")
    if given.record:
        RECORDED.write_text(json.dumps(measured, indent=1) + "\n")
    elif missing := recorded.keys() - measured.keys():
        print(f"Recorded, but not measured: {', '.join(sorted(missing))}. Run --record.")
        worse += 1
    return 1 if worse else 0


if __name__ == "__main__":
    raise SystemExit(main())
