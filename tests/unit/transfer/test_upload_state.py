"""State of uploads: folder, values, lock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from synapse.transfer.checksum import Checksums
from synapse.transfer.local_file import LocalFile
from synapse.transfer.upload_state import UploadState, state_folder
from synapse.transport import Transport


@pytest.mark.skipif(os.name == "nt", reason="it has its own place")
def test_of_a_user_without_a_home_is_not_in_the_current_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    # expanduser() returns the path where neither HOME nor an account exists.
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)

    assert state_folder().is_absolute()


def test_is_where_the_variable_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder() == tmp_path / "synapse" / "uploads"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalFile]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    with LocalFile(path) as opened:
        yield opened


def test_values_survive_until_they_are_cleared(transport: Transport, file: LocalFile) -> None:
    with UploadState(transport, file) as state:
        assert (state.upload_id, state.may_have_created) == (None, False)
        assert state.checksums_with("md5") is None
        state.save(upload="7", checksum="aa", sha1="bb")
        state.save(step="binding")

    with UploadState(transport, file) as state:
        assert (state.upload_id, state.may_have_created) == ("7", True)
        assert state.checksums_with("md5") == Checksums("aa", "bb")
        state.clear()

    assert not list(state_folder().glob("*.json"))


def test_one_checksum_may_be_unknown(transport: Transport, file: LocalFile) -> None:
    with UploadState(transport, file) as state:
        state.save(checksum="", sha1="bb")
        assert state.checksums_with("md5") is None
        assert state.checksums_with("sha1") == Checksums("", "bb")
        state.save(checksum="aa", sha1="")
        assert state.checksums_with("md5") == Checksums("aa", "")
        assert state.checksums_with("sha1") is None


def test_second_upload_of_a_file_has_no_state(transport: Transport, file: LocalFile) -> None:
    with UploadState(transport, file) as first:
        first.save(upload="7")
        with UploadState(transport, file) as second:
            assert second.upload_id is None
            second.save(upload="8")

    with UploadState(transport, file) as state:
        assert state.upload_id == "7"


def test_state_that_is_not_stored(transport: Transport, file: LocalFile) -> None:
    with UploadState(transport, file, is_stored=False) as state:
        state.save(upload="7")
        assert state.upload_id == "7"

    assert not state_folder().exists()


TARGET = {"file_key": "k", "multipart": {"upload_id": "u", "part_size": 1, "parts": []}}


def test_parts_survive(transport: Transport, file: LocalFile) -> None:
    with UploadState(transport, file) as state:
        state.begin_parts(TARGET, keeps_parts=False)
        state.add_part(1, '"a"')
        state.add_part(2, '"b"')

    with UploadState(transport, file) as state:
        assert (state.target, state.etags) == (TARGET, {1: '"a"', 2: '"b"'})
        state.save(step="binding")
        state.add_part(3, '"c"')

    with UploadState(transport, file) as state:
        assert (state.may_have_created, [*state.etags]) == (True, [1, 2, 3])
        state.begin_parts(TARGET, keeps_parts=False)

    with UploadState(transport, file) as state:
        assert state.etags == {}


def test_line_that_was_cut_off(transport: Transport, file: LocalFile) -> None:
    with UploadState(transport, file) as state:
        state.begin_parts(TARGET, keeps_parts=False)
        state.add_part(1, '"a"')
        state.add_part(2, '"b"')
    (path,) = state_folder().iterdir()
    path.write_bytes(path.read_bytes()[:-4])

    with UploadState(transport, file) as state:
        assert state.etags == {1: '"a"'}
        state.begin_parts(TARGET, keeps_parts=True)
        state.add_part(2, '"c"')

    with UploadState(transport, file) as state:
        assert state.etags == {1: '"a"', 2: '"c"'}


def test_values_of_a_cleared_state_do_not_come_back(transport: Transport, file: LocalFile) -> None:
    with UploadState(transport, file) as state:
        state.begin_parts(TARGET, keeps_parts=False)
        state.add_part(1, '"a"')
        state.clear()
        state.save(upload="7")

    with UploadState(transport, file) as state:
        assert (state.target, state.etags, state.upload_id) == (None, {}, "7")
