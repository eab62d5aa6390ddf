"""Checks of this machine."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from synapse import profiles
from synapse._version import __version__
from synapse.doctor import machine
from synapse.doctor.examination import Examination
from synapse.doctor.machine import check_extras, check_files, check_python, check_sdk
from synapse.doctor.report import Finding
from synapse.transport import Transport

OWN = Path(machine.__file__).parents[1] / "_synapse_sdk"


def connect() -> Transport:
    raise AssertionError("These checks need no server.")


EXAMINATION = Examination(connect)


def test_python() -> None:
    (finding,) = check_python(EXAMINATION)

    assert finding.found.startswith(platform.python_version())


class TestSdk:
    @pytest.fixture
    def place(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], list[Finding]]:
        """Check as if `synapse_sdk` were imported from a folder."""

        def check(folder: Path) -> list[Finding]:
            spec = ModuleSpec("synapse_sdk", None, origin=str(folder / "__init__.py"))
            monkeypatch.setattr(machine, "find_spec", lambda _: spec)
            return list(check_sdk(EXAMINATION))

        return check

    def test_alone(
        self, place: Callable[[Path], list[Finding]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (finding,) = place(OWN)
        assert (finding.status, finding.found.partition(",")[0]) == ("ok", __version__)

        monkeypatch.setattr(machine, "find_spec", lambda _: None)
        assert [each.status for each in check_sdk(EXAMINATION)] == ["ok"]

    def test_with_files_of_another_package(
        self, place: Callable[[Path], list[Finding]], tmp_path: Path
    ) -> None:
        (tmp_path / "plugins").mkdir()

        finding = place(tmp_path)[1]

        assert finding.status == "failed"
        assert finding.found == f"{tmp_path} has files of another package: plugins."
        assert "pip uninstall synapse-sdk" in finding.cure

    def test_beside_another_distribution(
        self, place: Callable[[Path], list[Finding]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        others = ["synapse-sdk 2026.2.17 in /x"]
        monkeypatch.setattr(machine, "list_other_distributions", lambda: others)

        finding = place(OWN)[1]

        assert (finding.status, others[0] in finding.found) == ("failed", True)

    def test_from_another_folder(
        self, place: Callable[[Path], list[Finding]], tmp_path: Path
    ) -> None:
        finding = place(tmp_path)[1]

        assert (finding.status, str(tmp_path) in finding.found) == ("warning", True)


def test_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    many = tuple(f"no-such-{number}" for number in range(5))
    extras = {"cli": ("attrs",), "x": ("no-such-a>=1", "attrs"), "y": many, "dev": ("no-such-b",)}
    monkeypatch.setattr(machine, "list_extras", lambda: {**extras, "x-test": ("no-such-c",)})
    monkeypatch.setattr(machine, "install_command", lambda extra: f"install {extra}")

    present, missing, bulky = check_extras(EXAMINATION)

    assert present.found == "Installed: cli."
    assert (missing.status, missing.found) == ("skipped", "x: needs no-such-a>=1.")
    assert missing.cure == "install x"
    assert bulky.found == "y: needs no-such-0, no-such-1, no-such-2 and 2 more."


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
class TestFiles:
    @pytest.fixture
    def profile(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        path = tmp_path / "synapse" / "config.toml"
        path.parent.mkdir()
        path.write_text('[default]\napi_token = "in-the-profile"\n', encoding="utf-8")
        path.chmod(0o600)
        return path

    @pytest.fixture
    def login(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        path = tmp_path / "config.json"
        monkeypatch.setattr(profiles, "login_path", lambda: path)
        return path

    def test_none(self) -> None:
        (finding,) = check_files(EXAMINATION)

        assert (finding.status, "doesn't exist" in finding.found) == ("skipped", True)

    def test_private(self, profile: Path, login: Path) -> None:
        login.write_text("{}", encoding="utf-8")
        login.chmod(0o600)

        assert [each.status for each in check_files(EXAMINATION)] == ["ok", "ok"]

    def test_too_open(self, profile: Path, login: Path) -> None:
        profile.chmod(0o640)
        login.write_text("{}", encoding="utf-8")
        login.chmod(0o604)

        first, second = check_files(EXAMINATION)

        assert (first.status, f"chmod 600 {profile}" in first.cure) == ("failed", True)
        assert (second.status, second.cure) == ("warning", f"chmod 600 {login}")

    def test_unreadable(self, profile: Path, login: Path) -> None:
        profile.unlink()
        profile.mkdir()
        login.write_text("token in-the-login", encoding="utf-8")

        first, second = check_files(EXAMINATION)

        assert (first.status, "can't be read" in first.found) == ("failed", True)
        assert (second.status, "not valid JSON" in second.found) == ("failed", True)
        assert "in-the-login" not in second.found

    def test_a_broken_profile(self, profile: Path) -> None:
        profile.write_text("api_token = in-the-profile", encoding="utf-8")

        (finding,) = check_files(EXAMINATION)

        assert (finding.status, "not valid TOML" in finding.found) == ("failed", True)
        assert "in-the-profile" not in finding.found
