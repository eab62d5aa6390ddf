"""Every declared resource and every verb has a command with help."""

from typing import Any

import pytest
from typer.testing import CliRunner

from synapse.cli.app import app
from synapse.cli.resource_group import VERBS
from synapse.cli.resource_names import RESOURCES, get_command_name
from synapse.cli.verbs import find_verbs
from synapse.orm import registry
from synapse.orm.manager import Creates
from synapse.orm.resource import Deletable, Editable


@pytest.mark.parametrize("plural", RESOURCES)
def test_verbs_are_those_of_the_declaration(plural: str) -> None:
    cls: Any = registry.get_by_plural(plural)
    schema = cls.__schema__
    offered = {
        "list": schema.list_path is not None,
        "count": schema.list_path is not None,
        "get": schema.list_path is not None or schema.has_detail,
        "create": issubclass(schema.manager, Creates),
        "update": issubclass(cls, Editable),
        "delete": issubclass(cls, Deletable),
    }
    assert {verb: verb in VERBS[plural] for verb in offered} == offered
    common = {verb for verb in offered if offered[verb]} | (
        {"open"} if schema.has_detail else set()
    )
    assert set(VERBS[plural]) == common | set(find_verbs(cls))


@pytest.mark.parametrize(
    ("plural", "verb"), [(plural, verb) for plural, verbs in VERBS.items() for verb in verbs]
)
def test_every_verb_has_help(plural: str, verb: str) -> None:
    result = CliRunner().invoke(app, [get_command_name(plural), verb, "-h"])
    assert (result.exit_code, result.stderr) == (0, "")
    usage, _, text = result.stdout.partition("\n\n")
    assert "[OPTIONS]" in usage
    assert " ".join(text.split()).startswith(VERBS[plural][verb])


@pytest.mark.parametrize(
    ("group", "verbs"),
    [
        ("tasks", {"annotate", "tag", "untag"}),
        ("plugins", {"release", "run"}),
        ("jobs", {"wait", "follow", "logs", "stop"}),
        ("projects", {"export", "import-from", "summary"}),
        ("data_collections", {"sync", "upload", "download"}),
        ("users", {"me"}),
        ("data_files", {"upload", "verify-checksums"}),
    ],
)
def test_methods_are_verbs(group: str, verbs: set[str]) -> None:
    assert verbs <= set(VERBS[group])


def test_pages_of_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNAPSE_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("SYNAPSE_API_TOKEN", "token")
    result = CliRunner().invoke(app, ["tasks", "open", "5"])
    assert (result.exit_code, "isn't known. Set SYNAPSE_WEB_URL" in result.stderr) == (1, True)
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("synapse.cli.resources.is_terminal", lambda: True)
    monkeypatch.setenv("SYNAPSE_WEB_URL", "https://app.example.com/{kind}/{id}")
    result = CliRunner().invoke(app, ["plugins", "open", "5/6"])
    assert result.stdout == "https://app.example.com/plugins/5%2F6\n"
    assert opened == ["https://app.example.com/plugins/5%2F6"]
