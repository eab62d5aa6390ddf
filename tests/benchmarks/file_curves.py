"""Measure uploads of more and more tiny files in one folder, and of larger and larger files.

The servers keep nothing, and the large files are sparse, so neither needs room on the disk. Every
case runs in a process of its own.

Usage, for one case: python file_curves.py CASE URL PATH
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from many_files import server, stats
from measured import Cases, Median, difference, most, take_turns
from one_file import CHUNK
from process_memory import read_memory
from transfer import discarding

FEW, MANY = 4_000, 20_000
SMALL, LARGE = 512, 2048
"""MiB."""
MEBI = 2**20
FILES_OF_CURVE = (1_000, 10_000, 100_000)
SIZES_OF_CURVE = (1024, 4096, 10_240)

Took = dict[str, float]


def run(case: str, url: str, path: Path) -> Took:
    """Run a case in a process of its own, with a state folder of its own."""
    with tempfile.TemporaryDirectory() as state:
        command = [sys.executable, __file__, case, url, str(path)]
        environment = {**os.environ, "XDG_STATE_HOME": state}
        took: Took = json.loads(subprocess.check_output(command, env=environment))
    return took


def send_files(count: int) -> Took:
    """Upload so many tiny files of one folder.

    Returns:
        Seconds of time and of the processor, seconds until the server had the first file, and the
        peak of memory in MiB.
    """
    with tempfile.TemporaryDirectory(prefix="synapse-bench-") as root:
        for number in range(count):
            Path(root, f"{number:07}.bin").write_bytes(b"%d" % number)
        with server(0.0) as url:
            took = run("files", url, Path(root))
    if took["created"] != count:
        raise SystemExit(f"{took['created']} files were sent of {count}")
    return took


def send_size(mebibytes: int, case: str = "size") -> Took:
    """Upload a sparse file of so many MiB.

    Returns:
        Seconds of time and of the processor, and the peak of memory in MiB; of the case `resume`,
        also what the server got beyond the size of the file, in chunks.
    """
    with tempfile.TemporaryDirectory(prefix="synapse-bench-") as root, discarding() as url:
        path = Path(root, "sparse.bin")
        with path.open("wb") as file:
            file.truncate(mebibytes * MEBI)
        # A virtual machine may give its memory for the file's pages ever more slowly.
        with path.open("rb", buffering=0) as file:
            while file.read(MEBI):
                pass
        took = run(case, url, path)
        if case == "resume":
            took["again"] = (stats(url)["received"] - mebibytes * MEBI) / CHUNK
    return took


def compare(figures: dict[str, list[Took]], amounts: dict[str, int]) -> Median:
    """Return the processor time of a file or byte of the long case, beside the short one."""
    pairs = zip(figures["long"], figures["short"], strict=True)
    scale = amounts["long"] / amounts["short"]
    return Median(long["cpu"] / short["cpu"] / scale for long, short in pairs)


def measure(note: Callable[..., None], number: int) -> None:
    """Note the cost of a file and of a byte as there are more of them, and what is sent again."""
    amounts = {"short": FEW, "long": MANY}
    cases: Cases = {name: partial(send_files, count) for name, count in amounts.items()}
    figures = take_turns(min(number, 3), cases)
    what = f"{MANY:,} files of one folder / {FEW:,}"
    note(f"{what}, time of a file", compare(figures, amounts), 1.10)
    note(f"{what}, peak memory, MiB more", difference(figures, "long", "short", "peak"), 4.0)

    amounts = {"short": SMALL, "long": LARGE}
    cases = {name: partial(send_size, size) for name, size in amounts.items()}
    cases["resume"] = partial(send_size, SMALL, "resume")
    figures = take_turns(min(number, 3), cases)
    what = f"one file of {LARGE:,} MiB / {SMALL:,}"
    note(f"{what}, time of a byte", compare(figures, amounts), 1.10)
    note(f"{what}, peak memory, MiB more", difference(figures, "long", "short", "peak"), 3.0)
    note("one file, stopped halfway: chunks sent again", most(figures, "resume", "again"), 1.0)


def draw_files(counts: tuple[int, ...] = FILES_OF_CURVE) -> dict[str, object]:
    """Upload larger and larger folders."""
    points = [(count, send_files(count)) for count in counts]
    return {
        "x": "files of one folder",
        "y": "microseconds for a file; seconds; MiB in all",
        "is_logarithmic": True,
        "has_logarithmic_y": True,
        "series": {
            "time of a file, in microseconds": [
                (count, round(took["wall"] / count * 1e6, 1)) for count, took in points
            ],
            "until the first file is sent, in seconds": [
                (count, round(took["first"], 2)) for count, took in points
            ],
            "peak memory of the process, in MiB": [
                (count, round(took["peak"], 1)) for count, took in points
            ],
        },
    }


def draw_size(sizes: tuple[int, ...] = SIZES_OF_CURVE) -> dict[str, object]:
    """Upload larger and larger files."""
    points = [(size, send_size(size)) for size in sizes]
    return {
        "x": "MiB of one file",
        "y": "milliseconds for a MiB; MiB in all",
        "is_logarithmic": True,
        "series": {
            "time of a MiB, in milliseconds": [
                (size, round(took["wall"] / size * 1e3, 3)) for size, took in points
            ],
            "peak memory of the process, in MiB": [
                (size, round(took["peak"], 1)) for size, took in points
            ],
        },
    }


# -- The cases ---------------------------------------------------------------------------------


def run_case(case: str, url: str, path: Path) -> None:
    """Run one case and print what it took."""
    import synapse
    import synapse.transfer.upload  # what is imported later would count as memory

    took: Took = {}
    with synapse.Session(url, "token") as session:
        collection = session.data_collections.get(1) if case == "files" else None
        if collection is not None:
            collection.upload([])  # imports what it needs, once
        begun, wall, cpu = time.monotonic(), time.perf_counter(), time.process_time()
        if collection is not None:
            took["created"] = collection.upload(path, progress=False).created
            took["first"] = stats(url)["first"] - begun
        else:
            upload = session.data_files.upload
            if case == "resume":
                presser = threading.Thread(target=press_halfway, args=(url, path.stat().st_size))
                presser.start()
                try:
                    upload(path, chunked=True, chunk_size=CHUNK, progress=False)
                except KeyboardInterrupt:
                    presser.join()
                else:
                    raise SystemExit("The upload wasn't stopped.")
            upload(path, chunked=True, chunk_size=CHUNK, progress=False)
        took["wall"] = time.perf_counter() - wall
        took["cpu"] = time.process_time() - cpu
    print(json.dumps({**took, "peak": read_memory("VmHWM")}))


def press_halfway(url: str, size: int) -> None:
    """Press Ctrl-C when the server has more than half of the file, inside a chunk."""
    while stats(url)["received"] < size // 2 + CHUNK // 4:
        time.sleep(0.001)  # the server is another process, which only counts
    os.kill(os.getpid(), signal.SIGINT)


def main() -> None:
    """Run one case, or draw the curves."""
    if len(sys.argv) == 4 and not sys.argv[1].startswith("-"):
        run_case(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--files", nargs="*", type=int, default=FILES_OF_CURVE, help="numbers of files in a folder"
    )
    parser.add_argument(
        "--size", nargs="*", type=int, default=SIZES_OF_CURVE, help="sizes of one file in MiB"
    )
    given = parser.parse_args()
    curves = {"files": draw_files(tuple(given.files)), "file_size": draw_size(tuple(given.size))}
    print(json.dumps(curves, indent=1))


if __name__ == "__main__":
    main()
