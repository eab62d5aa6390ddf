"""Served applications."""

from __future__ import annotations

from .conftest import ScriptedSession


def test_an_application_from_its_deployment_to_its_end(scripted: ScriptedSession) -> None:
    row = {"id": 3, "name": "detect", "plugin_release": 8, "job": "j1", "status": "RUNNING"}
    scripted.reply(row, status=201)

    application = scripted.session.serve_applications.create(
        name="detect", plugin_release=8, job="j1"
    )
    scripted.reply(b"", status=204)
    application.delete()

    assert (application.plugin_release_id, application.job_id) == (8, "j1")
    assert scripted.requests == [
        ("POST", "/serve_applications/"),
        ("DELETE", "/serve_applications/3/"),
    ]
