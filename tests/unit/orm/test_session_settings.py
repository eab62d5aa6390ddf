"""The settings that a session shows."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

import synapse
from synapse.config import Timeout

TOKEN = "tok-5up3r-s3cret"
GIVEN: dict[str, Any] = {
    "base_url": "https://synapse.example/api",
    "tenant": "vision",
    "web_url": "https://app.example/{kind}/{id}",
    "deadline": 7.0,
    "retries": 2,
    "https_only": True,
    "paging": "cursor",
    "uploads": "direct",
    "max_query_length": 4096,
    "cache_size": 12,
    "cache_ttl": 3.5,
}
# They are credentials, may have passwords, or are the caller's own functions.
UNREADABLE = {
    *("api_token", "authorization_token", "agent_token", "headers", "proxies", "verify", "cert"),
    *("on_request", "on_response", "on_retry", "observer"),
}


@pytest.fixture
def session() -> Iterator[synapse.Session]:
    """A session with other settings than the defaults."""
    with synapse.Session(api_token=TOKEN, timeout=(1, 2), headers={"X-Key": TOKEN}, **GIVEN) as one:
        yield one


@pytest.mark.parametrize("name", GIVEN)
def test_are_as_given(session: synapse.Session, name: str) -> None:
    assert getattr(session, name) == GIVEN[name]


def test_timeout_has_its_parts(session: synapse.Session) -> None:
    assert session.timeout == Timeout(1.0, 2.0)


def test_profile_is_the_requested_one(session: synapse.Session) -> None:
    assert session.profile is None


def test_every_option_is_readable_or_a_known_secret() -> None:
    options = set(inspect.signature(synapse.Session).parameters)
    assert {name for name in options if not hasattr(synapse.Session, name)} == UNREADABLE


@pytest.mark.parametrize("name", [*GIVEN, "timeout", "profile"])
def test_cannot_be_assigned(session: synapse.Session, name: str) -> None:
    with pytest.raises(AttributeError, match=rf"Session\.{name} can't be assigned. Make another"):
        setattr(session, name, "other")


def test_other_properties_cannot_be_assigned_either(session: synapse.Session) -> None:
    with pytest.raises(AttributeError, match=r"Session\.request_count can't be assigned: it is"):
        session.request_count = 0  # type: ignore[misc] # on purpose


def test_show_no_token(session: synapse.Session) -> None:
    shown = [repr(getattr(session, name)) for name in dir(type(session)) if name in GIVEN]
    assert TOKEN not in f"{session!r} {shown} {session.timeout!r}"
