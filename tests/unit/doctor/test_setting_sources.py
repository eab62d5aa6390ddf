"""The sources of the settings, and which of them won."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from synapse import profiles
from synapse.config import resolve
from synapse.doctor.examination import Examination
from synapse.doctor.report import Finding
from synapse.doctor.setting_sources import check_settings
from synapse.transport import Transport

TOKENS = ("of-the-argument", "of-the-environment", "of-the-profile", "of-the-login")


@pytest.fixture
def everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings in the environment, in a profile and in a login; returns the folder of the files."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("SYNAPSE_BASE_URL", "https://environment.example")
    monkeypatch.setenv("SYNAPSE_HOST", "https://me:of-the-environment@host.example")
    monkeypatch.setenv("SYNAPSE_API_TOKEN", "of-the-environment")
    profile = {"base_url": "https://profile.example", "api_token": "of-the-profile", "tenant": "p"}
    profiles.save_profile("default", profile)
    login = tmp_path / "config.json"
    login.write_text(json.dumps({"host": "https://login.example", "access_token": TOKENS[3]}))
    monkeypatch.setattr(profiles, "login_path", lambda: login)
    return tmp_path


def check(*args: str, **options: Any) -> dict[str, Finding]:
    examination = Examination(lambda: Transport(resolve(*args, **options)))
    findings = {finding.check: finding for finding in check_settings(examination)}
    if not findings.get(""):
        examination.transport.close()
    for finding in findings.values():
        assert not any(token in finding.found + finding.cure for token in TOKENS)
    return findings


def test_the_winner_and_all_others(everywhere: Path) -> None:
    findings = check()

    path, login = profiles.profile_path(), everywhere / "config.json"
    assert findings["base URL"].found == (
        "https://environment.example/, from SYNAPSE_BASE_URL. Not used: SYNAPSE_HOST (not a usable "
        f"URL), {path} (https://profile.example/), {login} (https://login.example/)."
    )
    assert findings["credentials"].found == (
        "api_token from the environment variable SYNAPSE_API_TOKEN. Not used: the profile "
        f"[default] of {path}, the login in {login}."
    )
    assert findings["tenant"].found == f"The token's own. Not used: {path} (p)."


def test_arguments_win(everywhere: Path) -> None:
    findings = check("https://argument.example", "of-the-argument", tenant="a")

    assert findings["base URL"].found.startswith("https://argument.example/, from the argument")
    assert "Not used: SYNAPSE_BASE_URL (https://env" in findings["base URL"].found
    assert findings["credentials"].found.startswith("api_token from the argument api_token. Not")
    assert findings["tenant"].found.startswith("a, from the argument tenant. Not used: ")


@pytest.mark.usefixtures("everywhere")
def test_a_profile_wins_that_is_named() -> None:
    findings = check(profile="default")

    assert findings["base URL"].found.startswith("https://profile.example/, from /")
    assert findings["credentials"].found.startswith("api_token from the profile [default] of /")
    assert findings["tenant"].found == f"p, from {profiles.profile_path()}."


def test_the_login_is_the_last(everywhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SYNAPSE_BASE_URL", "SYNAPSE_HOST", "SYNAPSE_API_TOKEN"):
        monkeypatch.delenv(name)
    profiles.profile_path().unlink()
    monkeypatch.setattr("synapse.config.login_path", profiles.login_path)

    findings = check()

    assert findings["base URL"].found == f"https://login.example/, from {everywhere}/config.json."


def test_a_token_command_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    values = {"base_url": "https://profile.example", "token_command": "echo of-the-profile"}
    profiles.save_profile("default", values)

    findings = check()

    section = f"the profile [default] of {profiles.profile_path()}"
    assert findings["credentials"].found == f"api_token from token_command of {section}."


@pytest.mark.parametrize("way", ["profile", "environment"])
def test_a_token_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "token"
    file.write_text("of-the-file")
    values = {"base_url": "https://profile.example"}
    if way == "profile":
        profiles.save_profile("default", {**values, "token_file": str(file)})
    else:
        profiles.save_profile("default", {**values, "api_token": "of-the-profile"})
        monkeypatch.setenv("SYNAPSE_API_TOKEN_FILE", str(file))

    findings = check()

    rest = {
        "profile": ".",
        "environment": f". Not used: the profile [default] of {profiles.profile_path()}.",
    }
    assert findings["credentials"].found == f"api_token from the file {file}{rest[way]}"


def test_a_conflict_names_all_sources(everywhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SYNAPSE_API_TOKEN")

    (finding,) = check_settings(Examination(lambda: Transport(resolve())))

    assert finding.status == "failed"
    assert "isn't sent to the base URL from SYNAPSE_BASE_URL" in finding.found
    assert "Sources with settings: SYNAPSE_BASE_URL, SYNAPSE_HOST, " in finding.found
    assert "synapse login" in finding.cure


def test_nothing_is_set() -> None:
    (finding,) = check_settings(Examination(lambda: Transport(resolve())))

    assert finding.found.endswith("Sources with settings: none.")
