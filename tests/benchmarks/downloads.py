"""Measure the download of many files beside `huggingface_hub`, `curl` and a plain loop.

Every case writes the same files of one server that takes 20 ms for every answer.

Usage, for one case: python downloads.py CASE URL
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
from functools import partial
from pathlib import Path

from download_server import PRESIGNED
from loopback import run_server
from measured import Cases, ratio, take_turns
from reading import PEERS

FILES, SIZE, LATENCY = 1_000, 100_000, 0.020
WORKERS = 8


def serve_files() -> AbstractContextManager[str]:
    """Serve in a process of its own."""
    return run_server("download_server.py", FILES, SIZE, LATENCY)


def run(case: str, url: str, folder: str = "") -> dict[str, float]:
    """Run a case in a process of its own, into an empty folder."""
    environment = {**os.environ, **({"PYTHONPATH": folder} if folder else {})}
    environment |= {"HF_ENDPOINT": url, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    environment |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    with tempfile.TemporaryDirectory() as home:
        environment |= {"XDG_STATE_HOME": home, "HF_HOME": home}
        command = [sys.executable, __file__, case, url]
        took: dict[str, float] = json.loads(subprocess.check_output(command, env=environment))
    return took


def measure(note: Callable[..., None], number: int) -> None:
    """Note the ratios of a collection's download."""
    folder = os.environ.get(PEERS, "")
    with serve_files() as url:
        cases: Cases = {name: partial(run, name, url) for name in ("plain", "sdk", "presigned")}
        if shutil.which("curl"):
            cases["curl"] = partial(run, "curl", url)
        if folder and Path(folder).is_dir():
            cases["huggingface_hub"] = partial(run, "huggingface_hub", url, folder)
        figures = take_turns(min(number, 5), cases)
    what = f"download of {FILES:,} files, 20 ms, {WORKERS} workers"
    note(f"{what}: plain loop / sdk", ratio(figures, "plain", "sdk"), 7.0, least=True)
    rate = ratio(figures, "sdk", "presigned")
    note(f"{what}: rate of presigned / plain download", rate, 0.9, least=True)
    if "curl" in cases:
        note(f"{what}: sdk / curl -Z", ratio(figures, "sdk", "curl"), 1.5)
    if "huggingface_hub" in cases:
        theirs = ratio(figures, "huggingface_hub", "sdk")
        note(f"{what}: huggingface_hub / sdk", theirs, 1.0, least=True)


def fetch(url: str, target: Path) -> None:
    """Download every file one after the other with `requests`."""
    import requests

    session = requests.Session()
    for number in range(FILES):
        name = f"{number:08}.bin"
        (target / name).write_bytes(session.get(f"{url}/files/{name}").content)


def fetch_by_curl(url: str, target: Path) -> None:
    """Download every file by `curl`, eight at once."""
    command = ["curl", "-sS", "-Z", "--parallel-max", str(WORKERS), "--output-dir", str(target)]
    command += ["-O", f"{url}/files/{'0' * (8 - len(str(FILES - 1)))}[000-{FILES - 1}].bin"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def main(case: str, url: str) -> None:
    """Run one case and print what it took."""
    with tempfile.TemporaryDirectory() as name:
        target = Path(name)
        if case in ("sdk", "presigned"):
            import synapse

            number = PRESIGNED if case == "presigned" else 1
            collection = synapse.Session(url, "token").data_collections.get(number)
            run_case: Callable[[], object] = partial(
                collection.download, target, workers=WORKERS, progress=False
            )
        elif case == "huggingface_hub":
            import huggingface_hub

            run_case = partial(
                huggingface_hub.snapshot_download,
                "bench/files",
                local_dir=target,
                max_workers=WORKERS,
            )
        else:
            run_case = partial(fetch_by_curl if case == "curl" else fetch, url, target)
        started = time.perf_counter()
        run_case()
        took = time.perf_counter() - started
        found = [path for path in target.rglob("*.bin") if path.stat().st_size == SIZE]
        if len(found) != FILES:
            raise SystemExit(f"{case} wrote {len(found)} files of {FILES}")
    print(json.dumps({"wall": took}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
