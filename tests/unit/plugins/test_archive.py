"""Unpacking a zip that comes from elsewhere."""

from __future__ import annotations

import contextlib
import io
import random
import stat
import struct
import warnings
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.errors import BadArchive
from synapse.plugins.archive import (
    ArchiveLimits,
    extract,
    find_name_problems,
    list_safe_entries,
    open_zip,
)


def special(name: str, kind: int) -> zipfile.ZipInfo:
    """Return a zip entry with the mode of a link, a device or the like."""
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (kind | 0o777) << 16
    return info


def zipped(*entries: tuple[str | zipfile.ZipInfo, str | bytes]) -> io.BytesIO:
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a repeated name
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in entries:
                archive.writestr(name, content)
    return stream


def good() -> bytes:
    script = special("run.sh", stat.S_IFREG)
    return zipped(
        ("plugin/train.py", "print()\n" * 100), ("empty/", ""), ("ünï/ß.txt", "x"), (script, "#!")
    ).getvalue()


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_a_good_zip(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder"

    extract(io.BytesIO(good()), target)

    assert files_in(target) == [
        "empty",
        "plugin",
        "plugin/train.py",
        "run.sh",
        "ünï",
        "ünï/ß.txt",
    ]
    assert (target / "plugin" / "train.py").read_text() == "print()\n" * 100
    assert (target / "plugin" / "train.py").stat().st_mode & 0o777 == 0o644
    assert (target / "run.sh").stat().st_mode & 0o777 == 0o755
    assert list(target.parent.iterdir()) == [target]


def test_into_an_empty_folder_from_a_path(tmp_path: Path) -> None:
    (tmp_path / "r.zip").write_bytes(good())
    (tmp_path / "folder").mkdir()

    extract(tmp_path / "r.zip", tmp_path / "folder")

    assert (tmp_path / "folder" / "run.sh").exists()


def test_never_over_something(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")

    with pytest.raises(FileExistsError):
        extract(io.BytesIO(good()), tmp_path)
    assert files_in(tmp_path) == ["mine"]


BAD = {
    "up": [("../evil", "x")],
    "up inside": [("a/../../evil", "x")],
    "absolute": [("/evil", "x")],
    "drive": [("C:evil", "x")],
    "drive and slash": [("c:/evil", "x")],
    "backslash": [("..\\evil", "x")],
    "dot": [("./evil", "x")],
    "double slash": [("a//evil", "x")],
    "line end": [("a\nb", "x")],
    "long part": [("x" * 256, "x")],
    "deep": [("/".join(["x"] * 101), "x")],
    "link": [(special("link", stat.S_IFLNK), "/etc/passwd")],
    "device": [(special("device", stat.S_IFCHR), "")],
    "pipe": [(special("pipe", stat.S_IFIFO), "")],
    "socket": [(special("socket", stat.S_IFSOCK), "")],
    "folder as file": [(special("a", stat.S_IFDIR), "x")],
    "twice": [("a", "1"), ("a", "2")],
    "case": [("Train.py", "1"), ("train.py", "2")],
    "case of folders": [("A/x", "1"), ("a/y", "2")],
    "unicode": [("\u00e9", "1"), ("e\u0301", "2")],
    "file and folder": [("a", "1"), ("a/b", "2")],
    "folder and file": [("a/b", "1"), ("a", "2")],
}


@pytest.mark.parametrize("entries", BAD.values(), ids=BAD.keys())
def test_what_is_unsafe_is_refused_and_leaves_nothing(
    tmp_path: Path, entries: list[tuple[str | zipfile.ZipInfo, str]]
) -> None:
    with pytest.raises(BadArchive):
        extract(zipped(("fine.txt", "x"), *entries), tmp_path / "deep" / "folder")
    assert not (tmp_path / "deep").exists()


def test_the_message_names_the_entry(tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match=r"'\.\./evil' in the zip leads out of the folder"):
        extract(zipped(("../evil", "x")), tmp_path / "new")


def test_a_link_is_called_one(tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match="'link' in the zip is a symbolic link"):
        extract(zipped((special("link", stat.S_IFLNK), "/etc/passwd")), tmp_path / "new")


def test_what_is_broken_half_way_leaves_nothing(tmp_path: Path) -> None:
    content = zipped(("first", "1"), ("second", "x" * 100)).getvalue()
    at = content.index(b"second") + len(b"second")
    broken = content[:at] + b"\xff\xff" + content[at + 2 :]

    with pytest.raises(BadArchive, match="'second' in the zip is broken"):
        extract(io.BytesIO(broken), tmp_path / "new")
    assert files_in(tmp_path) == []


def test_a_nul_in_a_name(tmp_path: Path) -> None:
    content = zipped(("evilXtxt", "x")).getvalue().replace(b"evilXtxt", b"evil\x00txt")

    with pytest.raises(BadArchive, match="control character"):
        extract(io.BytesIO(content), tmp_path / "new")


def test_an_encrypted_entry(tmp_path: Path) -> None:
    content = bytearray(zipped(("secret", "x")).getvalue())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    content[6] |= 1

    with pytest.raises(BadArchive, match="'secret' needs a password"):
        extract(io.BytesIO(bytes(content)), tmp_path / "new")


def test_bombs(tmp_path: Path) -> None:
    zeros = zipped(("zeros", bytes(2 << 20)))
    many = zipped(*((f"f{n}", "") for n in range(20)))

    extract(zeros, tmp_path / "free")
    with pytest.raises(BadArchive, match="times as large as the zip; at most 100 times"):
        extract(zeros, tmp_path / "new", limits=ArchiveLimits(free=1))
    with pytest.raises(BadArchive, match="MiB, more than 1 MiB"):
        extract(zeros, tmp_path / "new", limits=ArchiveLimits(size=1))
    with pytest.raises(BadArchive, match="20 entries, more than 19"):
        extract(many, tmp_path / "new", limits=ArchiveLimits(entries=19))


def test_a_bomb_that_lies_about_its_size(tmp_path: Path) -> None:
    content = bytearray(zipped(("zeros", bytes(2 << 20))).getvalue())
    size = (2 << 20).to_bytes(4, "little")
    for _ in range(content.count(size)):
        at = content.index(size)
        content[at : at + 4] = (100).to_bytes(4, "little")

    with pytest.raises(BadArchive, match="broken"):
        extract(io.BytesIO(bytes(content)), tmp_path / "new")


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    content = good()

    for size in range(len(content)):
        with pytest.raises(BadArchive):
            extract(io.BytesIO(content[:size]), tmp_path / "new")
    assert files_in(tmp_path) == []


def test_a_changed_byte_never_escapes(tmp_path: Path) -> None:
    """A zip with one changed byte is unpacked below the folder, or refused."""
    content, chance = good(), random.Random(7)
    for number in range(400):
        changed = bytearray(content)
        changed[chance.randrange(len(content))] = chance.randrange(256)
        with contextlib.suppress(BadArchive):
            extract(io.BytesIO(bytes(changed)), tmp_path / "all" / str(number))
    assert [path.name for path in tmp_path.iterdir()] == ["all"]
    assert [path for path in (tmp_path / "all").iterdir() if not path.name.isdigit()] == []
    assert not [path for path in tmp_path.rglob("*") if path.is_symlink()]


def test_a_path_that_cannot_be_read_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        extract(tmp_path / "none.zip", tmp_path / "new")


def overlapping(way: str) -> bytes:
    """Return a zip whose entries share the packed bytes of one."""
    kernel = zlib.compress(bytes(1 << 20), 9)[2:-4]
    crc = zlib.crc32(bytes(1 << 20))

    def local(name: bytes, packed: int, extra: int = 0) -> bytes:
        sizes = (crc, packed, 1 << 20, len(name), extra)
        return struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 33, *sizes) + name

    def listed(name: bytes, offset: int, packed: int) -> bytes:
        sizes = (crc, packed, 1 << 20, len(name), 0, 0, 0, 0, 0, offset)
        return struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 8, 0, 33, *sizes) + name

    names = [b"f%d" % number for number in range(20)]
    content, offsets, packed = b"", [0] * len(names), len(kernel)
    if way == "one for all":  # every row of the list leads to one header
        content = local(names[0], packed) + kernel
    elif way == "quoted":  # each header is stored text of the entry before
        content = kernel
        for index, name in reversed(list(enumerate(names))):
            header = local(name, len(content)) if index == len(names) - 1 else b""
            if not header:
                quote = b"\x00" + struct.pack("<HH", len(content) & 0xFFFF, ~len(content) & 0xFFFF)
                header = local(name, len(content) + len(quote)) + quote
            content = header + content
            offsets = [
                0 if n == index else offset + len(header) for n, offset in enumerate(offsets)
            ]
    elif way == "in extra fields":  # each header is in the extra field of the entry before
        content = kernel
        for index, name in reversed(list(enumerate(names))):
            inside = len(content) - packed
            quote = struct.pack("<HH", 0x9999, inside)
            header = local(name, packed, len(quote) + inside if inside else 0)
            header += quote if inside else b""
            content = header + content
            offsets = [
                0 if n == index else offset + len(header) for n, offset in enumerate(offsets)
            ]
    elif way == "extra field into the list":
        names, content = names[:1], local(names[0], packed, extra=9) + kernel
    else:  # the bytes reach into the list
        names, content = names[:1], local(names[0], packed + 40) + kernel
        packed += 40
    rows = b"".join(listed(name, at, packed) for name, at in zip(names, offsets, strict=False))
    end = (len(names), len(names), len(rows), len(content), 0)
    return content + rows + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, *end)


@pytest.mark.parametrize(
    "way",
    ["one for all", "quoted", "in extra fields", "into the list", "extra field into the list"],
)
def test_overlapping_entries_are_refused(tmp_path: Path, way: str) -> None:
    content = overlapping(way)
    assert len(content) < 6000

    with pytest.raises(BadArchive, match=r"'f0' and .* in the zip overlap\. Pack the zip again\."):
        extract(io.BytesIO(content), tmp_path / "new")
    assert files_in(tmp_path) == []


@given(st.lists(st.binary(max_size=300), max_size=8), st.booleans(), st.binary(max_size=20))
def test_any_zip_of_the_library_has_no_overlaps(
    contents: list[bytes], is_streamed: bool, prefix: bytes
) -> None:
    stream = io.BytesIO(prefix)
    stream.seek(len(prefix))
    if is_streamed:  # the sizes come after the bytes
        stream.seekable = lambda: False  # type: ignore[method-assign] # as a pipe
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"f{number}", content)
    stream = io.BytesIO(stream.getvalue())
    with open_zip(stream) as archive:
        assert [info.file_size for info in list_safe_entries(archive)] == [*map(len, contents)]


def test_names_of_any_length_are_refused() -> None:
    long = "/".join("x" * 200 for _ in range(10))
    names = [(f"{number}/{long}", "") for number in range(2000)]
    archive = zipfile.ZipFile(zipped(*names))
    with archive, pytest.raises(BadArchive, match="more than 4,000,000 characters"):
        list_safe_entries(archive)


def test_every_bad_name_has_a_reason() -> None:
    names = ["a.txt", "A.txt", "../b", "c\\d", "ok/e", "ok"]

    reasons = list(find_name_problems([(name, False) for name in names]))

    expected = ("in case only", "leads out", "a backslash", "being a file and a folder")
    assert len(reasons) == len(expected)
    assert all(word in reason for word, reason in zip(expected, reasons, strict=True))
