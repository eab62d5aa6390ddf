"""Loading and calling an entrypoint; `test_job_main.py` tests the messages of a job."""

from __future__ import annotations

import asyncio
import inspect
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from synapse.plugins.entrypoints import (
    EntrypointError,
    call_entrypoint,
    explain_parameter,
    format_traceback,
    is_own_file,
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


class OwnParams:
    pass


class Context:
    pass


def explain(function: Callable[..., Any]) -> str | None:
    return explain_parameter(next(iter(inspect.signature(function).parameters.values())))


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda params: None, "not the parameters. Write run(context), and read context.params."),
        (lambda train_config: None, "not the parameters."),
        (lambda session: None, "not a session. Write run(context), and use context.session."),
        (lambda backend_client: None, "not a session."),
        (lambda job_id: None, "not the job. Write run(context), and use context.job."),
        (lambda logger: None, "not a logger. Write run(context), and call context.log()."),
        (lambda self: None, "not an object. Name the class as the entrypoint"),
        (lambda epochs=3: None, "'epochs' gets the job's context, never its default."),
    ],
)
def test_what_a_first_parameter_is_taken_for(function: Callable[..., Any], reason: str) -> None:
    explanation = explain(function)
    assert explanation is not None
    assert reason in explanation


def test_what_an_annotation_says() -> None:
    def by_mapping(context: Mapping[str, Any]) -> None: ...
    def by_text(context: dict[str, int] | None) -> None: ...
    def by_class(context: OwnParams) -> None: ...
    def by_context(params: Context) -> None: ...
    def by_anything(context: Any) -> None: ...

    for wrong in (by_mapping, by_text, by_class):
        assert "not the parameters" in (explain(wrong) or "")
    assert explain(by_context) is None
    assert explain(by_anything) is None


@pytest.mark.parametrize(
    "function",
    [
        lambda context: None,
        lambda ctx=None: None,
        lambda _: None,
        lambda job_context: None,
        lambda x: None,
    ],
)
def test_parameters_that_are_meant_for_the_context(function: Callable[..., Any]) -> None:
    assert explain(function) is None


def test_a_method_of_no_object_is_refused(module: types.ModuleType) -> None:
    module.Plain = Plain

    with pytest.raises(EntrypointError, match=r"takes self\. .* Name the class as the entrypoint"):
        load_entrypoint("entrypoint_code:Plain.run")


def test_only_strict_loading_refuses_a_wrong_first_parameter(module: types.ModuleType) -> None:
    module.run = lambda params: None

    assert load_entrypoint("entrypoint_code:run")[1]
    with pytest.raises(EntrypointError, match="'params' gets the job's context"):
        load_entrypoint("entrypoint_code:run", is_strict=True)
    module.run = lambda params, session: None
    with pytest.raises(EntrypointError, match=r"takes params, session\. .*context\.params\.$"):
        load_entrypoint("entrypoint_code:run")


def test_an_environment_in_the_folder_is_not_the_plugins() -> None:
    folder = Path("/work/plugin")
    assert is_own_file("/work/plugin/plugin/train.py", folder)
    assert not is_own_file("/work/plugin/.venv/lib/python3.12/site-packages/numpy/x.py", folder)
    assert not is_own_file("/work/other.py", folder)
