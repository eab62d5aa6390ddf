"""Files of the local backend, the agent and uploads in folders that everyone may read."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import synapse
from synapse.emulator import Emulator

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no such rights")


@pytest.fixture(autouse=True)
def generous_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder from before, as a Docker volume is."""
    folder = tmp_path / "shared"
    folder.mkdir(mode=0o755)
    return folder


def visible(folder: Path) -> list[str]:
    """Return the files that other users can reach and read."""
    names = []
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if Path(place, name).stat().st_mode & stat.S_IXOTH]
        names += [name for name in files if Path(place, name).lstat().st_mode & 0o077]
    return names


@pytest.mark.sqlite
def test_data_of_the_local_backend(shared: Path) -> None:
    for name in ("files", "incoming", "engine"):
        (shared / name).mkdir(mode=0o755)
    for name in ("db.sqlite3", "db.sqlite3-wal"):
        (shared / name).touch(mode=0o644)

    with Emulator(shared) as emulator, synapse.connect(emulator.url, emulator.api_token) as session:
        for number, name in enumerate(("a.txt", "b.txt")):
            path = shared.parent / name
            path.write_bytes(b"secret" * 1000)
            session.data_files.upload(path, chunked=bool(number))
        archive = shared.parent / "release.zip"
        with zipfile.ZipFile(archive, "w") as release:
            release.writestr(
                "config.json",
                '{"code": "p", "name": "P", "version": "1.0.0", "category": "export",'
                ' "actions": {"say": {"entrypoint": "p:run"}}}',
            )
            release.writestr("p.py", "def run(): print('hi')")
        plugin = session.plugins.create(name="P", code="p")
        plugin.release("1.0.0", archive)
        plugin.run("say").wait(progress=False)

        assert visible(shared) == []
        own = [*shared.iterdir(), *(shared / "files").rglob("*"), *(shared / "incoming").iterdir()]
        files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in own if path.is_file()}
        assert set(files.values()) == {0o600}
        expected = {"db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm", "credentials.json"}
        assert expected <= files.keys()
    assert visible(shared) == []


def test_journal_of_an_upload(shared: Path, session: synapse.Session) -> None:
    collection = session.data_collections.create(
        name="Photos",
        category="image",
        file_specifications=[synapse.FileSpecification(name="image", file_type="image")],
    )
    source = shared.parent / "photos"
    source.mkdir()
    (source / "a.png").write_bytes(b"photo")
    for is_there in (False, True):
        journal = shared / f"journal-{is_there}"
        if is_there:
            journal.touch(mode=0o644)
        collection.upload(source, journal=journal, progress=False)
    assert visible(shared) == []
