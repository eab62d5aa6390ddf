import inspect
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import IO, Any, Literal

import attrs
import pytest
import typer

from synapse import DataCollection, Plugin, Project
from synapse.cli.output import Format
from synapse.cli.verbs import (
    _BY_HAND,
    LEFT_OUT,
    _print_result,
    _read_docstring,
    _read_mapping,
    _read_parameter,
    find_methods,
    list_methods,
)
from synapse.orm import registry

METHODS = {
    f"{owner.__name__}.{name}"
    for cls in registry.declared()
    if cls.__module__.startswith("synapse.")
    for owner, name, _ in find_methods(cls)
}


@pytest.mark.parametrize("label", [*LEFT_OUT, *_BY_HAND])
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
                    assert _read_parameter(method, parameter, "") is not None, (label, parameter)


def test_known_verbs_are_not_replaced() -> None:
    assert "update" not in list_methods(registry.get("Job"), known={"update"})
    assert "update" in list_methods(registry.get("Job"))


def method(
    self: Any,
    path: "str | IO[bytes]",
    count: int = 1,
    share: float | None = None,
    is_fast: bool = False,
    words: "Iterable[str] | None" = None,
    pairs: "Mapping[str, Any] | None" = None,
    mode: "Literal['a', 'b']" = "a",
    mixed: "Literal[False, 'x']" = False,
    unknown: "Nothing | None" = None,  # type: ignore[name-defined] # noqa: F821
    match: "Callable[[str], str] | Mapping[str, str] | None" = None,
    call: "Callable[[], None] | None" = None,
    **options: Any,
) -> None:
    """Do something.

    Args:
        path: The file,
            whatever `it` is.
        **options: More.

    Returns:
        Nothing.
    """


def unseen(
    self: Any,
    path: "os.PathLike[str] | str",  # type: ignore[name-defined] # noqa: F821
    other: "nowhere.Type | None" = None,  # type: ignore[name-defined] # noqa: F821
) -> None:
    """Have annotations whose modules only type checkers import."""


@pytest.mark.parametrize("name", ["path", "other"])
def test_modules_that_only_type_checkers_see(name: str) -> None:
    parameter = _read_parameter(unseen, inspect.signature(unseen).parameters[name], "")
    assert parameter is not None
    assert (parameter.type, parameter.is_mapping, parameter.is_list) == (str, False, False)


PARAMETERS = {
    name: _read_parameter(method, parameter, "")
    for name, parameter in list(inspect.signature(method).parameters.items())[1:]
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("path", str),
        ("count", int),
        ("share", float),
        ("is_fast", bool),
        ("words", str),
        ("mixed", str),
        ("unknown", str),
    ],
)
def test_types(name: str, kind: type) -> None:
    parameter = PARAMETERS[name]
    assert parameter is not None
    assert parameter.type is kind
    assert parameter.is_list == (name == "words")
    assert parameter.is_mapping is False


def test_other_types() -> None:
    assert PARAMETERS["call"] is None
    mode, pairs, match = PARAMETERS["mode"], PARAMETERS["pairs"], PARAMETERS["match"]
    assert mode is not None
    assert pairs is not None
    assert match is not None
    assert issubclass(mode.type, Enum)
    assert [one.value for one in mode.type] == ["a", "b"]
    assert (pairs.is_mapping, match.is_mapping) == (True, True)


def test_texts_of_a_docstring() -> None:
    assert _read_docstring(method) == {"path": "The file, whatever it is.", "options": "More."}


def test_mappings() -> None:
    assert _read_mapping(["a=b", "c:=1"], "x") == {"a": "b", "c": 1}
    assert _read_mapping(['{"a": 1}', "b=2"], "x") == {"a": 1, "b": "2"}
    assert _read_mapping(["[1]"], "x") == [1]


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
    run = inspect.signature(list_methods(Plugin)["run"])
    first, *_, last = run.parameters
    assert (first, last) == ("words_", "output_")
    assert {"action", "params", "agent", "debug"} < set(run.parameters)
    assert run.parameters["words_"].annotation.__metadata__[0].metavar == (
        "ID [ACTION] [NAME=VALUE]..."
    )
    assert list_methods(DataCollection)["upload"].__doc__
