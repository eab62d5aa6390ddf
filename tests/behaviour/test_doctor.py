"""`session.doctor()` and `synapse doctor` on the local backend."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

import synapse

# Depend on the environment of the tests: the SDK's installation, and extras that aren't there.
OF_THE_MACHINE = {"SDK", "extras", "files"}


def test_a_session_in_order(session: synapse.Session) -> None:
    before = session.request_count

    report = session.doctor()

    assert not report.has_failed, str(report)
    rest = [each for each in report.findings if each.check not in OF_THE_MACHINE]
    assert {each.check for each in rest if each.status == "skipped"} == {
        *("TLS", "upload", "agent", "Ray")
    }
    assert {each.status for each in rest} == {"ok", "skipped"}
    assert report["uploads"][0].found == "Uploads go to the server."
    assert "by keys" in report["lists"][0].found
    assert session.request_count == before + 4


@pytest.mark.parametrize("provider", ["file_system", "minio"])
def test_an_upload_says_what_stays(emulator: Any, session: synapse.Session, provider: str) -> None:
    if provider == "minio":
        session.storages.create(
            name="s", provider="minio", category="internal", is_default=True, configuration={}
        )

    report = session.doctor(upload=True)

    (finding,) = report["upload"]
    assert finding.status == "ok", str(report)
    way = "the storage, by a presigned URL" if provider == "minio" else "the server"
    assert finding.found.startswith(f"One byte went to {way}. The data file ")
    assert "stays there, without a data unit" in finding.found


def test_a_wrong_token(session: synapse.Session) -> None:
    with synapse.Session(session.transport.base_url, "not-a-token") as other:
        report = other.doctor()

    assert [each.status for each in report["token"]] == ["failed"]
    assert "not-a-token" not in str(report)


def test_a_closed_session_is_a_finding(session: synapse.Session) -> None:
    with synapse.Session(session.transport.base_url, "not-a-token") as other:
        pass

    report = other.doctor()

    assert report.has_failed
    assert "closed" in report["proxy"][0].found


def test_the_command(emulator: Any) -> None:
    variables = {"SYNAPSE_BASE_URL": emulator.url, "SYNAPSE_API_TOKEN": emulator.api_token}

    done = subprocess.run(
        [sys.executable, "-m", "synapse", "doctor", "--json"],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stdout
    assert emulator.api_token not in done.stdout + done.stderr
    findings = json.loads(done.stdout)["findings"]
    (token,) = [each for each in findings if each["check"] == "token"]
    assert token["status"] == "ok"
    assert "the environment variable SYNAPSE_API_TOKEN" in token["found"]
