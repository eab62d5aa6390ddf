"""Local copies of files: where, complete or absent, and how often they are requested."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from synapse.errors import InvalidResponse
from synapse.transfer import file_cache
from synapse.transfer.file_cache import FileCache, cache_folder

CONTENT = b"content"
MD5 = hashlib.md5(CONTENT).hexdigest()
SHA1 = hashlib.sha1(CONTENT).hexdigest()


class Downloads:
    """Writes the content instead of requesting it, and records the calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.fails = False

    def __call__(self, transport: Any, url: str, path: Path, **keywords: Any) -> Path:
        self.calls.append((url, keywords))
        if self.fails:
            raise InvalidResponse(200, "the bytes differ")
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
    assert [folder.stat().st_mode & 0o077 for folder in (path.parent, path.parent.parent)] == [0, 0]


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
        (("http://home/a.jpg", MD5), ("http://home/b.jpg", MD5)),
        (("http://home/a.jpg", MD5), ("http://other/a.jpg", MD5)),
        (("http://home/a.jpg", MD5), ("http://home/a.jpg", SHA1)),
    ],
)
def test_other_files_have_other_copies(cache: FileCache, first: Any, second: Any) -> None:
    assert cache.fetch(*first).parent != cache.fetch(*second).parent


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
