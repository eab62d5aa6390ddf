"""Ctrl-C during a transfer: the exception says how to go on, and the same call does so."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import synapse

PIECE = 100_000


def interrupt(done: int, size: int) -> None:
    """Press Ctrl-C at the first progress."""
    raise KeyboardInterrupt


def make_press() -> Callable[[int, int], None]:
    """Return a progress that presses Ctrl-C as a person does, once, in the waiting main thread."""
    presses = [signal.SIGINT]

    def press(done: int, size: int) -> None:
        if presses:
            os.kill(os.getpid(), presses.pop())

    return press


def stop(call: Any, *arguments: Any, **options: Any) -> str:
    """Return the message of an interrupted call."""
    with pytest.raises(KeyboardInterrupt) as caught:
        call(*arguments, progress=interrupt, **options)
    assert type(caught.value) is KeyboardInterrupt
    return str(caught.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "street.bin"
    path.write_bytes(b"s" * 5 * PIECE)
    return path


def test_one_file_upload(session: synapse.Session, file: Path) -> None:
    upload = session.data_files.upload

    assert stop(upload, file) == ("Stopped: 0.5 MB done. The same call sends the file again."), (
        "the server had the only request before the interrupt"
    )
    assert stop(upload, file, chunked=True, chunk_size=PIECE) == (
        "Stopped: 0.1 of 0.5 MB done. The same call goes on."
    )
    sent: list[int] = []
    upload(file, chunked=True, chunk_size=PIECE, progress=lambda done, _: sent.append(done))
    assert sent[0] == PIECE, "from the earlier call"


def test_one_file_download(session: synapse.Session, file: Path, tmp_path: Path) -> None:
    unit = session.data_units.get(session.data_files.upload(file).data_unit_id)

    message = stop(unit.files["file"].download, tmp_path / "copy.bin")

    assert message.startswith("Stopped: 0.")
    assert message.endswith(" MB done. The same call goes on.")
    assert unit.files["file"].download(tmp_path / "copy.bin").read_bytes() == file.read_bytes()


def test_many_files(session: synapse.Session, tmp_path: Path) -> None:
    folder, journal = tmp_path / "photos", tmp_path / "journal.sqlite"
    folder.mkdir()
    for number in range(20):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / f"{number}.png")
    collection = session.data_collections.create(
        name="Streets",
        category="image",
        file_specifications=[synapse.FileSpecification(name="image", file_type="image")],
    )
    project = session.projects.create(title="S", category="image", data_collection=collection)

    message = stop(collection.upload, folder, project=project, journal=journal, workers=1)
    assert message == (
        f"Stopped: 0 of 20 done. The same call goes on; the journal {journal} knows the finished "
        "part."
    )
    report = collection.upload(folder, project=project, journal=journal)
    assert (report.created, report.tasks) == (20, 20)

    copy = tmp_path / "copy"
    message = stop(collection.download, copy, workers=1)
    assert message.endswith(f"The same call goes on, and fetches the files that {copy} lacks.")

    with pytest.raises(KeyboardInterrupt) as caught:
        project.export(tmp_path / "set", progress=make_press(), workers=1)
    message = str(caught.value)
    assert message.startswith("Stopped: ")
    assert message.endswith(" of 20 done. The same call goes on.")
    project.export(tmp_path / "set")
    assert len(list((tmp_path / "set").rglob("*.png"))) == 20


def test_an_export_counts_its_pictures(session: synapse.Session, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "1.png")
    collection = session.data_collections.create(
        name="Streets",
        category="image",
        file_specifications=[synapse.FileSpecification(name="image", file_type="image")],
    )
    project = session.projects.create(title="S", category="image", data_collection=collection)
    collection.upload([tmp_path / "1.png"], project=project)
    seen: list[tuple[int, int]] = []

    project.export(tmp_path / "set", progress=lambda done, size: seen.append((done, size)))

    size = (tmp_path / "1.png").stat().st_size
    assert seen[-1] == (size, size)
