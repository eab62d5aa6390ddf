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
