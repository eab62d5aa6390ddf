"""A test of the resources compares the table of the verbs with the declarations."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from synapse.cli.app import app
from synapse.cli.resource_group import VERBS
from synapse.cli.resource_names import RESOURCES, get_command_name


def test_every_resource_has_verbs() -> None:
    assert list(VERBS) == list(RESOURCES)
    assert all(VERBS.values())


@pytest.mark.parametrize("plural", RESOURCES)
def test_help_is_that_of_the_tables(plural: str) -> None:
    result = CliRunner().invoke(app, [get_command_name(plural), "--help"])
    text = " ".join(result.stdout.split())
    assert (result.exit_code, RESOURCES[plural] in text) == (0, True)
    for verb, sentence in VERBS[plural].items():
        assert f" {verb} {sentence}" in text


def test_help_imports_no_resource_and_no_conversion() -> None:
    script = """
import sys
from synapse.cli import main
sys.argv = ["synapse", "tasks", "--help"]
try:
    main()
except SystemExit as end:
    print(end.code, *sys.modules)
"""

    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )

    *help_lines, last = result.stdout.splitlines()
    code, *modules = last.split()
    assert (code, "List the objects that match." in "".join(help_lines)) == ("0", True)
    unwanted = {"synapse.cli.resources", "synapse.resources", "synapse.orm", "requests", "pydantic"}
    assert "synapse.cli.resource_group" in modules
    assert not unwanted & set(modules)


def test_advice_for_an_id_behind_the_group() -> None:
    logs, tasks = (CliRunner().invoke(app, [name, "5"]).stderr for name in ("logs", "tasks"))
    assert "type synapse jobs logs ID -f." in logs
    assert "type the verb first, as in get 5." in tasks
