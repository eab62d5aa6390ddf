"""One way to bring one file to a server, measured: `one_file.py CASE URL PATH`.

It prints the seconds, and how far the memory rose above what it was before, in MiB.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from process_memory import read_memory

CHUNK = 50 * 1024 * 1024
BLOCK = 1024 * 1024


def md5(url: str, path: Path) -> Callable[[], None]:
    """Only hash it: what the protocol's checksum costs at least."""

    def run() -> None:
        digest = hashlib.md5()
        with path.open("rb", buffering=0) as file:
            while block := file.read(BLOCK):
                digest.update(block)

    return run


def plain(url: str, path: Path) -> Callable[[], None]:
    """Send it as one does it by hand with `requests`."""
    import requests

    http = requests.Session()

    def run() -> None:
        digest, start, total, where = hashlib.md5(), 0, path.stat().st_size, "chunked_upload/"
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                span = f"bytes {start}-{start + len(chunk) - 1}/{total}"
                row = http.put(
                    f"{url}/{where}",
                    data={"filename": path.name},
                    files={"file": chunk},
                    headers={"Content-Range": span},
                    timeout=60,
                ).json()
                where, start = f"chunked_upload/{row['id']}/", row["offset"]
        http.post(f"{url}/{where}", json={"md5": digest.hexdigest()}, timeout=60)

    return run


def sdk(url: str, path: Path) -> Callable[[], None]:
    """Send it with the SDK."""
    import synapse
    import synapse.transfer.upload  # what is imported later would count as memory

    session = synapse.Session(url, "token")
    files = session.data_files

    def run() -> None:
        files.upload(path, chunked=True, chunk_size=CHUNK, progress=False)

    return run


def main() -> None:
    """Run one case and print its figures."""
    case, url, path = sys.argv[1:]
    run = {"md5": md5, "plain": plain, "sdk": sdk}[case](url, Path(path))
    idle = read_memory("VmRSS")
    started = time.perf_counter()
    run()
    wall = time.perf_counter() - started
    print(json.dumps({"wall": wall, "memory": read_memory("VmHWM") - idle}))


if __name__ == "__main__":
    main()
