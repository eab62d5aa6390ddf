"""Measure the SDK against its goals, as ratios in one run: `make bench`.

Every case runs in a process of its own, the cases take turns, and each ratio is taken between
neighbours in one round, so that a machine whose speed drifts doesn't decide the result.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import data_sets
import many_files
from transfer import one_file

HERE = Path(__file__).parent
LIBRARIES = "import requests, attrs, cattrs, cachetools"
SDK = "import synapse"
READY = "import synapse; synapse.Session('http://127.0.0.1:9', 'token').projects"

LISTED = "import synapse; print(list(synapse.Session('{url}', 'token').tasks[:1].values()))"

Figures = dict[str, list[dict[str, float]]]


@contextmanager
def page_server(count: int, latency: float) -> Iterator[str]:
    """Serve prepared pages in a process of its own."""
    command = [sys.executable, str(HERE / "page_server.py"), str(count), str(latency)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.stdin.close()


def read(case: str, url: str, count: int) -> dict[str, float]:
    """Run one case in a process of its own."""
    command = [sys.executable, str(HERE / "clients.py"), case, url, str(count)]
    figures: dict[str, float] = json.loads(subprocess.check_output(command))
    return figures


def imported(statement: str) -> dict[str, float]:
    """Time a statement in a fresh interpreter."""
    code = f"import time; t = time.perf_counter(); {statement}; print(time.perf_counter() - t)"
    # Compiled files as an installed package has them, also where the shell says not to write any.
    environment = {**os.environ, "XDG_CONFIG_HOME": "/nonexistent"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    taken = subprocess.check_output([sys.executable, "-c", code], env=environment)
    return {"wall": float(taken)}


def run_program(*arguments: str) -> dict[str, float]:
    """Time a run of Python from start to end."""
    environment = {**os.environ, "SYNAPSE_API_TOKEN": "token", "XDG_CONFIG_HOME": "/nonexistent"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL
    )
    return {"wall": time.perf_counter() - started}


def rounds(number: int, cases: dict[str, Callable[[], dict[str, float]]]) -> Figures:
    """Run the cases in turn, so many times; every second round backwards."""
    figures: Figures = {name: [] for name in cases}
    for turn in range(number):
        for name in list(cases)[:: 1 if turn % 2 == 0 else -1]:
            figures[name].append(cases[name]())
    return figures


def ratio(figures: Figures, one: str, other: str, what: str = "wall") -> float:
    """Return the median of the ratios of two cases, round by round."""
    pairs = zip(figures[one], figures[other], strict=True)
    return statistics.median(a[what] / b[what] for a, b in pairs)


def difference(figures: Figures, one: str, other: str, what: str) -> float:
    """Return the median of the differences of two cases, round by round."""
    pairs = zip(figures[one], figures[other], strict=True)
    return statistics.median(a[what] - b[what] for a, b in pairs)


def most(figures: Figures, one: str, what: str) -> float:
    """Return the largest figure of a case."""
    return max(figure[what] for figure in figures[one])


def main() -> int:
    """Measure everything, print the table, and say whether every goal is met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--size", type=int, default=1024, help="MiB of the file that is uploaded")
    given = parser.parse_args()
    number = given.rounds
    started = time.perf_counter()
    lines: list[tuple[str, float, str, float, bool]] = []

    def note(what: str, value: float, goal: float, *, least: bool = False) -> None:
        met = value >= goal if least else value <= goal
        lines.append((what, value, "≥" if least else "≤", goal, met))

    def cases(names: str, url: str, count: int) -> dict[str, Callable[[], dict[str, float]]]:
        return {n: lambda n=n: read(n, url, count) for n in names.split("; ")}  # type: ignore[misc]

    with page_server(10_000, 0.0) as url:
        names = "plain; sdk; sdk, orjson; sdk, workers=1; pynetbox; python-gitlab"
        fast = rounds(number, cases(names, url, 10_000))
    note("0 ms: sdk / plain", ratio(fast, "sdk", "plain"), 1.25)
    note("0 ms: sdk with orjson / plain", ratio(fast, "sdk, orjson", "plain"), 0.90)
    note("0 ms: sdk / sdk with workers=1", ratio(fast, "sdk", "sdk, workers=1"), 1.15)
    note("0 ms: pynetbox / sdk", ratio(fast, "pynetbox", "sdk"), 3.0, least=True)
    note("0 ms: python-gitlab / sdk", ratio(fast, "python-gitlab", "sdk"), 1.0, least=True)
    note("peak memory: sdk - plain, MiB", difference(fast, "sdk", "plain", "peak"), 15.0)
    with page_server(10_000, 0.020) as url:
        slow = rounds(number, cases("plain; sdk; sdk, workers=8; aio", url, 10_000))
        at_once = rounds(number, cases("gets by threads; gets by aio", url, 200))
    note("20 ms: sdk / plain", ratio(slow, "sdk", "plain"), 0.36)
    note("20 ms: sdk with workers=8 / plain", ratio(slow, "sdk, workers=8", "plain"), 0.25)
    note("20 ms: session.aio / sdk", ratio(slow, "aio", "sdk"), 1.1)
    note(
        "20 ms: 200 gets at once, session.aio / threads",
        ratio(at_once, "gets by aio", "gets by threads"),
        1.2,
    )
    note("20 ms, peak memory: sdk - plain, MiB", difference(slow, "sdk", "plain", "peak"), 15.0)
    with page_server(10_000, 0.0) as url, page_server(100_000, 0.0) as large:
        memory = rounds(
            3,
            {
                "10,000": lambda: read("sdk", url, 10_000),
                "100,000": lambda: read("sdk", large, 100_000),
            },
        )
    note(
        "peak memory: 100,000 rows - 10,000 rows, MiB",
        difference(memory, "100,000", "10,000", "peak"),
        2.0,
    )
    with page_server(100_000, 0.0) as large:
        names = "decoded; arrow; pandas; DataFrame; parquet; stream"
        frames = rounds(min(number, 3), cases(names, large, 100_000))
    # Times of the process: a table uses one core.
    note("to_arrow() / pages decoded by orjson", ratio(frames, "arrow", "decoded", "cpu"), 1.5)
    note("to_pandas() / pages decoded by orjson", ratio(frames, "pandas", "decoded", "cpu"), 1.7)
    note("to_pandas() / pd.DataFrame(rows)", ratio(frames, "pandas", "DataFrame", "cpu"), 1.0)
    note("to_parquet(), memory above the base, MiB", most(frames, "parquet", "above"), 60.0)
    note("Arrow stream, memory above the base, MiB", most(frames, "stream", "above"), 60.0)
    # A table in memory has its own size, which no reader can save.
    size = most(frames, "arrow", "table")
    note(
        f"to_arrow(), the same without its {size:.0f} MiB",
        most(frames, "arrow", "above") - size,
        60.0,
    )
    note(
        f"to_pandas(), the same without {size:.0f} MiB",
        most(frames, "pandas", "above") - size,
        60.0,
    )
    note(
        "to_pandas() / pd.DataFrame(rows), memory",
        ratio(frames, "pandas", "DataFrame", "above"),
        0.5,
    )
    with one_file(given.size) as ways:
        sent = rounds(number, ways)
    note("one file: rate of sdk / rate of md5 alone", ratio(sent, "md5", "sdk"), 0.90, least=True)
    note("one file: plain loop / sdk", ratio(sent, "plain", "sdk"), 1.70, least=True)
    note("one file, memory over idle: sdk, MiB", most(sent, "sdk", "memory"), 16.0)
    many_files.measure(note, min(number, 3))
    data_sets.measure(note, min(number, 3))
    for text in (LIBRARIES, READY):
        imported(text)  # compiles, once
    imports = rounds(
        number,
        {text: lambda text=text: imported(text) for text in (LIBRARIES, SDK, READY)},  # type: ignore[misc]
    )
    note("import synapse / import of its libraries", ratio(imports, SDK, LIBRARIES), 0.60)
    note("ready to call / import of its libraries", ratio(imports, READY, LIBRARIES), 1.20)

    with page_server(100, 0.0) as url:
        command = ["-m", "synapse", "--base-url", url, "tasks", "list", "-n", "1"]
        commands = rounds(
            number,
            {
                "python -c pass": lambda: run_program("-c", "pass"),
                "synapse --version": lambda: run_program("-m", "synapse", "--version"),
                "synapse tasks list": lambda: run_program(*command),
                "the same in Python": lambda: run_program("-c", LISTED.format(url=url)),
            },
        )
    start = [
        (version["wall"] - 0.060) / python["wall"]
        for version, python in zip(
            commands["synapse --version"], commands["python -c pass"], strict=True
        )
    ]
    note("(synapse --version - 60 ms) / python -c pass", statistics.median(start), 1.50)
    note(
        "synapse tasks list / the same in Python",
        ratio(commands, "synapse tasks list", "the same in Python"),
        2.00,
    )

    for what, value, sign, goal, met in lines:
        print(f"{what:<46} {value:7.2f}   {sign} {goal:5.2f}   {'met' if met else 'MISSED'}")
    print("\nMedians, with the lowest and highest, of the wall time in seconds:")
    for group, figures in (
        ("0 ms", fast),
        ("20 ms", slow),
        ("20 ms", at_once),
        ("table", frames),
        ("file", sent),
        ("import", imports),
        ("command", commands),
    ):
        for name, taken in figures.items():
            walls = sorted(one["wall"] for one in taken)
            middle = statistics.median(walls)
            print(f"  {group:<6} {name:<60} {middle:6.3f} ({walls[0]:.3f}-{walls[-1]:.3f})")
    print(f"\n{number} rounds in {time.perf_counter() - started:.0f} s")
    return 0 if all(met for *_, met in lines) else 1


if __name__ == "__main__":
    raise SystemExit(main())
