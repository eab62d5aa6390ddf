"""Parameters of methods as arguments and options."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import IO, Annotated, Any, Literal

import pytest

from synapse.cli.method_signatures import (
    make_keyword,
    read_docstring,
    read_mapping,
    read_parameter,
)


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
    parameter = read_parameter(unseen, inspect.signature(unseen).parameters[name], "")
    assert parameter is not None
    assert (parameter.type, parameter.is_mapping, parameter.is_list) == (str, False, False)


PARAMETERS = {
    name: read_parameter(method, parameter, "")
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
    assert read_docstring(method) == {"path": "The file, whatever it is.", "options": "More."}


def test_mappings() -> None:
    assert read_mapping(["a=b", "c:=1"], "x") == {"a": "b", "c": 1}
    assert read_mapping(['{"a": 1}', "b=2"], "x") == {"a": 1, "b": "2"}
    assert read_mapping(["[1]"], "x") == [1]


def test_keywords() -> None:
    keyword = make_keyword("dry_run", Annotated[bool, "option"], default=False)
    assert (keyword.name, keyword.default) == ("dry_run", False)
    assert keyword.kind is inspect.Parameter.KEYWORD_ONLY
