"""Local copies of files: where, complete or absent, and how often they are requested."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from synapse.errors import ConfigurationError, InvalidResponse
from synapse.transfer import file_cache
from synapse.transfer.cache_folder import cache_folder
from synapse.transfer.file_cache import FileCache

CONTENT = b"content"
MD5 = hashlib.md5(CONTENT).hexdigest()
SHA1 = hashlib.sha1(CONTENT).hexdigest()


class Downloads:
    """Writes the content instead of requesting it, and records the calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.fails = False
        # A step of another process during a download.
        self.meanwhile: Any = None

    def __call__(self, transport: Any, url: str, path: Path, **keywords: Any) -> Path:
        self.calls.append((url, keywords))
        if self.fails:
            raise InvalidResponse(200, "the bytes differ")
        if self.meanwhile is not None:
            self.meanwhile(path)
            self.meanwhile = None
        path.write_bytes(CONTENT)
        return path


class Home:
    """The configured server."""

    base_url = "http://home/api/"


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Downloads:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    made = Downloads()
    monkeypatch.setattr(file_cache, "download", made)
    return made


@pytest.fixture
def cache(downloads: Downloads) -> FileCache:
    home: Any = Home()
    return FileCache(home)


def test_copy_is_private_and_keeps_its_name(cache: FileCache, tmp_path: Path) -> None:
    path = cache.fetch("http://home/media/a%20b.jpg?sig=1", MD5, 7)

    assert (path.name, path.read_bytes()) == ("a b.jpg", CONTENT)
    assert cache_folder() == tmp_path / "synapse" / "files" == path.parent.parent
    places = (path, path.parent, cache_folder())
    assert [place.stat().st_mode & 0o077 for place in places] == [0, 0, 0]


def test_known_file_is_requested_once(cache: FileCache, downloads: Downloads) -> None:
    paths = {cache.fetch(f"http://home/a.jpg?sig={number}", MD5, 7) for number in range(3)}

    assert len(paths) == 1
    assert downloads.calls == [
        ("http://home/a.jpg?sig=0", {"size": 7, "checksum": MD5, "progress": False})
    ]


@pytest.mark.parametrize("checksum", [None, "", 7])
def test_file_without_a_checksum_is_requested_each_time(
    cache: FileCache, downloads: Downloads, checksum: Any
) -> None:
    first, second = (cache.fetch("/media/a.jpg", checksum) for _ in range(2))

    assert first == second
    assert len(downloads.calls) == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("http://home/a.jpg", None), ("http://home/b.jpg", None)),
        (("http://home/a.jpg", None), ("http://other/a.jpg", None)),
        (("http://home/a.jpg", MD5), ("http://home/a.jpg", SHA1)),
    ],
)
def test_other_files_have_other_copies(cache: FileCache, first: Any, second: Any) -> None:
    assert cache.fetch(*first).parent != cache.fetch(*second).parent


@pytest.mark.parametrize("has_links", [True, False])
def test_same_bytes_at_another_address_are_the_same_copy(
    cache: FileCache, downloads: Downloads, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    first = cache.fetch("http://home/a.jpg", MD5, 7)
    if not has_links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("no links")))

    other = cache.fetch("http://storage/b.jpg?sig=1", MD5.upper())
    assert (other.name, other.parent, other.read_bytes()) == ("b.jpg", first.parent, CONTENT)
    assert len(downloads.calls) == (1 if has_links else 2)


def test_other_servers_have_other_copies(cache: FileCache) -> None:
    server: Any = type("Server", (), {"base_url": "http://other/"})()
    other = FileCache(server)

    assert (
        cache.fetch("http://cdn/a.jpg", MD5).parent != other.fetch("http://cdn/a.jpg", MD5).parent
    )


@pytest.mark.parametrize(("size", "kept"), [(7, CONTENT[:3]), (None, b"")])
def test_damaged_copy_is_fetched_again(
    cache: FileCache, downloads: Downloads, size: Any, kept: bytes
) -> None:
    cache.fetch("http://home/a.jpg", MD5, size).write_bytes(kept)

    assert cache.fetch("http://home/a.jpg", MD5, size).read_bytes() == CONTENT
    assert len(downloads.calls) == 2


def test_copy_that_is_removed_meanwhile_is_fetched_again(
    cache: FileCache, downloads: Downloads
) -> None:
    downloads.meanwhile = lambda path: shutil.rmtree(path.parent)
    with cache.open("http://home/a.jpg", MD5, 7) as file:
        shutil.rmtree(cache_folder())
        assert file.read() == CONTENT
    assert len(downloads.calls) == 2


def test_folder_that_is_removed_each_time_is_an_error(
    cache: FileCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise FileNotFoundError("gone")

    monkeypatch.setattr(file_cache, "download", fail)
    with pytest.raises(FileNotFoundError, match="gone"):
        cache.fetch("http://home/a.jpg", MD5)


def test_wrong_bound_is_an_error_before_a_request(
    downloads: Downloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNAPSE_CACHE_SIZE", "much")
    home: Any = Home()
    with pytest.raises(ConfigurationError, match="SYNAPSE_CACHE_SIZE is 'much'"):
        FileCache(home)


def test_failed_download_leaves_nothing(cache: FileCache, downloads: Downloads) -> None:
    downloads.fails = True

    for _ in range(2):
        with pytest.raises(InvalidResponse):
            cache.fetch("http://home/a.jpg", MD5)
    assert len(downloads.calls) == 2


def test_shapes_of_fields(cache: FileCache) -> None:
    file = {"url": "http://home/a.jpg", "checksum": MD5}
    row = {
        "url": "http://home/rows/1/",
        "file": "http://home/a.jpg",
        "files": {"image": file, "mask": {**file, "url": None}, "note": "http://home/a.jpg"},
        "infos": [file],
        "none": None,
    }
    before = {**row}

    local = cache.localize(row, ["file", "files", "infos", "none", "missing"])

    assert row == before
    assert (local["url"], local["none"]) == (row["url"], None)
    assert local["files"]["mask"] == {**file, "url": None}
    paths = [
        *(local["file"], local["files"]["note"]),
        *(local["files"]["image"]["path"], local["infos"][0]["path"]),
    ]
    assert [path.read_bytes() for path in paths] == [CONTENT] * 4
    assert local["infos"][0]["url"] == file["url"]


def test_rows_keep_their_order(cache: FileCache) -> None:
    rows = [{"id": key, "file": f"http://home/{key}.jpg"} for key in range(30)]

    local = list(cache.localize_all(rows, ["file"]))

    assert [(row["id"], row["file"].name) for row in local] == [
        (key, f"{key}.jpg") for key in range(30)
    ]
