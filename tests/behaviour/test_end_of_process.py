"""Lists, uploads and downloads go on at the end of the process, where no thread can start."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

import synapse
from synapse.testing.tenants import EmulatorTenant

SCRIPT = """
import atexit, sys, threading
from pathlib import Path
import synapse
from synapse.transport import waiting
waiting._LEAST_WAIT = waiting._CLEAR_WAIT = 0.0  # begin to read ahead at once
mode, url, token, collection, folder = sys.argv[1:]
session = synapse.connect(url, token)
begun = iter(session.data_units.page_size(1).iterate(workers=4))
if mode.startswith("begun"):
    for _ in range(3):
        next(begun)

def work():
    print(3 * mode.startswith("begun") + sum(1 for _ in begun))
    target = session.data_collections.get(int(collection))
    report = target.upload(Path(folder, "new"), journal=Path(folder, "journal"), progress=False)
    print(report.created)
    print(target.download(Path(folder, "copy"), progress=False).downloaded)
    files = [{"files": {"text": Path(folder, "new", f"{n}.txt")}} for n in range(2)]
    before = session.data_units.count()
    session.client.upload_data_collection(int(collection), files)
    print(session.data_units.count() - before)
    big = Path(folder, "big.txt")
    big.write_bytes(bytes(3_000_000))
    print(session.data_files.upload(big).checksum)

if mode.endswith("atexit"):
    atexit.register(work)
else:
    def outlive():
        threading.main_thread().join()
        work()
    threading.Thread(target=outlive).start()
"""


@pytest.mark.parametrize("mode", ["atexit", "thread", "begun atexit", "begun thread"])
def test_everything_goes_on_one_by_one(
    session: synapse.Session, emulator: EmulatorTenant, tmp_path: Path, mode: str
) -> None:
    specification = synapse.FileSpecification(name="text", file_type="text")
    collection = session.data_collections.create(
        name="Texts", category="text", file_specifications=[specification]
    )
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    for number in range(8):
        (tmp_path / "old" / f"{number}.txt").write_text(f"old {number}")
        (tmp_path / "new" / f"{number}.txt").write_text(f"new {number}")
    collection.upload(tmp_path / "old", journal=tmp_path / "old-journal", progress=False)
    arguments = [mode, emulator.url, emulator.api_token, str(collection.id), str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["8", "8", "16", "2", hashlib.md5(bytes(3_000_000)).hexdigest()]
