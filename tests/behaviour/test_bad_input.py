"""Bad input raises one clear error with advice."""

from __future__ import annotations

import copy
import pickle
import socket
from pathlib import Path
from typing import Any

import pytest

import synapse
from synapse import Project, Session
from synapse.errors import (
    AuthenticationError,
    ClientError,
    ConfigurationError,
    ConnectionFailed,
    NotFound,
    SessionClosed,
    ValidationError,
)


def test_without_a_base_url_the_argument_variable_and_profile_key_are_named() -> None:
    with pytest.raises(ConfigurationError) as caught:
        synapse.connect(api_token="a-token")
    for name in ("base_url", "SYNAPSE_BASE_URL", "[default]", "config.toml"):
        assert name in str(caught.value)


def test_without_a_token_the_argument_variable_and_profile_key_are_named() -> None:
    with pytest.raises(ConfigurationError) as caught:
        synapse.connect("http://127.0.0.1:9")
    for name in ("api_token", "SYNAPSE_API_TOKEN", "[default]", "config.toml"):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("how", "source"),
    [
        ("argument", "the argument api_token"),
        ("environment", "the environment variable SYNAPSE_API_TOKEN"),
        ("profile", "the profile [default]"),
    ],
)
def test_a_wrong_token_is_refused_with_where_it_came_from(
    emulator: Any, monkeypatch: Any, tmp_path: Path, how: str, source: str
) -> None:
    secret = "wrong-5ecret-token"
    if how == "environment":
        monkeypatch.setenv("SYNAPSE_API_TOKEN", secret)
    if how == "profile":
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        (tmp_path / "synapse").mkdir()
        path = tmp_path / "synapse" / "config.toml"
        path.write_text(f'[default]\napi_token = "{secret}"\n')
        path.chmod(0o600)
    token = secret if how == "argument" else None
    with Session(emulator.url, token) as session, pytest.raises(AuthenticationError) as caught:
        session.projects.count()
    assert source in str(caught.value)
    assert caught.value.status_code == 401
    assert secret not in f"{caught.value!s}{caught.value!r}{vars(caught.value)}"


def test_a_host_that_is_down_is_a_failed_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    refused = pytest.raises(ConnectionFailed, match="the connection was refused")
    with Session(f"http://127.0.0.1:{port}", "t") as session, refused as caught:
        session.projects.count()
    assert caught.value.status_code == 503
    assert "server is running" in str(caught.value)


def test_an_unknown_id_is_not_found_and_named(session: Session) -> None:
    with pytest.raises(NotFound) as caught:
        session.projects.get(10**9)
    assert caught.value.resource == "Project 1000000000"
    assert "Project 1000000000" in str(caught.value)


def test_an_invalid_field_is_a_validation_error_with_its_fields(project: Project) -> None:
    project.title = ""
    with pytest.raises(ValidationError) as caught:
        project.save()
    assert caught.value.fields == {"title": ["This field may not be blank."]}
    assert f"Project {project.id}" in str(caught.value)


def test_an_error_survives_pickling(session: Session) -> None:
    with pytest.raises(ClientError) as caught:
        session.projects.get(10**9)
    again = pickle.loads(pickle.dumps(caught.value))
    assert vars(again) == vars(caught.value)
    assert str(again) == str(caught.value)


def test_a_closed_session_says_so(emulator: Any) -> None:
    with Session(emulator.url, emulator.api_token) as session:
        projects = session.projects
    with pytest.raises(SessionClosed, match=r"synapse\.connect\(\)"):
        projects.count()
    with pytest.raises(SessionClosed):
        copy.copy(projects).count()


def test_a_token_of_another_tenant_sees_nothing_of_this_one(backend: Any, project: Project) -> None:
    other = backend.create_tenant()
    with Session(backend.url, other.api_token) as session:
        assert session.projects.count() == 0
        with pytest.raises(NotFound):
            session.projects.get(project.id)
