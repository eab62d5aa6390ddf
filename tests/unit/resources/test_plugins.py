"""Plugins and releases; tests/behaviour/plugins tests them with a real server."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from synapse.errors import InvalidResponse, UsageError, ValidationError
from synapse.plugins.packaging import pack
from synapse.resources.plugins import Plugin

from .conftest import ScriptedSession

EMPTY = {"results": [], "count": 0, "next": None}


@pytest.fixture
def plugin(scripted: ScriptedSession) -> Plugin:
    """A plugin."""
    return scripted.session.identity.load(Plugin, [{"id": 1, "code": "digits"}])[0]


def test_a_run(scripted: ScriptedSession, plugin: Plugin) -> None:
    scripted.reply(EMPTY)
    scripted.reply({"job_id": "j1"})

    job = plugin.run("train", params={"epochs": 3}, agent=4, debug=True)

    assert job.id == "j1"
    assert scripted.requests[-1] == ("POST", "/plugins/1/run/")
    assert scripted.body == {
        "params": {"epochs": 3},
        "debug": True,
        "action": "train",
        "agent": 4,
    }


def test_a_run_without_a_job_id(scripted: ScriptedSession, plugin: Plugin) -> None:
    scripted.reply(EMPTY)
    scripted.reply({})

    with pytest.raises(InvalidResponse, match="the response has no job_id"):
        plugin.run("train")


def test_a_token_as_agent_is_not_shown(scripted: ScriptedSession, plugin: Plugin) -> None:
    scripted.reply(EMPTY)

    with pytest.raises(UsageError, match=r"agent is a text\. Pass") as caught:
        plugin.run("train", agent="agent-s3cret")

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("params", [["epochs"], "epochs"])
def test_parameters_that_are_not_a_mapping(plugin: Plugin, params: Any) -> None:
    with pytest.raises(UsageError, match=r"is not valid\. Pass a mapping"):
        plugin.run("train", params=params)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config = {
        "code": "digits",
        "name": "Digits",
        "version": "1.0.0",
        "category": "export",
        "actions": {"run": {"entrypoint": "plugin:run"}},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "plugin.py").write_text("def run(): ...")
    return tmp_path


RELEASE = {"id": 5, "plugin": 1, "version": "1.0.0", "config": {"actions": {}}}


@pytest.mark.parametrize("form", ["folder", "path", "open"])
def test_first_release_where_plugins_are_created_apart(
    scripted: ScriptedSession, folder: Path, form: str
) -> None:
    archive = pack(folder, folder.parent / "made.zip").path
    source = {"folder": folder, "path": archive, "open": io.BytesIO(archive.read_bytes())}[form]
    scripted.reply({"plugin": ["Object with code=digits does not exist."]}, status=400)
    scripted.reply({"id": 1, "code": "digits"}, status=201)
    scripted.reply(RELEASE, status=201)

    release = scripted.session.plugins.release(source, name="r.zip")

    assert (release.version, release.plugin_id) == ("1.0.0", 1)
    assert scripted.requests == [
        ("POST", "/plugin_releases/"),
        ("POST", "/plugins/"),
        ("POST", "/plugin_releases/"),
    ]


@pytest.mark.parametrize("fields", [{"version": ["In use."]}, {"file": ["No."]}])
def test_a_refused_release_creates_no_plugin(
    scripted: ScriptedSession, folder: Path, fields: Any
) -> None:
    scripted.reply(fields, status=400)

    with pytest.raises(ValidationError):
        scripted.session.plugins.release(folder)

    assert len(scripted.requests) == 1


def test_creating_from_a_folder(scripted: ScriptedSession, folder: Path) -> None:
    scripted.reply({"id": 1}, status=201)

    scripted.session.plugins.create(folder=folder, name="Other")

    assert scripted.body == {"code": "digits", "name": "Other", "category": "export"}


def test_a_code_in_use(scripted: ScriptedSession) -> None:
    scripted.reply({"code": ["In use."]}, status=400)

    with pytest.raises(ValidationError, match=r"plugins\.get\('digits'\) returns"):
        scripted.session.plugins.create(code="digits", name="Digits")


@pytest.mark.parametrize("arguments", [{}, {"source": "a.zip", "file": "b.zip"}])
def test_a_release_of_one_source(plugin: Plugin, arguments: Any) -> None:
    with pytest.raises(UsageError, match="Pass one folder or zip"):
        plugin.release("1.0.0", **arguments)
