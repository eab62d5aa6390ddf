"""The agent's copies of releases: fetched once, checked at each use, refused if unusable."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Any

import pytest

from synapse.agent.http_errors import Refusal
from synapse.agent.release_store import ReleaseStore, split_key
from synapse.agent.store import Store
from synapse.session import Session

from .conftest import make_zip, script_release

EMPTY = {"results": [], "count": 0, "next": None}


@pytest.fixture
def releases(store: Store, session: Session) -> ReleaseStore:
    """A release store without releases."""
    return ReleaseStore(store, session)


@pytest.fixture
def archive(store: Store, releases: ReleaseStore) -> Path:
    """The path of the copy of p@1.0.0."""
    return store.folder / "releases" / "p@1.0.0.zip"


class TestKeys:
    @pytest.mark.parametrize(
        ("key", "parts"),
        [
            ("p@1", ("p", "1")),
            ("my-plugin_2@1.0.0", ("my-plugin_2", "1.0.0")),
            ("p@1!2.0.0rc1+local.3", ("p", "1!2.0.0rc1+local.3")),
            (f"{'p' * 100}@{'1' * 100}", ("p" * 100, "1" * 100)),
        ],
    )
    def test_code_and_version(self, key: str, parts: tuple[str, str]) -> None:
        assert split_key(key) == parts

    @pytest.mark.parametrize(
        "key",
        [
            "p",
            "7",
            "@1",
            "p@",
            "p@1@2",
            "../p@1",
            "p@../1",
            "p@1..2",
            "p@.1",
            "p@1.",
            "p@1/2",
            "p@1\n",
            "é@1",
            f"{'p' * 101}@1",
            f"p@{'1' * 101}",
        ],
    )
    def test_other_texts_are_refused(self, key: str) -> None:
        with pytest.raises(Refusal) as caught:
            split_key(key)

        assert caught.value.status == 404
        assert "is not a release. Write code@version." in caught.value.body["detail"]


class TestFetching:
    def test_release_is_stored(
        self, store: Store, releases: ReleaseStore, archive: Path, server: Any
    ) -> None:
        content = make_zip()
        script_release(server, content)

        kept, is_new = releases.fetch("p", "1.0.0")

        assert is_new
        assert archive.read_bytes() == content
        assert (kept.key, kept.id, kept.size) == ("p@1.0.0", 7, len(content))
        assert kept.checksum == hashlib.sha256(content).hexdigest()
        assert set(kept.config["actions"]) == {"go", "halt"}
        assert store.release("p", "1.0.0") == kept

    def test_second_fetch_sends_no_request(self, releases: ReleaseStore, server: Any) -> None:
        script_release(server, make_zip())
        kept, _ = releases.fetch("p", "1.0.0")

        assert releases.fetch("p", "1.0.0") == (kept, False)
        assert releases.fetch_by_id(7) == (kept, False)
        assert len(server.requests) == 3

    @pytest.mark.parametrize("damage", ["change", "remove"])
    def test_damaged_copy_is_fetched_again(
        self, releases: ReleaseStore, archive: Path, server: Any, damage: str
    ) -> None:
        content = make_zip()
        script_release(server, content)
        releases.fetch("p", "1.0.0")
        if damage == "change":
            archive.write_bytes(content[:-1])
        else:
            archive.unlink()
        script_release(server, content)

        kept, is_new = releases.fetch("p", "1.0.0")

        assert is_new
        assert archive.read_bytes() == content
        assert kept.checksum == hashlib.sha256(content).hexdigest()

    def test_debug_release_is_fetched_for_each_job(
        self, store: Store, releases: ReleaseStore, archive: Path, server: Any
    ) -> None:
        first, second = make_zip(), make_zip(README="changed")
        script_release(server, first, debug=True)
        kept, _ = releases.fetch("p", "1.0.0")
        assert kept.can_change
        script_release(server, second, debug=True)

        kept, is_new = releases.fetch("p", "1.0.0")

        assert is_new
        assert archive.read_bytes() == second
        assert releases.file_of(kept).checksum == hashlib.sha256(second).hexdigest()
        script_release(server, second, debug=False)
        kept, _ = releases.fetch("p", "1.0.0")
        assert not kept.can_change
        assert releases.fetch("p", "1.0.0") == (kept, False)
        assert store.release("p", "1.0.0") == kept

    def test_fetch_by_the_backends_id(self, releases: ReleaseStore, server: Any) -> None:
        server.reply(200, {"id": 7, "plugin": {"id": 1, "code": "p"}, "version": "1.0.0"})
        script_release(server, make_zip())

        kept, is_new = releases.fetch_by_id(7)

        assert (kept.key, is_new) == ("p@1.0.0", True)

    def test_two_threads_fetch_once(self, releases: ReleaseStore, server: Any) -> None:
        script_release(server, make_zip())
        results: list[bool] = []
        barrier = threading.Barrier(2)

        def fetch() -> None:
            barrier.wait()
            results.append(releases.fetch("p", "1.0.0")[1])

        threads = [threading.Thread(target=fetch) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(results) == [False, True]
        assert len(server.requests) == 3


class TestRefusals:
    def test_backend_has_no_such_plugin(self, releases: ReleaseStore, server: Any) -> None:
        server.reply(404, {"detail": "Not found."})

        with pytest.raises(Refusal) as caught:
            releases.fetch("p", "1.0.0")

        assert (caught.value.status, caught.value.body) == (404, {"detail": "Not found."})

    def test_backend_has_no_such_version(self, releases: ReleaseStore, server: Any) -> None:
        server.reply(200, {"id": 1, "code": "p"})
        server.reply(200, EMPTY)

        with pytest.raises(Refusal) as caught:
            releases.fetch("p", "9")

        assert caught.value.status == 404
        assert caught.value.body["detail"] == "The backend has no release 9 of the plugin p."

    @pytest.mark.parametrize("method", ["fetch", "fetch_by_id"])
    def test_backend_is_away(self, releases: ReleaseStore, server: Any, method: str) -> None:
        server.answer(then="reset")

        with pytest.raises(Refusal) as caught:
            releases.fetch("p", "1.0.0") if method == "fetch" else releases.fetch_by_id(7)

        assert caught.value.status == 503

    def test_release_without_a_file(self, releases: ReleaseStore, server: Any) -> None:
        server.reply(200, {"id": 1, "code": "p"})
        row = {"id": 7, "plugin": 1, "version": "1.0.0", "file": None}
        server.reply(200, {"results": [row], "count": 1, "next": None})

        with pytest.raises(Refusal) as caught:
            releases.fetch("p", "1.0.0")

        assert caught.value.status == 502
        assert caught.value.body["detail"].startswith("The release can't be fetched: ")

    @pytest.mark.parametrize(
        "content",
        [b"no zip", make_zip(code="other"), make_zip(version="2.0.0")],
        ids=["no zip", "other code", "other version"],
    )
    def test_unusable_zip_is_not_kept(
        self, store: Store, releases: ReleaseStore, archive: Path, server: Any, content: bytes
    ) -> None:
        script_release(server, content)

        with pytest.raises(Refusal) as caught:
            releases.fetch("p", "1.0.0")

        assert caught.value.status == 409
        assert "The release p@1.0.0 can't be used: " in caught.value.body["detail"]
        assert not archive.exists()
        assert store.releases() == []


class TestStoredReleases:
    @pytest.mark.parametrize("key", ["p@1.0.0", "7"])
    def test_find_by_key_or_id(self, releases: ReleaseStore, server: Any, key: str) -> None:
        script_release(server, make_zip())
        kept, _ = releases.fetch("p", "1.0.0")

        assert releases.find(key) == kept

    @pytest.mark.parametrize("key", ["p@1.0.1", "8", "p", "-7", "\u0667", "9" * 19])
    def test_unknown_release(self, releases: ReleaseStore, server: Any, key: str) -> None:
        script_release(server, make_zip())
        releases.fetch("p", "1.0.0")

        for method in (releases.find, releases.drop):
            with pytest.raises(Refusal) as caught:
                method(key)
            assert caught.value.status == 404

    @pytest.mark.parametrize("key", ["p@1.0.0", "7"])
    def test_drop_deletes_the_copy(
        self, store: Store, releases: ReleaseStore, archive: Path, server: Any, key: str
    ) -> None:
        script_release(server, make_zip())
        releases.fetch("p", "1.0.0")

        releases.drop(key)

        assert not archive.exists()
        assert store.releases() == []

    def test_drop_without_a_copy(self, releases: ReleaseStore, archive: Path, server: Any) -> None:
        script_release(server, make_zip())
        releases.fetch("p", "1.0.0")
        archive.unlink()

        releases.drop("p@1.0.0")

        with pytest.raises(Refusal):
            releases.find("p@1.0.0")

    def test_runners_get_path_and_checksum(
        self, releases: ReleaseStore, archive: Path, server: Any
    ) -> None:
        script_release(server, make_zip())
        kept, _ = releases.fetch("p", "1.0.0")

        file = releases.file_of(kept)

        assert (file.code, file.version) == ("p", "1.0.0")
        assert (file.archive, file.checksum) == (archive, kept.checksum)


def test_copies_are_for_the_owner_alone(releases: ReleaseStore, archive: Path) -> None:
    assert archive.parent.stat().st_mode & 0o077 == 0
