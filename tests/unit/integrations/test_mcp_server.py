"""The server is tested by a client in tests/behaviour/test_mcp.py."""

from __future__ import annotations

import functools

import pytest

from synapse.errors import SynapseError
from synapse.integrations.mcp_server import PROMPTS, _describe, _explain_errors, _make_prompt
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
    assert 1000 < len(str(caught.value)) < 5000
    assert "s3cret" not in str(caught.value)
