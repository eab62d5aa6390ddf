"""Files of objects: read, opened and downloaded, over a connection that breaks."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import attrs
import pytest

import synapse
from synapse.errors import InvalidResponse, UsageError
from synapse.testing import assert_num_requests

CONTENT = bytes(range(256)) * 20_000  # 5 MB
MD5 = hashlib.md5(CONTENT).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def large(proxied: synapse.Session, tmp_path: Path) -> synapse.UnitFile:
    """A file of 5 MB on the server, reached through the proxy."""
    path = tmp_path / "large.bin"
    path.write_bytes(CONTENT)
    uploaded = proxied.data_files.upload(path)
    unit = proxied.data_units.get(uploaded.data_unit_id)
    file = unit.files["file"]
    # The server says where it is itself, which leads past the proxy.
    url = proxied.transport.base_url + str(file.url).split("/", 3)[3]
    return through(file, url)


def through(file: synapse.UnitFile, url: str) -> synapse.UnitFile:
    """Return the same file at another URL."""
    changed = attrs.evolve(file, url=url)
    object.__setattr__(changed, "_session", file._session)
    return changed


class TestUnitFile:
    def test_read(self, session: synapse.Session, unit: synapse.DataUnit) -> None:
        file = unit.files["text"]
        with assert_num_requests(session, 1):
            assert file.read() == b"a sample"

    def test_open(self, session: synapse.Session, unit: synapse.DataUnit) -> None:
        with assert_num_requests(session, 1), unit.files["text"].open() as file:
            assert file.read(2) == b"a "
            assert file.read() == b"sample"

    def test_download(
        self, session: synapse.Session, unit: synapse.DataUnit, tmp_path: Path
    ) -> None:
        with assert_num_requests(session, 1):
            path = unit.files["text"].download(tmp_path / "copy.txt")
        assert path == tmp_path / "copy.txt"
        assert path.read_bytes() == b"a sample"

    def test_download_into_a_folder(self, unit: synapse.DataUnit, tmp_path: Path) -> None:
        folder = tmp_path / "out"
        folder.mkdir()
        assert unit.files["text"].download(folder) == folder / "sample.txt"

    def test_of_each_object_that_has_files(
        self, session: synapse.Session, project: synapse.Project
    ) -> None:
        task = session.tasks.filter(project=project).first()
        assert task is not None
        assert task.data_unit.files["text"].read() == b"a sample"
        listed = synapse.Task.objects.filter(project=project).first()
        assert listed is not None
        assert all(file.read() == b"a sample" for file in listed.files.values())

    def test_uses_the_session_of_its_object(
        self, session: synapse.Session, unit: synapse.DataUnit, emulator: Any
    ) -> None:
        file = unit.files["text"]
        with synapse.connect(emulator.url, "another-token"):
            assert file.read() == b"a sample"

    def test_made_by_hand_uses_the_default_session(
        self, session: synapse.Session, unit: synapse.DataUnit
    ) -> None:
        assert synapse.UnitFile(url=unit.files["text"].url).read() == b"a sample"

    @pytest.mark.parametrize(
        "way",
        [
            lambda file: pickle.loads(pickle.dumps(file)),
            copy.copy,
            copy.deepcopy,
            lambda file: attrs.evolve(file, size=None),
        ],
    )
    def test_copies(self, session: synapse.Session, unit: synapse.DataUnit, way: Any) -> None:
        file = unit.files["text"]
        changed = way(file)
        assert changed.checksum == file.checksum
        assert changed.read() == b"a sample"

    def test_session_is_no_part_of_it(
        self, session: synapse.Session, unit: synapse.DataUnit
    ) -> None:
        file = unit.files["text"]
        assert b"Session" not in pickle.dumps(file)
        assert "context" not in repr(file)
        assert "_session" not in attrs.asdict(file)
        assert file == attrs.evolve(file)
        assert hash(str(file)) == hash(str(attrs.evolve(file)))

    def test_without_url(self, session: synapse.Session) -> None:
        file = synapse.UnitFile(path="a")
        for use in (file.read, file.open, lambda: file.download("a")):
            with pytest.raises(UsageError, match="has no URL"):
                use()

    def test_wrong_checksum(
        self, session: synapse.Session, unit: synapse.DataUnit, tmp_path: Path
    ) -> None:
        file = through(unit.files["text"], str(unit.files["text"].url))
        wrong = attrs.evolve(file, checksum="0" * 32)
        with pytest.raises(InvalidResponse):
            wrong.read()
        with pytest.raises(InvalidResponse):
            wrong.download(tmp_path / "copy.txt")
        assert not (tmp_path / "copy.txt").exists()


class TestOtherFiles:
    def test_model(self, session: synapse.Session, tmp_path: Path) -> None:
        path = tmp_path / "weights.bin"
        path.write_bytes(CONTENT)
        made = session.client.create_model({"name": "Weights", "file": path})
        model = session.models.get(made["id"])

        assert model.download(tmp_path / "copy.bin").read_bytes() == CONTENT

    def test_model_without_file(self, connected_model: synapse.Model) -> None:
        with pytest.raises(UsageError, match=r"Model \d+ has no file"):
            connected_model.download("nowhere")

    @pytest.fixture
    def connected_model(self, session: synapse.Session) -> synapse.Model:
        model = session.identity.load(synapse.Model, [{"id": 77, "file": None}])[0]
        assert isinstance(model, synapse.Model)
        return model

    def test_release(self, session: synapse.Session, tmp_path: Path) -> None:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("config.yaml", "code: detector\nversion: 1.0.0\n")
        path = tmp_path / "release.zip"
        path.write_bytes(content.getvalue())
        plugin = session.plugins.create(name="Detector", code="detector")
        release = plugin.release("1.0.0", file=path)

        assert release.download(tmp_path / "copy.zip").read_bytes() == content.getvalue()

    def test_release_without_file(self, session: synapse.Session) -> None:
        release = session.identity.load(synapse.PluginRelease, [{"id": 77, "file": None}])[0]
        with pytest.raises(UsageError, match=r"PluginRelease 77 has no file"):
            release.download("nowhere")


class TestFaults:
    @pytest.mark.parametrize("way", ["read", "open", "download"])
    @pytest.mark.parametrize("at", [-1, 0, 1, 2_000_000, len(CONTENT) - 1])
    def test_cut(
        self, proxy: Any, large: synapse.UnitFile, tmp_path: Path, way: str, at: int
    ) -> None:
        """Each time a bit further; what had come isn't sent again."""
        cuts = [at, at]

        def spoil(exchange: Any) -> None:
            if cuts:
                exchange.cut_answer = cuts.pop()

        before = len(proxy.exchanges)
        proxy.on_request = spoil
        if way == "read":
            content = large.read()
        elif way == "open":
            with large.open() as file:
                content = file.read()
        else:
            content = large.download(tmp_path / "copy.bin").read_bytes()

        assert hashlib.sha256(content).digest() == hashlib.sha256(CONTENT).digest()
        passed = sum(exchange.answered for exchange in proxy.exchanges[before:])
        assert passed < len(CONTENT) + 3 * 262_144 + 3_000

    def test_stall(
        self, proxy: Any, emulator: Any, large: synapse.UnitFile, tmp_path: Path
    ) -> None:
        stalls = threading.Lock()

        def spoil(exchange: Any) -> None:
            if stalls.acquire(blocking=False):
                exchange.cut_answer = 3_000_000
                exchange.stalls = True

        proxy.on_request = spoil
        with synapse.Session(proxy.url, emulator.api_token, timeout=(5, 0.5)) as session:
            object.__setattr__(large, "_session", session)
            assert large.download(tmp_path / "copy.bin").read_bytes() == CONTENT
        assert proxy.exchanges[-1].headers["if-range"] == f'"{SHA256}"'

    @pytest.mark.skipif(sys.platform == "win32", reason="processes are killed differently")
    def test_killed(
        self, proxy: Any, emulator: Any, large: synapse.UnitFile, tmp_path: Path
    ) -> None:
        dest = tmp_path / "copy.bin"
        script = (
            "import json, sys, synapse\n"
            "url, token, at, dest = json.loads(sys.argv[1])\n"
            "with synapse.connect(url, token):\n"
            f"    synapse.UnitFile(url=at, checksum='{MD5}', size={len(CONTENT)}).download(dest)\n"
        )
        about = json.dumps([proxy.url, emulator.api_token, large.url, str(dest)])

        def spoil(exchange: Any) -> None:
            exchange.cut_answer = 3_000_000
            exchange.stalls = True
            arrived.set()

        arrived = threading.Event()
        proxy.on_request = spoil
        part = dest.with_name(".copy.bin.part")
        with subprocess.Popen([sys.executable, "-c", script, about]) as process:
            arrived.wait(30)
            while not part.exists() or part.stat().st_size < 2_500_000:
                assert process.poll() is None
            os.kill(process.pid, signal.SIGKILL)
        assert not dest.exists()
        left = part.stat().st_size
        proxy.on_request = lambda exchange: None

        assert large.download(dest).read_bytes() == CONTENT

        assert proxy.exchanges[-1].headers["range"] == f"bytes={left}-"
        assert not part.exists()
