"""Files of data units, which give their bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from synapse.errors import InvalidResponse, UsageError
from synapse.resources.data_units import DataUnit
from synapse.resources.unit_files import UnitFile

from .conftest import ScriptedSession

MD5 = hashlib.md5(b"hello", usedforsecurity=False).hexdigest()


@pytest.fixture
def file(scripted: ScriptedSession) -> UnitFile:
    """A file of a unit."""
    url = f"{scripted.url}media/hello.txt?signature=s3cret"
    row = {"id": 1, "files": {"text": {"url": url, "checksum": MD5, "size": 5, "path": "a.txt"}}}
    return scripted.session.identity.load(DataUnit, [row])[0].files["text"]


def test_reading(scripted: ScriptedSession, file: UnitFile) -> None:
    scripted.reply(b"hello")

    assert file.read() == b"hello"


def test_other_bytes_are_refused(scripted: ScriptedSession, file: UnitFile) -> None:
    scripted.reply(b"HELLO")

    with pytest.raises(InvalidResponse):
        file.read()


def test_downloading_into_a_folder(
    scripted: ScriptedSession, file: UnitFile, tmp_path: Path
) -> None:
    scripted.reply(b"hello")

    path = file.download(tmp_path, progress=False)

    assert (path.name, path.read_bytes()) == ("a.txt", b"hello")


def test_the_signature_is_not_shown(file: UnitFile) -> None:
    assert "s3cret" not in repr(file)


def test_a_file_without_a_url() -> None:
    with pytest.raises(UsageError, match="has no URL"):
        UnitFile(checksum=MD5).read()
