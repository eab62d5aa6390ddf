"""Uploading files, and asking for checksums."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synapse.errors import InvalidResponse

from .conftest import ScriptedSession

MD5 = "5d41402abc4b2a76b9719d911017c592"


def test_an_upload_is_one_request(scripted: ScriptedSession, tmp_path: Path) -> None:
    path = tmp_path / "hello.txt"
    path.write_text("hello")
    scripted.reply({"count": 0, "next": None, "previous": None, "results": []})
    scripted.reply({"id": 6, "checksum": MD5, "size": 5, "meta": {}}, status=201)

    file = scripted.session.data_files.upload(path, progress=False)

    assert (file.id, file.checksum, file.size) == (6, MD5, 5)
    assert scripted.requests == [
        ("GET", "/storages/?category=internal"),  # the first one of a session asks
        ("POST", "/data_files/"),
    ]


@pytest.mark.parametrize("response", [[MD5], {"checksums": [MD5]}])
def test_known_checksums(scripted: ScriptedSession, response: Any) -> None:
    scripted.reply(response)

    assert scripted.session.data_files.verify_checksums([MD5, "0" * 32]) == {MD5}
    assert scripted.body == {"checksums": [MD5, "0" * 32]}


@pytest.mark.parametrize("response", [{}, [1], None])
def test_a_malformed_response(scripted: ScriptedSession, response: Any) -> None:
    scripted.reply(response)

    with pytest.raises(InvalidResponse, match="data files: the response has no checksums"):
        scripted.session.data_files.verify_checksums([MD5])
