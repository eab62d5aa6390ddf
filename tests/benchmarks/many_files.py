"""Measure the upload of many files: beside a plain loop, beside `curl`, in memory, and once more.

Each case is a process of its own, with a server of its own that takes 20 ms for every answer and
keeps nothing. The loop binds its files into units, as an upload does; `curl` doesn't.

Usage, for one case: python many_files.py CASE URL FOLDER
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.request import urlopen

from loopback import run_server
from measured import Cases, Median, ratio, take_turns

FILES = 2_000
SIZE = 100_000
LOOPED = 400
"""How many of them the loop sends; its time is in proportion."""
TINY = 100_000
LATENCY = 0.020

Note = Callable[..., None]
Took = dict[str, float]


def server(latency: float) -> AbstractContextManager[str]:
    """Serve in a process of its own."""
    return run_server("upload_server.py", latency)


def stats(url: str) -> dict[str, int]:
    """Ask the server what it was sent."""
    with urlopen(f"{url}/stats") as answer:
        counts: dict[str, int] = json.load(answer)
    return counts


def run(case: str, folder: Path, latency: float = LATENCY) -> Took:
    """Run a case in a process of its own, with a server and a state folder of its own."""
    with server(latency) as url, tempfile.TemporaryDirectory() as state:
        command = [sys.executable, __file__, case, url, str(folder)]
        environment = {**os.environ, "XDG_STATE_HOME": state}
        took: Took = json.loads(subprocess.check_output(command, env=environment))
    return took


def curl(folder: Path) -> Took:
    """Send the files by `curl`, sixteen at once."""
    with server(LATENCY) as url, tempfile.NamedTemporaryFile("w", suffix=".curl") as orders:
        parts = [
            f'url = "{url}/data_files/"\nform = "file=@{path}"\noutput = "{os.devnull}"\n'
            for path in sorted(folder.iterdir())
        ]
        orders.write("next\n".join(parts))
        orders.flush()
        command = ["curl", "-sS", "-Z", "--parallel-max", "16", "-K", orders.name]
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        took = time.perf_counter() - started
        if stats(url)["files"] != FILES:
            raise SystemExit(f"curl sent {stats(url)['files']} files of {FILES}")
    return {"wall": took}


def measure(note: Note, number: int) -> None:
    """Measure everything and note the ratios."""
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root, "files")
        folder.mkdir()
        for file in range(FILES):
            (folder / f"{file:05}.bin").write_bytes(os.urandom(SIZE))
        cases: Cases = {
            "loop": lambda: run("loop", folder),
            "8": lambda: run("8", folder),
            "16": lambda: run("16", folder),
            "presigned": lambda: run("presigned", folder),
        }
        if shutil.which("curl"):
            cases["curl"] = lambda: curl(folder)
        taken = take_turns(min(number, 3), cases)
        what = f"{FILES:,} files, 20 ms"
        note(f"{what}: loop / upload, 8 workers", ratio(taken, "loop", "8"), 7.0, least=True)
        note(f"{what}: loop / upload, 16 workers", ratio(taken, "loop", "16"), 14.0, least=True)
        rate = ratio(taken, "8", "presigned")
        note(f"{what}: rate of presigned / plain upload", rate, 0.9, least=True)
        if "curl" in cases:
            note(f"{what}: upload, 16 workers / curl -Z", ratio(taken, "16", "curl"), 1.5)
        else:
            print("There is no curl on this machine: the row about it is left out.")
        again = Median(one["wall"] / one["again"] for one in taken["8"])
        note(f"{what}: upload / again", again, 20.0, least=True)
        note(f"{what}: files sent again", max(one["sent"] for one in taken["8"]), 0.0)

    with tempfile.TemporaryDirectory() as root:
        folder = Path(root, "files")
        for file in range(TINY):
            path = folder / f"{file // 1000:03}" / f"{file:06}.bin"
            if file % 1000 == 0:
                path.parent.mkdir(parents=True)
            path.write_bytes(b"%d" % file)
        tiny = run("memory", folder, latency=0.0)
    note(f"{TINY:,} tiny files: memory after 1,000, MiB more", tiny["grown"], 3.0)
    print(f"{TINY:,} tiny files: {TINY / tiny['wall']:,.0f} a second, peak {tiny['peak']:.0f} MiB")


# -- The cases ---------------------------------------------------------------------------------


def resident() -> float:
    """Return the memory that this process has now, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main(case: str, url: str, folder: Path) -> None:
    """Run one case and print what it took."""
    import synapse

    is_presigned = case == "presigned"
    case = "8" if is_presigned else case
    uploads = "presigned" if is_presigned else "auto"
    with synapse.Session(url, "token", uploads=uploads) as session:
        collection = session.data_collections.get(1)
        collection.upload([])  # imports what it needs, once
        if case == "loop":
            paths = sorted(folder.iterdir())[:LOOPED]
            started = time.perf_counter()
            units = []
            for path in paths:
                row = session.data_files.upload(path)
                units.append({"files": {"image": {"checksum": row.checksum, "path": path.name}}})
            collection.data_units.bulk_create(units)
            took = {"wall": (time.perf_counter() - started) * FILES / LOOPED}
        elif case == "memory":
            took = memory(collection, folder)
        else:
            started = time.perf_counter()
            report = collection.upload(folder, workers=int(case), progress=False)
            took = {"wall": time.perf_counter() - started}
            if report.created != FILES or stats(url)["size"] != FILES * SIZE:
                raise SystemExit(f"It wasn't all made: {report}")
            started = time.perf_counter()
            report = collection.upload(folder, workers=int(case), progress=False)
            took["again"] = time.perf_counter() - started
            took["sent"] = stats(url)["files"] - FILES
            if report.skipped != FILES:
                raise SystemExit(f"It wasn't all there: {report}")
    print(json.dumps(took))


def memory(collection: object, folder: Path) -> Took:
    """Upload, and see how the memory grows."""
    count = 0
    early = peak = 0.0

    def progress(_done: int, _total: int) -> None:
        nonlocal count, early, peak
        count += 1
        if count % 1000 == 0:
            peak = max(peak, resident())
            early = early or peak

    started = time.perf_counter()
    report = collection.upload(folder, progress=progress)  # type: ignore[attr-defined]
    if report.created != TINY:
        raise SystemExit(f"It wasn't all made: {report}")
    wall = time.perf_counter() - started
    return {"wall": wall, "grown": peak - early, "peak": peak}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
