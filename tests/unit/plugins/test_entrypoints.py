"""Loading and calling an entrypoint; `test_job_main.py` tests the messages of a job."""

from __future__ import annotations

import asyncio
import sys
import types
from collections.abc import Iterator

import pytest

from synapse.plugins.entrypoints import (
    EntrypointError,
    call_entrypoint,
    format_traceback,
    load_entrypoint,
)


@pytest.fixture
def module() -> Iterator[types.ModuleType]:
    """An importable module."""
    made = types.ModuleType("entrypoint_code")
    sys.modules[made.__name__] = made
    yield made
    del sys.modules[made.__name__]


def test_the_context_is_passed_if_the_function_takes_one(module: types.ModuleType) -> None:
    module.plain = lambda: None
    module.aware = lambda context: context

    assert load_entrypoint("entrypoint_code:plain") == (module.plain, False)
    assert load_entrypoint("entrypoint_code:aware") == (module.aware, True)


class Plain:
    def run(self) -> str:
        return "plain"


class MadeWithContext:
    def __init__(self, context: str) -> None:
        self.context = context

    def run(self) -> str:
        return self.context


class RunWithContext:
    def run(self, context: str) -> str:
        return context


class Static:
    @staticmethod
    def run(context: str) -> str:
        return context


class Asynchronous:
    async def run(self, context: str) -> str:
        return context


@pytest.mark.parametrize("form", ["entrypoint_code:{}", "entrypoint_code.{}"])
@pytest.mark.parametrize(
    ("code", "value"),
    [
        (Plain, "plain"),
        (MadeWithContext, "the context"),
        (RunWithContext, "the context"),
        (Static, "the context"),
        (Asynchronous, "the context"),
    ],
)
def test_a_class_is_made_and_run(
    module: types.ModuleType, form: str, code: type, value: str
) -> None:
    module.Action = code  # type: ignore[attr-defined]

    function, takes_context = load_entrypoint(form.format("Action"))

    assert takes_context
    assert call_entrypoint(function, ["the context"]) == value


def test_a_method_run_with_two_arguments_is_refused(module: types.ModuleType) -> None:
    class Action:
        def run(self, first: str, second: str) -> None: ...

    module.Action = Action  # type: ignore[attr-defined]

    with pytest.raises(EntrypointError, match=r"Action\.run' takes first, second"):
        load_entrypoint("entrypoint_code.Action")


def test_a_dotted_entrypoint_names_a_function_too(module: types.ModuleType) -> None:
    module.plain = lambda: None  # type: ignore[attr-defined]

    assert load_entrypoint("entrypoint_code.plain") == (module.plain, False)


def test_a_misspelled_name_gets_a_suggestion(module: types.ModuleType) -> None:
    module.train = lambda: None

    with pytest.raises(EntrypointError, match="did you mean 'train'"):
        load_entrypoint("entrypoint_code:trian")


def test_a_coroutine_is_run_to_its_end() -> None:
    async def run(value: int) -> int:
        await asyncio.sleep(0)
        return value + 1

    assert call_entrypoint(run, [1]) == 2


def test_a_traceback_begins_with_the_plugins_own_code() -> None:
    def run() -> None:
        raise ValueError("no data")

    with pytest.raises(ValueError, match="no data") as caught:
        call_entrypoint(run, [])
    text = format_traceback(caught.value.with_traceback(caught.value.__traceback__.tb_next))  # type: ignore[union-attr]

    assert text.startswith("Traceback (most recent call last):\n")
    assert "synapse/plugins/entrypoints.py" not in text
    assert text.endswith("ValueError: no data\n")
