import inspect
from typing import Any

import attrs
import pytest
import typer

from synapse import DataCollection, Plugin, Project
from synapse.cli.dry_run import READS
from synapse.cli.method_signatures import read_parameter
from synapse.cli.output import Format
from synapse.cli.verbs import (
    _BY_HAND,
    LEFT_OUT,
    _print_result,
    find_methods,
    find_verbs,
    make_command,
)
from synapse.orm import registry

METHODS = {
    f"{owner.__name__}.{name}"
    for cls in registry.declared()
    if cls.__module__.startswith("synapse.")
    for owner, name, _ in find_methods(cls)
}


@pytest.mark.parametrize("label", [*LEFT_OUT, *_BY_HAND, *sorted(READS)])
def test_exceptions_are_of_methods_that_exist(label: str) -> None:
    assert label in METHODS


def test_every_required_parameter_can_be_given() -> None:
    for cls in registry.declared():
        for owner, name, method in find_methods(cls):
            label = f"{owner.__name__}.{name}"
            if label in LEFT_OUT or label in _BY_HAND:
                continue
            for parameter in list(inspect.signature(method).parameters.values())[1:]:
                if parameter.default is parameter.empty:
                    assert read_parameter(method, parameter, "") is not None, (label, parameter)


def test_verbs_have_dashes_and_no_methods_that_are_left_out() -> None:
    verbs = find_verbs(Project)
    assert (verbs["import-from"][1], "annotate" in verbs) == ("import_from", False)


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("text", "text\n"),
        (5, "5\n"),
        ({"b", "a"}, "a\nb\n"),
        (iter(["x", "y"]), "x\ny\n"),
        ({"a": 1}, '{"a": 1}\n'),
    ],
)
def test_results(result: Any, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    _print_result(result, Format.JSONL, Project)
    assert capsys.readouterr().out == text


@attrs.define
class Report:
    """A report of an upload."""

    failed: list[str]


@attrs.define
class ImportedReport:
    """A report that has another."""

    upload: Report


@pytest.mark.parametrize("form", [Format.JSONL, Format.TABLE])
@pytest.mark.parametrize("make", [Report, lambda failed: ImportedReport(Report(failed))])
def test_failures_in_a_report(form: Format, make: Any, capsys: pytest.CaptureFixture[str]) -> None:
    _print_result(make([]), form, Project)
    assert capsys.readouterr().err == ""
    with pytest.raises(typer.Exit) as stop:
        _print_result(make(["a.png: empty"]), form, Project)
    assert (stop.value.exit_code, capsys.readouterr().err) == (3, "a.png: empty\n")


def test_signatures_for_typer() -> None:
    run = inspect.signature(make_command(Plugin, "run"))
    first, *_, last = run.parameters
    assert (first, last) == ("words_", "output_")
    assert {"action", "params", "agent", "debug"} < set(run.parameters)
    assert run.parameters["words_"].annotation.__metadata__[0].metavar == (
        "ID [ACTION] [NAME=VALUE]..."
    )
    assert make_command(DataCollection, "upload").__doc__


def test_commands_that_change_something_have_a_dry_run() -> None:
    for cls in registry.declared():
        for owner, name, _ in find_methods(cls):
            label = f"{owner.__name__}.{name}"
            if label in LEFT_OUT or label in _BY_HAND:
                continue
            command = make_command(cls, name.replace("_", "-"))
            parameters = inspect.signature(command).parameters
            assert ("dry_run" in parameters) == (label not in READS), label
