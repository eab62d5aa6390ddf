"""Measure the SDK against its goals, as ratios in one run: `make bench`.

Every case runs in a process of its own, the cases take turns, and each ratio is taken between
neighbours in one round, so that a machine whose speed drifts doesn't decide the result.
"""

from __future__ import annotations

import argparse
import json
import time
import traceback
from functools import partial
from pathlib import Path

import backend
import data_sets
import downloads
import file_curves
import long_walks
import machine
import many_files
import reading
import small_requests
import start
import transfer
import writing
from curves import CURVES
from measured import Report

TOPICS = {
    "reading": reading.measure,
    "small requests": small_requests.measure,
    "peers": reading.measure_peers,
    "long lists": long_walks.measure,
    "tables": reading.measure_tables,
    "one file": transfer.measure,
    "many files": many_files.measure,
    "larger files": file_curves.measure,
    "downloads": downloads.measure,
    "writing": writing.measure,
    "data sets": data_sets.measure,
    "backend": backend.measure,
    "start": start.measure,
}


def main() -> int:
    """Measure everything, and say whether every goal is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="rounds of each topic, 9 by default")
    parser.add_argument("--size", type=int, default=1024, help="MiB of the file that is uploaded")
    parser.add_argument(
        "--only", nargs="*", choices=TOPICS, default=list(TOPICS), help="topics, all by default"
    )
    parser.add_argument("--output", type=Path, help="JSON file for machine, rows and curves")
    parser.add_argument(
        "--curves",
        nargs="*",
        choices=CURVES,
        help="also measure these curves, or all without names",
    )
    given = parser.parse_args()
    topics = {**TOPICS, "one file": partial(transfer.measure, size=given.size)}
    report, started = Report(), time.perf_counter()
    described = machine.describe()
    print(f"{machine.sentence(described)}\nMedians, and where they lie with 95 % certainty:")
    for topic in given.only:
        report.topic, begun = topic, time.perf_counter()
        print(f"\n{topic}", flush=True)
        try:
            topics[topic](report.note, given.rounds)
        except Exception as error:  # the other topics are measured all the same
            report.failures[topic] = f"{type(error).__name__}: {error}"
            traceback.print_exc()
        print(f"  in {time.perf_counter() - begun:.0f} s", flush=True)
    curves = {}
    for name in list(CURVES) if given.curves == [] else given.curves or []:
        curves[name] = CURVES[name]()
        print(f"{name}: {json.dumps(curves[name]['series'])}", flush=True)
    if given.output:
        document = {
            "machine": described,
            "rounds": given.rounds,
            "rows": [row.document() for row in report.rows],
            "curves": curves,
        }
        given.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    missed = [row for row in report.rows if not row.is_met]
    print(f"\n{len(report.rows)} rows in {time.perf_counter() - started:.0f} s", end="")
    print(f"; {len(missed)} missed:" if missed else "; each goal is met.")
    for row in missed:
        print(row.line())
    for topic, reason in report.failures.items():
        print(f"NOT MEASURED: {topic}: {reason}")
    return 1 if missed or report.failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
