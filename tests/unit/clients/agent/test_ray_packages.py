"""Packages for a Ray cluster: the same files give the same name."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from synapse import errors
from synapse.clients.agent.ray_packages import RayPackage


class TestPackage:
    def test_same_files_same_name(self, tmp_path: Path) -> None:
        for name in ("one", "two"):
            folder = tmp_path / name
            (folder / "sub").mkdir(parents=True)
            for place in sorted(["b.py", "a.py", "sub/c.py"], reverse=name == "two"):
                (folder / place).write_text(place)
        (tmp_path / "two" / ".git").mkdir()
        (tmp_path / "two" / ".git" / "config").write_text("x")
        for name in ("one", "two"):
            (tmp_path / name / ".gitignore").write_text("*.log\n")
        (tmp_path / "two" / "a.log").write_text("x")

        with RayPackage(tmp_path / "one") as one, RayPackage(tmp_path / "two") as two:
            assert one.name == two.name
            assert b"".join(one) == b"".join(one) == b"".join(two)
            (tmp_path / "out.zip").write_bytes(b"".join(one))
        with zipfile.ZipFile(tmp_path / "out.zip") as archive:
            assert archive.namelist() == [".gitignore", "a.py", "b.py", "sub/c.py"]

    @pytest.mark.parametrize("name", ["nowhere", "file.txt"])
    def test_neither(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "file.txt").write_text("no zip")

        with pytest.raises(errors.UsageError, match="neither a folder nor a zip"):
            RayPackage(tmp_path / name)


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_credentials_are_refused(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "code"
    source.mkdir()
    (source / ".env").write_text("TOKEN=1")
    if kind == "zip":
        source = tmp_path / "code.zip"
        with zipfile.ZipFile(source, "w") as archive:
            archive.writestr("conf/.env", "TOKEN=1")

    with pytest.raises(errors.UsageError, match=r"look like credentials: .*\.env"):
        RayPackage(source)
    with RayPackage(source, allow_credentials=True) as package:
        assert package.size == len(b"".join(package))
