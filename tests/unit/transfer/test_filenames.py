"""Safe names for files from elsewhere."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.transfer.filenames import safe_name, safe_path

DEVICES = ["CON", "PRN", "AUX", "NUL", "COM1", "LPT9", "CONIN$", "COM¹"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cat.png", "cat.png"),
        ("Straße 写真 ☃.png", "Straße 写真 ☃.png"),
        (".hidden", ".hidden"),
        ("a.b.tar.gz", "a.b.tar.gz"),
        # Folders.
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("C:\\Windows\\system.ini", "system.ini"),
        ("\\\\host\\share\\a", "a"),
        ("a/", "a"),
        ("a/..", "a"),
        ("a/. /", "a"),
        # Nothing is left.
        ("", "file"),
        (".", "file"),
        ("..", "file"),
        ("...", "file"),
        ("/", "file"),
        ("\\", "file"),
        (" ", "file"),
        ("C:", "file"),
        # Characters that some system forbids or ignores.
        ("C:evil", "evil"),
        ("a:stream", "stream"),
        ("photo:stream.txt", "photo_stream.txt"),
        ('a<b>c"d|e?f*g', "a_b_c_d_e_f_g"),
        ("a\x00b\nc\x7fd\x85e", "a_b_c_d_e"),
        ("a.txt. . ", "a.txt"),
        ("  a", "a"),
        ("gpj.\u202egnp", "gpj._gnp"),
        ("half\ud800pair", "half_pair"),
        # Composed and decomposed letters.
        ("e\u0301", "\u00e9"),
        # Devices.
        ("con", "_con"),
        ("NUL.txt", "_NUL.txt"),
        ("com1.tar.gz", "_com1.tar.gz"),
        ("nul .txt", "_nul .txt"),
        ("console", "console"),
        ("com10", "com10"),
    ],
)
def test_safe_name(name: str, expected: str) -> None:
    assert safe_name(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x" * 300 + ".png", "x" * 251 + ".png"),
        ("é" * 200 + ".png", "é" * 125 + ".png"),
        ("x" * 300, "x" * 255),
        ("x." + "y" * 300, "x." + "y" * 253),
        ("x" * 250 + " " * 50 + ".png", "x" * 250 + ".png"),
    ],
)
def test_too_long(name: str, expected: str) -> None:
    assert safe_name(name) == expected


def test_own_length_and_default() -> None:
    assert safe_name("abcdef.png", longest=8) == "abcd.png"
    assert safe_name("..", default="unnamed") == "unnamed"


@given(
    st.text(
        st.one_of(
            st.characters(),
            st.sampled_from('./\\: \t\r\n\x00CONconULnul1"*?<>|\ud800'),
        ),
        max_size=400,
    )
)
def test_whatever_it_is(name: str) -> None:
    safe = safe_name(name)
    assert safe
    assert safe not in {".", ".."}
    assert not set(safe) & set('/\\:*?"<>|\x00\n\r\t')
    assert len(safe.encode()) <= 255
    assert safe[-1] not in ". "
    assert PureWindowsPath(safe).name == safe
    assert PureWindowsPath(safe).drive == ""
    assert safe.partition(".")[0].strip(" ").upper() not in DEVICES
    assert safe_name(safe) == safe


@given(st.text(max_size=50))
def test_inside(name: str) -> None:
    folder = Path("/data/out")
    path = safe_path(folder, name)
    assert path.parent == folder
    assert path.resolve().parent == folder
