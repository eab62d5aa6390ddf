"""Checking a run against the remembered newest release."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.errors import UsageError
from synapse.resources.newest_release import check_plugin_run, forget_release, remember_release
from synapse.resources.plugins import Plugin, PluginRelease

from .conftest import ScriptedSession


def release_row(version: str, *actions: str) -> dict[str, Any]:
    """Return a release as the server sends releases."""
    config = {"actions": {name: {} for name in actions}}
    return {"id": 8, "plugin": 1, "version": version, "config": config}


@pytest.fixture
def plugin(scripted: ScriptedSession) -> Plugin:
    """A plugin."""
    return scripted.session.identity.load(Plugin, [{"id": 1, "code": "digits"}])[0]


def test_the_release_is_fetched_once(scripted: ScriptedSession, plugin: Plugin) -> None:
    rows = [release_row("1.0.0", "train")]
    scripted.reply({"results": rows, "count": 1, "next": None})

    assert check_plugin_run(plugin, None, {}) == "train"
    assert check_plugin_run(plugin, "train", {}) == "train"
    assert len(scripted.requests) == 1


def test_a_remembered_release_makes_no_request(scripted: ScriptedSession, plugin: Plugin) -> None:
    row = release_row("1.0.0", "train")
    remember_release(plugin, scripted.session.identity.load(PluginRelease, [row])[0])

    assert check_plugin_run(plugin, "train", {}) == "train"
    assert scripted.requests == []


def test_an_outdated_release_is_fetched_again(scripted: ScriptedSession, plugin: Plugin) -> None:
    row = release_row("1.0.0", "train")
    remember_release(plugin, scripted.session.identity.load(PluginRelease, [row])[0])
    for _ in range(2):
        rows = [release_row("1.1.0", "train", "export")]
        scripted.reply({"results": rows, "count": 1, "next": None})

    assert check_plugin_run(plugin, "export", {}) == "export"
    with pytest.raises(UsageError, match=r"Plugin 1, release 1\.1\.0: .*no action 'x'"):
        check_plugin_run(plugin, "x", {})
    assert len(scripted.requests) == 2


@pytest.mark.parametrize(
    ("status", "body"), [(403, {}), (404, {}), (200, {"results": [], "count": 0, "next": None})]
)
def test_without_a_visible_release_anything_passes(
    scripted: ScriptedSession, plugin: Plugin, status: int, body: Any
) -> None:
    scripted.reply(body, status=status)

    assert check_plugin_run(plugin, "any", {}) == "any"


def test_a_forgotten_release_is_fetched_again(scripted: ScriptedSession, plugin: Plugin) -> None:
    row = release_row("1.0.0", "train")
    remember_release(plugin, scripted.session.identity.load(PluginRelease, [row])[0])
    forget_release(plugin)
    scripted.reply({"results": [release_row("2", "run")], "count": 1, "next": None})

    assert check_plugin_run(plugin, None, {}) == "run"


def test_a_version_has_its_own_actions(scripted: ScriptedSession, plugin: Plugin) -> None:
    row = release_row("1.1.0", "train")
    remember_release(plugin, scripted.session.identity.load(PluginRelease, [row])[0])
    assert check_plugin_run(plugin, None, {}, "1.1.0") == "train"
    assert scripted.requests == []

    scripted.reply({"results": [release_row("1.0.0", "old")], "count": 1, "next": None})
    assert check_plugin_run(plugin, None, {}, "1.0.0") == "old"
    assert check_plugin_run(plugin, "old", {}, "1.0.0") == "old"
    assert len(scripted.requests) == 1
    assert "version=1.0.0" in str(scripted.requests[0])

    forget_release(plugin)
    scripted.reply({"results": [], "count": 0, "next": None})
    assert check_plugin_run(plugin, "gone", {}, "1.0.0") == "gone"  # the server decides
