"""The server is tested by a client in tests/behaviour/test_mcp.py."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from synapse.errors import SynapseError, UsageError
from synapse.integrations.mcp_server import (
    PROMPTS,
    _describe,
    _explain,
    _explain_errors,
    _make_prompt,
)
from synapse.integrations.model_tools import READING, WRITING


def test_descriptions_end_before_what_a_model_need_not_read() -> None:
    for function in (*READING, *WRITING):
        text = _describe(function)
        assert text
        assert not {"Returns:", "Raises:", "Example:"} & {line.strip() for line in text.split("\n")}


def test_prompts_take_an_id() -> None:
    for _, text in PROMPTS.values():
        filled = _make_prompt(text)("7")
        assert "7" in filled
        assert "{" not in filled


@pytest.mark.parametrize("kind", [SynapseError, ValueError])
def test_an_error_of_megabytes_is_cut(kind: type[Exception]) -> None:
    def find(tools: None) -> None:
        raise kind("https://a.example/?X-Amz-Signature=s3cret " + "x" * 10**7)

    run = _explain_errors(functools.partial(find, None), find, RuntimeError)
    with pytest.raises(RuntimeError) as caught:
        run()
    assert 500 < len(str(caught.value)) < 5000
    assert "s3cret" not in str(caught.value)


class Refusal(Exception):
    """What the package's own error stands for."""


def test_an_unexpected_error_reaches_the_model_without_secrets() -> None:
    def function(tools: object, x: int) -> None:
        """Do something."""

    def call(**arguments: Any) -> None:
        raise RuntimeError("no way to https://me:pass@b.example/a with AccountKey=abcdef;")

    with pytest.raises(Refusal) as caught:
        _explain_errors(call, function, Refusal)(x=1)
    text = "RuntimeError: no way to https://***@b.example/a with AccountKey=***;"
    assert str(caught.value) == text
    assert _explain(UsageError("AccountKey=abcdef")) == "AccountKey=***"
    assert len(_explain(ValueError("x" * 5000))) <= 600
