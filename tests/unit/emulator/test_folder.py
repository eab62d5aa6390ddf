import stat
from pathlib import Path

import pytest

from synapse.emulator.errors import EmulatorError
from synapse.emulator.folder import DataFolder


def test_the_credentials_are_made_once_and_for_the_owner(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.prepare()

    credentials = folder.credentials()

    assert DataFolder(tmp_path / "data").credentials() == credentials
    path = folder.path / "credentials.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [item.name for item in folder.path.glob(".*")] == []


@pytest.mark.parametrize("content", ["", "[]", '{"tenant": "default"}'])
def test_unreadable_credentials_name_the_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "credentials.json"
    path.write_text(content)

    with pytest.raises(EmulatorError, match=r"credentials\.json cannot be read\. Remove the file"):
        DataFolder(tmp_path).credentials()


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()

    with pytest.raises(EmulatorError, match="is not a folder"):
        DataFolder(path).prepare()


def test_a_folder_has_one_server(tmp_path: Path) -> None:
    second = DataFolder(tmp_path).server_lock()
    with (
        DataFolder(tmp_path).server_lock(),
        pytest.raises(EmulatorError, match="in use by another local backend"),
    ):
        second.__enter__()

    with DataFolder(tmp_path).server_lock():
        pass
