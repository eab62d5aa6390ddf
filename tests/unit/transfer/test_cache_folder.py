"""The folder of cached files: its bound, the order of removal, and what stays."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from synapse._internal.file_lock import acquire_lock, release_lock
from synapse.errors import ConfigurationError
from synapse.transfer import cache_folder as module
from synapse.transfer.cache_folder import (
    cache_folder,
    clear,
    make_entry,
    read_limit,
    store_file,
    summarize,
)

DAY = 86_400


@pytest.fixture(autouse=True)
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda text: monkeypatch.setenv("SYNAPSE_CACHE_SIZE", text)


def key_of(number: int) -> str:
    return f"{number:032x}"


def add(number: int, size: int = 4096, *, days: float = 0) -> Path:
    """Add a file that was used some days ago."""
    path = make_entry(key_of(number)) / "a.bin"
    store_file(path, bytes(size))
    used = time.time() - days * DAY
    os.utime(path.parent, (used, used))
    return path


def numbers() -> list[int]:
    return sorted(int(path.name, 16) for path in cache_folder().iterdir() if path.name[0] != ".")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", 20 * 1024**3),
        ("5000", 5_000),
        ("0", 0),
        ("1.5 GB", 1_500_000_000),
        ("2gib", 2 * 1024**3),
        ("3M", 3_000_000),
        ("7 b", 7),
        ("1TiB", 1024**4),
        (" Unlimited ", None),
    ],
)
def test_bound(bound: Callable[[str], None], text: str, size: int | None) -> None:
    bound(text)
    assert read_limit() == size


@pytest.mark.parametrize("text", ["-1", "GB", "1 XB", "1iB", "1e3", "none"])
def test_other_bounds_are_refused(bound: Callable[[str], None], text: str) -> None:
    bound(text)
    with pytest.raises(ConfigurationError, match="such as 50GiB"):
        read_limit()


def test_oldest_files_go_first(bound: Callable[[str], None]) -> None:
    bound(str(10 * 4096))
    for number in range(10):
        add(number, days=20 - number)
    make_entry(key_of(0))  # a use
    assert numbers() == list(range(10))

    add(10)
    # 9 blocks remain: the one that was used and the new one are among them.
    assert numbers() == [0, *range(3, 11)]


def test_unbounded_cache_keeps_everything(bound: Callable[[str], None]) -> None:
    bound("unlimited")
    for number in range(5):
        add(number)
    assert numbers() == list(range(5))


def test_new_file_stays_however_large(bound: Callable[[str], None]) -> None:
    bound("0")
    add(1)
    path = add(2, 50_000)
    assert numbers() == [2]
    assert path.stat().st_size == 50_000


def test_open_file_stays_readable(bound: Callable[[str], None]) -> None:
    bound(str(2 * 4096))
    with add(1, days=1).open("rb") as file:
        add(2)
        add(3)
        assert 1 not in numbers()
        assert file.read() == bytes(4096)


def test_file_of_a_running_download_stays(bound: Callable[[str], None]) -> None:
    bound(str(2 * 4096))
    entry = add(1, days=1).parent
    lock = acquire_lock(entry / ".b.bin.part")
    assert lock is not None
    os.utime(entry, (0, 0))
    add(2, days=0.5)
    add(3)
    assert numbers() == [1, 3]
    assert clear().in_use == 1
    release_lock(lock)
    assert (clear().files, numbers()) == (1, [])


def test_files_from_before_the_bound_are_counted(bound: Callable[[str], None]) -> None:
    bound("unlimited")
    for number in range(5):
        add(number, days=5 - number)
    bound(str(3 * 4096))
    add(5)
    assert numbers() == [4, 5]


def test_size_is_known_without_adding_up(
    bound: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    bound(str(100 * 4096))
    add(0)
    monkeypatch.setattr(module, "_list_entries", None)
    for number in range(1, 100):
        add(number)
    with pytest.raises(TypeError, match="NoneType"):
        add(100)


def test_another_process_trims(bound: Callable[[str], None]) -> None:
    bound(str(2 * 4096))
    add(1)
    lock = acquire_lock(cache_folder() / ".trim.lock")
    assert lock is not None
    add(2)
    add(3)
    assert numbers() == [1, 2, 3]
    release_lock(lock)
    add(4)
    assert numbers() == [4]


def test_threads_share_the_bound(bound: Callable[[str], None]) -> None:
    bound(str(20 * 4096))
    failures: list[BaseException] = []

    def work(first: int) -> None:
        try:
            for number in range(first, first + 60):
                path = make_entry(key_of(number)) / "a.bin"
                store_file(path, bytes(4096))
        except BaseException as error:
            failures.append(error)

    threads = [Thread(target=work, args=(first,)) for first in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [error for error in failures if not isinstance(error, FileNotFoundError)] == []
    add(999)
    # Each thread may have added a file that another one's count has missed.
    assert summarize().size <= 24 * 4096


def test_what_a_killed_process_left_is_removed(bound: Callable[[str], None]) -> None:
    bound(str(2 * 4096))
    add(1)
    (cache_folder() / ".gone-1" / "x").mkdir(parents=True)
    for number in (2, 3):
        add(number)
    assert list(cache_folder().glob(".gone-*")) == []


def test_summary() -> None:
    assert (summarize().files, summarize().size, summarize().oldest) == (0, 0, None)
    assert not cache_folder().exists()

    path = add(1, 5_000, days=3)
    os.link(path, path.with_name("b.bin"))
    store_file(path.with_name(".preview-1.json"), b"{}")
    add(2)
    (cache_folder() / "somebody's").mkdir()

    found = summarize()
    assert (found.folder, found.files, found.size) == (cache_folder(), 3, 4 * 4096)
    assert found.limit == 20 * 1024**3
    assert found.oldest is not None


def test_clear_by_age() -> None:
    for number, days in enumerate((0, 1, 2, 40)):
        add(number, days=days)

    assert clear(1.5, dry_run=True).files == 2
    assert numbers() == [0, 1, 2, 3]
    assert clear(1.5).files == 2
    assert numbers() == [0, 1]
    usage = cache_folder() / ".usage"
    assert usage.stat().st_size == 2
    other = cache_folder() / "other"
    other.mkdir()
    assert clear().files == 2
    assert other.is_dir()
    assert clear().files == 0


def test_failed_write_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    path = add(1)

    def fail(*_: object) -> None:
        raise OSError("full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="full"):
        store_file(path.with_name("b.bin"), b"x")
    assert [each.name for each in path.parent.iterdir()] == ["a.bin"]


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_link_is_no_cache(tmp_path: Path) -> None:
    target = tmp_path / "other"
    (target / key_of(1)).mkdir(parents=True)
    (tmp_path / "synapse").mkdir()
    cache_folder().symlink_to(target)

    for call in (summarize, clear):
        with pytest.raises(ConfigurationError, match="is a link"):
            call()
    assert (target / key_of(1)).is_dir()
