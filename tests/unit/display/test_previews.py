"""Which file is shown, and what is kept in the cache."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from synapse import UnitFile
from synapse.display import previews
from synapse.display.drawing import Embedded
from synapse.display.previews import Preview, choose_files, find_kind, make_preview
from synapse.errors import ConnectionFailed, InvalidResponse, NotFound

MD5 = "9a0364b9e99bb480dd25e1f0284c8555"


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ({"file_type": "image", "path": "a.bin"}, "image"),
        ({"file_type": "data", "path": "a.JPG"}, "image"),
        ({"file_type": "data", "path": "a.bin"}, ""),
        ({"url": "http://s.example/a.mp4?sig=x.wav"}, "video"),
        ({}, "text"),
        (UnitFile(path="a.wav"), "audio"),
        (UnitFile(file_type="pcd"), "pcd"),
    ],
)
def test_kind_is_the_declared_one_or_that_of_the_name(file: Any, kind: str) -> None:
    assert find_kind("notes.txt", file) == kind


def test_primary_file_is_first_then_pictures() -> None:
    files = {
        "notes": {"path": "a.txt"},
        "front": {"path": "b.png"},
        "other": {"path": "c.bin"},
        "main": {"path": "d.wav", "is_primary": True},
    }

    assert [name for name, _ in choose_files(files)] == ["main", "front", "notes"]
    files["main"] = {"path": "d.wav", "extra": {"is_primary": True}}
    assert choose_files(files)[0][0] == "main"
    assert choose_files(None) == choose_files([]) == choose_files({"a": "b"}) == []


class Cache:
    """A cache in a folder, whose files are written by the test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.calls = 0
        self.error: Exception | None = None

    def locate(self, url: str, checksum: Any) -> Path:
        return self.path

    def fetch(self, url: str, checksum: Any, size: Any) -> Path:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return self.path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    cache = Cache(tmp_path / "a.png")
    monkeypatch.setattr(previews, "FileCache", lambda _: cache)
    monkeypatch.setattr(
        previews, "_draw", lambda *_: Preview(picture=Embedded(b"p", "image/png"), size=(4, 3))
    )
    return cache


def preview_of(**file: Any) -> Preview:
    transport: Any = None
    return make_preview(
        transport, "image", {"url": "http://s.example/a.png", "size": 7, **file}, 100, 9_000
    )


def test_preview_is_kept_by_checksum(cache: Cache) -> None:
    first, second = preview_of(checksum=MD5), preview_of(checksum=MD5)

    assert first == second == Preview("a.png", Embedded(b"p", "image/png"), (4, 3))
    assert cache.calls == 1
    for file in cache.path.parent.iterdir():
        file.write_text("{damaged")
    assert preview_of(checksum=MD5) == first
    assert cache.calls == 2


def test_file_without_a_checksum_is_fetched_each_time(cache: Cache) -> None:
    preview_of()
    preview_of(checksum="")

    assert cache.calls == 2


@pytest.mark.parametrize(
    ("error", "note"),
    [
        (NotFound(404, "gone"), "The file is gone (HTTP 404)."),
        (ConnectionFailed(503, "down"), "The file can't be fetched (no response)."),
        (InvalidResponse(200, "other bytes"), "The file can't be fetched (HTTP 200)."),
        (OSError("disk full"), "The file can't be fetched: disk full"),
    ],
)
def test_fault_is_a_note(cache: Cache, error: Exception, note: str) -> None:
    cache.error = error

    assert preview_of() == Preview("a.png", note=note)


def test_files_that_are_not_fetched(cache: Cache) -> None:
    assert preview_of(size=100_000_000).note == "Too large for a preview: 100 MB."
    assert preview_of(url=None, path="a.png").note == "The server sent no URL for the file."
    assert cache.calls == 0


def test_file_of_unknown_size_is_read_up_to_a_bound(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "open_stream", lambda *_: io.BytesIO(b"abc"))

    assert preview_of(size=None).size == (4, 3)
    assert [path.name for path in cache.path.parent.iterdir()] == [".preview-image-100-9000.json"]
    monkeypatch.setattr(previews, "_MOST_BYTES", 2)
    assert preview_of(size=None).note.startswith("Too large for a preview: more than")
    assert cache.calls == 0


def test_full_disk_keeps_no_preview(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_text", fail)

    assert preview_of(checksum=MD5).size == (4, 3)
