"""Plugins and releases; tests/behaviour/plugins tests them with a real server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from synapse.errors import InvalidResponse, UsageError, ValidationError
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


def test_creating_from_a_folder(scripted: ScriptedSession, tmp_path: Path) -> None:
    config = {
        "code": "digits",
        "name": "Digits",
        "version": "1.0.0",
        "category": "export",
        "actions": {"run": {"entrypoint": "plugin:run"}},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    scripted.reply({"id": 1}, status=201)

    scripted.session.plugins.create(folder=tmp_path, name="Other")

    assert scripted.body == {"code": "digits", "name": "Other", "category": "export"}


def test_a_code_in_use(scripted: ScriptedSession) -> None:
    scripted.reply({"code": ["In use."]}, status=400)

    with pytest.raises(ValidationError, match=r"plugins\.get\('digits'\) returns"):
        scripted.session.plugins.create(code="digits", name="Digits")


@pytest.mark.parametrize("arguments", [{}, {"source": "a.zip", "file": "b.zip"}])
def test_a_release_of_one_source(plugin: Plugin, arguments: Any) -> None:
    with pytest.raises(UsageError, match="Pass one folder or zip"):
        plugin.release("1.0.0", **arguments)
