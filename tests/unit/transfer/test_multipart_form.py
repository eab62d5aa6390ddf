"""Forms with several files: the body, its length, and its second reading."""

from __future__ import annotations

import io
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from synapse.errors import SynapseError, UsageError
from synapse.transfer.multipart_form import MultipartForm, encode_form_value


def read_form(form: MultipartForm) -> list[tuple[str, str | None, bytes]]:
    """Return name, file name and content of each part, as a server reads them."""
    content = b"".join(form)
    assert len(content) == len(form) == int(form.headers["Content-Length"])
    message = message_from_bytes(f"Content-Type: {form.content_type}\r\n\r\n".encode() + content)
    header = "content-disposition"
    return [
        (
            str(part.get_param("name", header=header)),
            part.get_filename(),
            part.get_payload(decode=True),
        )
        for part in message.get_payload()
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "a.txt"
    file.write_bytes(b"content")
    return file


def test_fields_and_files(path: Path) -> None:
    fields = {"name": "n", "none": None, "flag": True, "data": {"a": [1]}, "number": 7}

    with path.open("rb") as opened:
        opened.read(3)
        files = {
            "path": path,
            "text": str(path),
            "open": opened,
            "bytes": b"raw",
            "named": ("b.bin", io.BytesIO(b"pair")),
            "typed": ("c.bin", b"three", "text/plain"),
        }
        with MultipartForm(files, fields) as form:
            first, second = read_form(form), read_form(form)

    assert first == second
    assert first == [
        *(("name", None, b"n"), ("flag", None, b"true"), ("data", None, b'{"a":[1]}')),
        *(("number", None, b"7"), ("path", "a.txt", b"content"), ("text", "a.txt", b"content")),
        *(("open", "a.txt", b"tent"), ("bytes", "bytes", b"raw"), ("named", "b.bin", b"pair")),
        ("typed", "c.bin", b"three"),
    ]


def test_file_that_changes_is_not_completed(path: Path) -> None:
    with MultipartForm({"file": path}) as form:
        path.write_bytes(b"content, and more")

        with pytest.raises(SynapseError, match="changed while it was sent"):
            list(form)


@pytest.mark.parametrize("value", [7, "missing.txt", io.BytesIO(b"no name")])
def test_file_that_cannot_be_sent(path: Path, value: Any) -> None:
    with pytest.raises(UsageError):
        MultipartForm({"good": path, "file": value})


@pytest.mark.parametrize(
    ("value", "text"), [("a", "a"), (1.5, "1.5"), (False, "false"), ([1], "[1]"), ({}, "{}")]
)
def test_value_of_a_field(value: Any, text: str) -> None:
    assert encode_form_value(value) == text
