"""The server is tested by a client in tests/behaviour/test_mcp.py."""

from __future__ import annotations

from synapse.integrations.mcp_server import PROMPTS, _describe, _make_prompt
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
