"""The multipart body, read back by an independent parser."""

from __future__ import annotations

import email.policy
import io
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.errors import SynapseError
from synapse.transfer import multipart
from synapse.transfer.local_file import LocalFile
from synapse.transfer.multipart import MultipartFile


def parse(body: bytes, content_type: str) -> list[EmailMessage]:
    head = f"Content-Type: {content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = BytesParser(EmailMessage, policy=email.policy.HTTP).parsebytes(head + body)
    assert not message.defects
    parts = [part for part in message.iter_parts() if isinstance(part, EmailMessage)]
    assert not [defect for part in parts for defect in part.defects]
    return parts


def make(content: bytes, *, filename: str = "a.bin", **options: Any) -> MultipartFile:
    return MultipartFile(LocalFile(io.BytesIO(content), name=filename), **options)


def disposition(part: EmailMessage) -> dict[str, str]:
    return dict(part["Content-Disposition"].params)


def test_file_alone() -> None:
    body = make(b"\x00\r\n\xff--", filename="photo.png")
    (part,) = parse(b"".join(body), body.content_type)
    assert part.get_payload(decode=True) == b"\x00\r\n\xff--"
    assert part.get_content_disposition() == "form-data"
    assert disposition(part) == {"name": "file", "filename": "photo.png"}
    assert part.get_content_type() == "application/octet-stream"


def test_fields_come_before_the_file() -> None:
    body = make(b"abc", fields={"filename": "ü.png", "plugin": "7"})
    parts = parse(b"".join(body), body.content_type)
    assert [disposition(part)["name"] for part in parts] == ["filename", "plugin", "file"]
    assert [part.get_payload(decode=True) for part in parts] == ["ü.png".encode(), b"7", b"abc"]
    assert [part["Content-Type"] for part in parts[:2]] == [None, None]
    assert "filename" not in disposition(parts[0])


def test_headers() -> None:
    body = make(b"abc")
    assert body.headers == {
        "Content-Type": body.content_type,
        "Content-Length": str(len(b"".join(body))),
    }


def test_each_has_a_boundary_of_its_own() -> None:
    assert make(b"").content_type != make(b"").content_type


@pytest.mark.parametrize(
    ("filename", "shown"),
    [
        ("Straße.png", "Straße.png"),
        ("写真 1.png", "写真 1.png"),
        ("a;b=c.png", "a;b=c.png"),
        ('"quoted".png', "%22quoted%22.png"),
        ("two\r\nlines.png", "two%0D%0Alines.png"),
        ('x"\r\nX-Evil: 1\r\n\r\n.png', "x%22%0D%0AX-Evil: 1%0D%0A%0D%0A.png"),
    ],
)
def test_filename(filename: str, shown: str) -> None:
    body = make(b"abc", filename=filename)
    raw = b"".join(body)
    head = raw.partition(b"\r\n\r\n")[0].decode()
    assert head.splitlines()[1:] == [
        f'Content-Disposition: form-data; name="file"; filename="{shown}"',
        "Content-Type: application/octet-stream",
    ]
    (part,) = parse(raw, body.content_type)
    assert part.get_payload(decode=True) == b"abc"


@given(
    content=st.binary(max_size=200),
    filename=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    value=st.text(st.characters(exclude_categories=["Cs"])),
    block=st.integers(1, 50),
    in_one_piece=st.booleans(),
)
def test_anything_arrives(
    content: bytes, filename: str, value: str, block: int, in_one_piece: bool
) -> None:
    body = make(content, filename=filename, fields={"field": value})
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(multipart, "BLOCK_SIZE", block)
        patched.setattr(multipart, "_SINGLE_WRITE_LIMIT", 10_000 if in_one_piece else 0)
        pieces = list(body)
        raw = b"".join(pieces)
    assert (len(pieces) == 1) is in_one_piece
    assert len(body) == len(raw)
    boundary = body.content_type.partition("boundary=")[2].encode()
    first, second, end = raw.split(b"--" + boundary)[1:]
    assert first.partition(b"\r\n\r\n")[2] == value.encode() + b"\r\n"
    assert second.partition(b"\r\n\r\n")[2] == content + b"\r\n"
    assert end == b"--\r\n"
    assert second.partition(b"\r\n\r\n")[0].count(b"\r\n") == 2


def test_begins_at_the_current_position() -> None:
    file = io.BytesIO(b"skipped:sent")
    file.seek(8)
    body = MultipartFile(LocalFile(file, name="a"))
    (part,) = parse(b"".join(body), body.content_type)
    assert part.get_payload(decode=True) == b"sent"


def test_a_part_of_a_file() -> None:
    body = make(b"0123456789", start=2, size=3)
    (part,) = parse(b"".join(body), body.content_type)
    assert part.get_payload(decode=True) == b"234"


def test_can_be_sent_again() -> None:
    body = make(b"0123456789", start=2, size=3)
    assert b"".join(body) == b"".join(body)


@pytest.fixture
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small bodies are sent in blocks, as large ones are."""
    monkeypatch.setattr(multipart, "_SINGLE_WRITE_LIMIT", 0)
    monkeypatch.setattr(multipart, "BLOCK_SIZE", 4)


def test_a_small_file_is_one_piece_which_is_told_of_too() -> None:
    told: list[Any] = []
    body = make(
        b"0123456789", start=1, on_block=lambda *read: told.append(read), on_sent=told.append
    )
    pieces = iter(body)
    assert len(next(pieces)) == len(body)
    assert told == [(1, b"123456789")]
    assert list(pieces) == []
    assert told == [(1, b"123456789"), 10]


def test_a_file_that_gives_less_than_it_is_asked_for_is_read_on() -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 2))

    body = MultipartFile(LocalFile(Slow(b"0123456789"), name="a"))
    (part,) = parse(b"".join(body), body.content_type)
    assert part.get_payload(decode=True) == b"0123456789"


@pytest.mark.usefixtures("in_pieces")
def test_tells_what_it_reads_and_what_was_sent() -> None:
    told: list[Any] = []
    body = make(
        b"0123456789", start=1, on_block=lambda *read: told.append(read), on_sent=told.append
    )
    pieces = iter(body)
    next(pieces)
    assert told == []
    next(pieces)
    assert told == [(1, b"1234")]
    list(pieces)
    assert told == [(1, b"1234"), 5, (5, b"5678"), 9, (9, b"9"), 10]


@pytest.mark.usefixtures("in_pieces")
def test_is_read_in_blocks() -> None:
    head, *blocks, tail = make(b"0123456789")
    assert blocks == [b"0123", b"4567", b"89"]
    assert head.endswith(b"\r\n\r\n")
    assert tail.endswith(b"--\r\n")


def test_a_file_that_becomes_shorter() -> None:
    file = io.BytesIO(b"abcde")
    body = MultipartFile(LocalFile(file, name="a"))
    file.truncate(3)
    with pytest.raises(SynapseError, match="shorter while it was sent: 2 of 5 bytes are missing"):
        b"".join(body)


def test_a_small_file_that_grows_is_not_sent() -> None:
    file = io.BytesIO(b"abc")
    body = MultipartFile(LocalFile(file, name="a"))
    file.seek(0, 2)
    file.write(b"def")
    with pytest.raises(SynapseError, match="a changed while it was sent"):
        next(iter(body))


@pytest.mark.usefixtures("in_pieces")
def test_a_file_that_grows_is_not_sent_to_its_end() -> None:
    file = io.BytesIO(b"abc")
    body = MultipartFile(LocalFile(file, name="a"))
    file.seek(0, 2)
    file.write(b"def")
    pieces = iter(body)
    assert next(pieces).endswith(b"\r\n\r\n")
    assert next(pieces) == b"abc"
    with pytest.raises(SynapseError, match="a changed while it was sent"):
        next(pieces)
