"""Tokens of agents stay out of messages."""

from __future__ import annotations

import logging

import pytest

from synapse import Session
from synapse.errors import ClientError, NotFound


def test_no_message_shows_an_agents_token(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "synapse"), pytest.raises(NotFound) as caught:
        session.agents.connect("very-secret-token")
    assert caught.value.url is not None
    assert caught.value.url.endswith("agents/***/connect/")
    assert "very-secret" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"
    assert "very-secret" not in caplog.text


def test_nor_does_one_of_a_host_that_is_down() -> None:
    session = Session("http://127.0.0.1:9", "token")
    with pytest.raises(ClientError) as caught:
        session.agents.connect("very-secret-token")
    assert caught.value.__cause__ is None
    assert "very-secret" not in f"{caught.value} {vars(caught.value)}"
