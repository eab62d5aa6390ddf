"""Unpacked releases: once each, unchanged, and kept while a job uses them."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from synapse.jobs.local.release_cache import ReleaseCache, Unusable
from synapse.jobs.spec import ReleaseFile

from .conftest import configured, zipped

Release = Callable[..., ReleaseFile]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the cache, which the cache creates."""
    return tmp_path / "engine" / "releases"


@pytest.fixture
def cache(folder: Path) -> ReleaseCache:
    return ReleaseCache(folder)


def use(cache: ReleaseCache, *releases: ReleaseFile) -> None:
    """Lend releases one after the other; each use is a day later than the one before."""
    for day, release in enumerate(releases):
        with cache.lend(release) as kept:
            os.utime(kept.code.parent, (day * 86400, day * 86400))


def read_names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_release_is_unpacked_for_the_owner_only(
    cache: ReleaseCache, release: Release, folder: Path
) -> None:
    with cache.lend(release("x = 1")) as kept:
        assert (kept.code / "plugin.py").read_text() == "x = 1"
        assert not kept.environments.exists()

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_release_is_unpacked_once(cache: ReleaseCache, release: Release, folder: Path) -> None:
    file = release("x = 1")
    with cache.lend(file):
        pass
    file.archive.unlink()

    with cache.lend(file) as kept:
        assert (kept.code / "plugin.py").is_file()
    with ReleaseCache(folder).lend(file) as kept:  # after a restart
        assert (kept.code / "plugin.py").is_file()


@pytest.mark.parametrize("name", ["plugin.py", "more.py", "__pycache__/plugin.cpython-311.pyc"])
def test_code_that_a_job_changed_is_unpacked_again(
    cache: ReleaseCache, release: Release, folder: Path, name: str
) -> None:
    file = release("x = 1")
    with cache.lend(file) as kept:
        kept.environments.mkdir()
        (kept.code / name).parent.mkdir(exist_ok=True)
        (kept.code / name).write_text("x = 2")

    with cache.lend(file) as kept:
        assert {path.name for path in kept.code.iterdir()} == {"config.json", "plugin.py"}
        assert (kept.code / "plugin.py").read_text() == "x = 1"
        assert kept.environments.is_dir()
    assert read_names(folder) == {file.checksum}


def test_removed_code_is_unpacked_again(cache: ReleaseCache, release: Release) -> None:
    file = release("x = 1")
    with cache.lend(file) as kept:
        shutil.rmtree(kept.code)

    with cache.lend(file) as kept:
        assert (kept.code / "plugin.py").read_text() == "x = 1"


def test_jobs_at_the_same_time_share_a_release(cache: ReleaseCache, release: Release) -> None:
    file, inside, found = release("x = 1"), threading.Barrier(8), []

    def work() -> None:
        with cache.lend(file) as kept:
            inside.wait(30)
            found.append((kept.code, kept.installing))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len(set(found)) == 1  # one lock for the environments, too


def test_missing_file(cache: ReleaseCache, release: Release) -> None:
    file = release("x = 1")
    content = file.archive.read_bytes()
    file.archive.unlink()

    with (
        pytest.raises(Unusable, match=r"tried@1\.0\.0 cannot be read: No such file or directory\."),
        cache.lend(file),
    ):
        pass

    file.archive.write_bytes(content)
    with cache.lend(file) as kept:
        assert kept.code.is_dir()


def test_file_that_was_exchanged(cache: ReleaseCache, release: Release) -> None:
    file = release("x = 1")
    file.archive.write_bytes(b"else")

    with pytest.raises(Unusable) as error, cache.lend(file):
        pass

    assert str(error.value) == (
        "The file of the release tried@1.0.0 is not the one that was released."
    )


@pytest.mark.parametrize(
    "content",
    [
        b"not a zip",
        zipped({"config.json": configured(), "../../../out.txt": "x"}),
        zipped({"config.json": configured(), "zeros": bytes(200 << 20)}),
    ],
    ids=["not a zip", "a name that leads out of the folder", "a zip bomb"],
)
def test_zip_that_cannot_be_unpacked_leaves_nothing(
    cache: ReleaseCache, release: Release, folder: Path, tmp_path: Path, content: bytes
) -> None:
    with (
        pytest.raises(Unusable, match=r"^The release tried@1\.0\.0 cannot be unpacked: "),
        cache.lend(release(content)),
    ):
        pass

    assert read_names(folder) == set()
    assert not list(tmp_path.rglob("out.txt"))


def test_releases_that_were_used_the_longest_ago_go(folder: Path, release: Release) -> None:
    first, second, third = (release(f"x = {number}") for number in range(3))

    use(ReleaseCache(folder, most=2), first, second, first, third)

    assert read_names(folder) == {first.checksum, third.checksum}


def test_use_makes_a_release_young_again(folder: Path, release: Release) -> None:
    first, second, third = (release(f"x = {number}") for number in range(3))
    cache = ReleaseCache(folder, most=2)
    use(cache, first, second)

    for release_file in (first, third):
        with cache.lend(release_file):
            pass

    assert read_names(folder) == {first.checksum, third.checksum}


def test_release_stays_until_its_last_job_ends(folder: Path, release: Release) -> None:
    cache, running, other = ReleaseCache(folder, most=0), release("x = 1"), release("x = 2")
    with cache.lend(running) as kept:
        with cache.lend(running):
            pass
        use(cache, other)
        assert read_names(folder) == {running.checksum}
        assert kept.code.is_dir()

    assert read_names(folder) == set()


def test_remains_of_a_killed_process_are_removed_at_the_start(
    cache: ReleaseCache, release: Release, folder: Path
) -> None:
    file = release("x = 1")
    use(cache, file)
    draft = folder / ".draft-ab12"
    (draft / "code").mkdir(parents=True)

    ReleaseCache(folder)

    assert read_names(folder) == {file.checksum}
