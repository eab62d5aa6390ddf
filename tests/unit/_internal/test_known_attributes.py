"""Assignments to attributes that don't exist are refused, with what to do instead."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import synapse
from synapse.clients.agent import AgentClient
from synapse.clients.agent.ray import RayClient
from synapse.clients.backend import BackendClient
from synapse.errors import ConfigurationError

URL = "http://127.0.0.1:1"


def options(cls: type) -> list[str]:
    """Return the names of a class's options that aren't attributes as well."""
    names = inspect.signature(cls).parameters
    return [name for name in names if not hasattr(cls, name) and name != "transport"]


MAKERS: dict[type, Callable[[], Any]] = {
    synapse.Session: lambda: synapse.Session(URL, "token"),
    BackendClient: lambda: BackendClient(URL, "token"),
    AgentClient: lambda: AgentClient(URL, "token"),
    RayClient: lambda: RayClient(URL),
}


@pytest.mark.parametrize(("cls", "name"), [(cls, name) for cls in MAKERS for name in options(cls)])
def test_options_are_refused(cls: type, name: str) -> None:
    with MAKERS[cls]() as made:
        with pytest.raises(AttributeError, match=rf"{cls.__name__}.{name} can't be assigned\. \w+"):
            setattr(made, name, "value")
        assert name not in vars(made)


@pytest.mark.parametrize("cls", MAKERS)
@pytest.mark.parametrize("name", ["foo", "projets", "access_tokens", "Lazy"])
def test_unknown_names_are_refused(cls: type, name: str) -> None:
    with MAKERS[cls]() as made, pytest.raises(AttributeError, match=f"{cls.__name__} has no"):
        setattr(made, name, 1)


def test_a_misspelt_one_is_refused_with_what_was_meant() -> None:
    session = synapse.Session(URL, "token")
    with session, pytest.raises(AttributeError, match="no 'pagesize'; did you mean 'page_size'"):
        session.pagesize = 5  # type: ignore[attr-defined] # on purpose


@pytest.mark.parametrize(("name", "good", "bad"), [("lazy", "raise", "never"), ("page_size", 7, 0)])
def test_what_may_change_is_checked(name: str, good: Any, bad: Any) -> None:
    with synapse.Session(URL, "token") as session:
        setattr(session, name, good)
        with pytest.raises(ConfigurationError, match=name):
            setattr(session, name, bad)
        assert getattr(session, name) == good


@pytest.mark.parametrize("name", ["key", "me", "request_count"])
def test_properties_are_refused(name: str) -> None:
    with synapse.Session(URL, "token") as session, pytest.raises(AttributeError):
        setattr(session, name, 1)


def test_doubles_of_methods_and_managers_are_not_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with synapse.Session(URL, "token") as session:
        monkeypatch.setattr(session, "health", lambda: {"status": "double"})
        monkeypatch.setattr(session, "projects", ["double"])
        assert (session.health(), session.projects) == ({"status": "double"}, ["double"])
        monkeypatch.undo()
        assert repr(session.projects) == "<ProjectManager[Project]>"


def test_your_subclass_may_have_its_own_but_not_options() -> None:
    class Mine(BackendClient):
        pass

    with Mine(URL, "token") as client:
        client.note = "mine"  # type: ignore[attr-defined] # on purpose
        assert client.note == "mine"  # type: ignore[attr-defined] # on purpose
        with pytest.raises(AttributeError, match=r"Mine\.timeout can't be assigned"):
            client.timeout = 5  # type: ignore[attr-defined] # on purpose
