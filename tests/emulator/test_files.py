"""Content on disk."""

from .client import md5


def test_content_is_stored_once_for_each_tenant(api, other, emulator):
    first, second = api.file(b"same"), api.file(b"same", "b.png")
    assert first["id"] != second["id"]
    other.file(b"same")
    assert len(list((emulator.data / "files").glob(f"*/*/{md5(b'same')}"))) == 2
    assert list((emulator.data / "incoming").glob("*.draft")) == []


def test_a_file_loses_its_unit_but_not_its_content(api):
    created = api.file(b"pixels")
    api.ok("DELETE", f"data_units/{created['data_unit_id']}/")
    assert api.get(created["url"]).content == b"pixels"
