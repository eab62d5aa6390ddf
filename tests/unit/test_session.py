"""Sessions: the default session, names, pickles, where credentials go, known agents."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

import synapse
from synapse import Project, Session
from synapse.errors import ConfigurationError, SessionClosed
from synapse.orm import session_base

ADDRESS = "http://127.0.0.1:7/"
OTHER_ADDRESS = "http://127.0.0.1:8/"
TOKEN = "tok-5up3r-s3cret"
AGENT = "http://127.0.0.1:11"


@pytest.fixture
def session() -> Iterator[Session]:
    """The default session, to a port where nobody listens."""
    with synapse.connect(ADDRESS, TOKEN) as session:
        yield session
        assert session.request_count == 0


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials for `ADDRESS` in the environment."""
    monkeypatch.setenv("SYNAPSE_BASE_URL", ADDRESS)
    monkeypatch.setenv("SYNAPSE_API_TOKEN", TOKEN)


def load(content: bytes) -> Any:
    return pickle.loads(content)


class TestDefaultSession:
    def test_connecting_sets_the_default(self, session: Session) -> None:
        assert session_base.default() is session

    def test_making_a_session_leaves_the_default_alone(self, session: Session) -> None:
        with Session(ADDRESS, TOKEN):
            assert session_base.default() is session

    def test_failed_connecting_leaves_the_default_alone(self, session: Session) -> None:
        with pytest.raises(ConfigurationError):
            synapse.connect(ADDRESS)

        assert session_base.default() is session

    def test_first_use_connects_by_the_environment(self, environment: None) -> None:
        session = session_base.default()

        assert isinstance(session, Session)
        assert session.key == (ADDRESS, None)
        session.close()

    def test_first_use_without_settings_says_what_is_missing(self) -> None:
        with pytest.raises(ConfigurationError, match="SYNAPSE_BASE_URL"):
            Project.objects.count()
        assert repr(Project.objects) == "<ProjectManager[Project]>"

    def test_closed_default_session_says_so(self, session: Session) -> None:
        session.close()

        with pytest.raises(SessionClosed):
            Project.objects.count()


class TestConnect:
    @pytest.mark.parametrize(
        ("option", "meant"),
        [
            ("url", "base_url"),
            ("host", "base_url"),
            ("token", "api_token"),
            ("tennant", "tenant"),
        ],
    )
    def test_unknown_option_names_the_similar_one(self, option: str, meant: str) -> None:
        options: dict[str, Any] = {option: "x"}
        with pytest.raises(TypeError, match=f"takes no '{option}'.* did you mean '{meant}'"):
            synapse.connect(**options)

    def test_signature_is_the_sessions(self) -> None:
        signature = inspect.signature(synapse.connect)

        assert signature.parameters == inspect.signature(Session).parameters
        assert signature.return_annotation == "Session"


class TestNames:
    def test_repr_has_the_address_and_no_token(self, session: Session) -> None:
        assert repr(session) == f"Session('{ADDRESS}')"
        assert TOKEN not in f"{session!r}{vars(session)}"

    def test_dir_has_the_managers(self, session: Session) -> None:
        assert {"projects", "tasks", "close", "request_count"} <= set(dir(session))

    @pytest.mark.parametrize("name", ["identity", "lock", "meet_agent", "agent_api"])
    def test_dir_hides_the_interface_for_objects(self, session: Session, name: str) -> None:
        assert hasattr(session, name)
        assert name not in dir(session)

    @pytest.mark.parametrize("name", ["_repr_html_", "nonsense"])
    def test_unknown_name_is_missing(self, session: Session, name: str) -> None:
        assert not hasattr(session, name)

    def test_misspelled_manager_names_the_right_one(self, session: Session) -> None:
        with pytest.raises(AttributeError, match=r"no 'projetcs'.* did you mean 'projects'"):
            session.projetcs  # type: ignore[attr-defined]  # noqa: B018


class TestPickle:
    """A pickle has the session's origin; the process that loads it has the credentials."""

    def test_is_the_open_session_without_its_token(self, session: Session) -> None:
        content = pickle.dumps(session)

        assert TOKEN.encode() not in content
        assert load(content) is session
        assert copy.deepcopy(session) is session

    def test_open_session_is_found_though_it_is_not_the_default(self, session: Session) -> None:
        content = pickle.dumps(session)

        with synapse.connect(ADDRESS, TOKEN, tenant="vision") as default:
            assert load(content) is session
            assert session_base.default() is default

    def test_closed_session_is_not_found_again(self, environment: None) -> None:
        with synapse.connect() as closed:
            content = pickle.dumps(closed)
        session_base.set_default(None)

        with load(content) as session:
            assert session is not closed
            assert session_base.default() is session

    def test_new_session_does_not_replace_the_default(
        self, environment: None, session: Session
    ) -> None:
        with Session(ADDRESS, TOKEN, tenant="vision") as there:
            content = pickle.dumps(there)

        with load(content) as found:
            assert found.key == (ADDRESS, "vision")
            assert session_base.default() is session

    def test_settings_complete_the_origin(
        self, environment: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with Session() as without_tenant:
            content = pickle.dumps(without_tenant)
        monkeypatch.setenv("SYNAPSE_TENANT", "vision")

        with load(content) as found:
            assert found.key == (ADDRESS, "vision")
            assert load(content) is found

    def test_token_of_one_server_does_not_go_to_another(self, environment: None) -> None:
        with Session(OTHER_ADDRESS, "another-token") as there:
            content = pickle.dumps(there)

        with pytest.raises(ConfigurationError, match=f"this process is set up for {ADDRESS}"):
            load(content)

    def test_token_without_a_server_goes_nowhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SYNAPSE_API_TOKEN", TOKEN)
        with Session(OTHER_ADDRESS, "another-token") as there:
            content = pickle.dumps(there)

        with pytest.raises(ConfigurationError, match="doesn't say for which server its token is"):
            load(content)


class TestAgents:
    """Addresses and tokens of agents, which the session's objects use."""

    def test_agent_with_an_address_has_a_client(self, session: Session) -> None:
        session.meet_agent(5, AGENT, "agents-token")

        client = session.agent_api(5)
        assert client is not None
        assert client.base_url.rstrip("/") == AGENT
        assert session.knows_agent(5)

    def test_agent_without_an_address_is_known(self, session: Session) -> None:
        session.meet_agent(5, None, "agents-token")

        assert session.knows_agent(5)
        assert session.agent_api(5) is None

    def test_unknown_agent(self, session: Session) -> None:
        assert not session.knows_agent(5)
        assert session.agent_api(5) is None

    def test_malformed_address_changes_nothing(self, session: Session) -> None:
        session.meet_agent(5, AGENT, "agents-token")
        client = session.agent_api(5)

        with pytest.raises(ConfigurationError):
            session.meet_agent(5, "ftp://agent", "agents-token")

        assert session.agent_api(5) is client

    def test_new_address_and_the_sessions_end_close_the_client(self, session: Session) -> None:
        session.meet_agent(5, AGENT, "agents-token")
        first = session.agent_api(5)
        session.meet_agent(5, f"{AGENT}1", "agents-token")
        second = session.agent_api(5)
        assert first is not None
        assert second is not None

        with pytest.raises(SessionClosed):
            first.list_jobs()
        session.close()
        with pytest.raises(SessionClosed):
            second.list_jobs()
