"""The client as a whole: credentials, one connection, closing."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

import synapse
from synapse.clients.backend import BackendClient
from synapse.clients.base import BaseClient
from synapse.errors import (
    AuthenticationError,
    ConfigurationError,
    NotFound,
    SessionClosed,
)

USER, LEGACY, AGENT = "synapse-access-token", "authorization", "synapse-agent"

ARGUMENTS = [
    ({"api_token": "t"}, {USER: "Token t"}),
    ({"access_token": "t"}, {USER: "Token t"}),
    ({"authorization_token": "t"}, {LEGACY: "Token t"}),
    ({"token": "t"}, {LEGACY: "Token t"}),
    ({"agent_token": "t"}, {AGENT: "Token t"}),
    ({"api_token": "t", "access_token": "t"}, {USER: "Token t"}),
    ({"api_token": "t", "agent_token": "a"}, {USER: "Token t", AGENT: "Token a"}),
    ({"token": "t", "tenant": "c"}, {LEGACY: "Token t", "synapse-tenant": "Token c"}),
]
ENVIRONMENT = [
    ({"SYNAPSE_API_TOKEN": "t"}, {USER: "Token t"}),
    ({"SYNAPSE_ACCESS_TOKEN": "t"}, {USER: "Token t"}),
    ({"SYNAPSE_AUTHORIZATION_TOKEN": "t"}, {LEGACY: "Token t"}),
    ({"SYNAPSE_AGENT_TOKEN": "a"}, {AGENT: "Token a"}),
    (
        {"SYNAPSE_API_TOKEN": "t", "SYNAPSE_AGENT_TOKEN": "a", "SYNAPSE_TENANT": "c"},
        {USER: "Token t", AGENT: "Token a", "synapse-tenant": "Token c"},
    ),
]


def credentials_in(recorder: Any) -> dict[str, str]:
    """Return the headers with credentials of the one request."""
    (asked,) = recorder.asked
    names = {USER, LEGACY, AGENT, "synapse-tenant", "synapse-user"}
    return {name: value for name, value in asked.headers.items() if name in names}


class TestCredentials:
    @pytest.mark.parametrize(("arguments", "expected"), ARGUMENTS)
    def test_arguments(self, recorder: Any, arguments: Any, expected: Any) -> None:
        with BackendClient(recorder.url, **arguments) as client:
            client.get_project(1)

        assert credentials_in(recorder) == expected

    @pytest.mark.parametrize(("variables", "expected"), ENVIRONMENT)
    def test_environment(
        self,
        recorder: Any,
        monkeypatch: pytest.MonkeyPatch,
        variables: dict[str, str],
        expected: Any,
    ) -> None:
        monkeypatch.setenv("SYNAPSE_BASE_URL", recorder.url)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

        with BackendClient() as client:
            client.get_project(1)

        assert credentials_in(recorder) == expected

    def test_argument_beats_environment(
        self, recorder: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SYNAPSE_BASE_URL", "http://127.0.0.1:1")
        monkeypatch.setenv("SYNAPSE_API_TOKEN", "of-the-environment")
        monkeypatch.setenv("SYNAPSE_AGENT_TOKEN", "of-the-environment")

        with BackendClient(base_url=recorder.url, access_token="given") as client:
            client.get_project(1)

        assert credentials_in(recorder) == {USER: "Token given"}

    def test_positions(self, recorder: Any) -> None:
        with BackendClient(recorder.url, "t") as client:
            client.get_project(1)

        assert credentials_in(recorder) == {USER: "Token t"}

    @pytest.mark.parametrize(
        "arguments",
        [
            {},
            {"base_url": "http://127.0.0.1:1"},
            {"api_token": "t"},
            {"base_url": "http://127.0.0.1:1", "api_token": ""},
            {"base_url": "http://127.0.0.1:1", "api_token": "a\nb"},
            {"base_url": "http://127.0.0.1:1", "api_token": "a", "access_token": "b"},
            {"base_url": "http://127.0.0.1:1", "token": "a", "authorization_token": "b"},
            {"base_url": "127.0.0.1:1", "api_token": "t"},
            {"base_url": "http://127.0.0.1:1", "api_token": "t", "timeout": 0},
            {"base_url": "http://127.0.0.1:1", "api_token": "t", "tenant": "a\r\nb"},
        ],
    )
    def test_what_makes_no_client(self, arguments: dict[str, Any]) -> None:
        with pytest.raises(ConfigurationError):
            BackendClient(**arguments)

    @pytest.mark.parametrize("kind", ["api_token", "access_token", "authorization_token", "token"])
    def test_users_token_is_good(self, emulator: Any, kind: str) -> None:
        with BackendClient(emulator.url, **{kind: emulator.api_token}) as client:
            assert client.list_projects()["count"] == 0

    def test_agents_token_is_good(self, emulator: Any) -> None:
        with BackendClient(emulator.url, agent_token=emulator.agent_token) as client:
            assert client.list_jobs()["count"] == 0

    def test_tenant(self, emulator: Any) -> None:
        with BackendClient(emulator.url, emulator.api_token, tenant=emulator.tenant) as client:
            assert client.list_projects()["count"] == 0

    def test_bad_token_is_not_shown(self, emulator: Any) -> None:
        client = BackendClient(emulator.url, "wr0ng-t0ken")

        with client, pytest.raises(AuthenticationError, match="argument api_token") as caught:
            client.list_projects()

        assert caught.value.status_code == 401
        assert "wr0ng" not in f"{caught.value} {vars(caught.value)} {client!r} {vars(client)}"

    @pytest.mark.parametrize("timeout", [5, 2.5, (1, 2), {"connect": 1}, {"read": 2}])
    def test_timeouts(self, emulator: Any, timeout: Any) -> None:
        with BackendClient(emulator.url, emulator.api_token, timeout=timeout) as client:
            assert client.list_projects()["count"] == 0


class TestAddress:
    @pytest.mark.parametrize("end", ["", "/"])
    def test_base_url(self, recorder: Any, end: str) -> None:
        with BackendClient(f"{recorder.url}/api/v1{end}", "t") as client:
            client.get_project(1)

        assert client.base_url == f"{recorder.url}/api/v1"
        assert recorder.lines == [("GET", "api/v1/projects/1/")]
        assert repr(client) == f"BackendClient('{recorder.url}/api/v1')"


class TestSharing:
    def test_session_of_a_client(self, proxy: Any, emulator: Any) -> None:
        with BackendClient(proxy.url, emulator.api_token) as client:
            made = client.create_project({"title": "Streets", "category": "image"})
            project = client.session.projects.get(made["id"])
            project.title = "Roads"
            project.save()

            assert client.get_project(made["id"])["title"] == "Roads"
            assert client.session is client.session
            assert client.session.client is client
            assert client.session.request_count == len(proxy.passed) == 4
            assert proxy.connections == 1

    def test_client_of_a_session(self, proxy: Any, emulator: Any) -> None:
        with synapse.Session(proxy.url, emulator.api_token) as session:
            project = session.projects.create(title="Streets", category="image")

            assert session.client.get_project(project.id)["title"] == "Streets"
            assert session.client is session.client
            assert session.client.session is session
            assert session.request_count == len(proxy.passed) == 2
            assert proxy.connections == 1

    def test_objects_are_those_of_the_session(self, session: synapse.Session) -> None:
        project = session.projects.create(title="Streets", category="image")

        assert session.client.session.projects.get(project.id) is project

    def test_neither_makes_a_request(self, recorder: Any) -> None:
        with BackendClient(recorder.url, "t") as client:
            assert client.session.client is client

        assert recorder.asked == []

    def test_session_is_not_the_default_one(self, emulator: Any) -> None:
        with BackendClient(emulator.url, emulator.api_token) as client:
            _ = client.session
            with pytest.raises(ConfigurationError):
                synapse.Project.objects.count()

    def test_both_are_let_go(self, emulator: Any) -> None:
        """Though each knows the other."""
        with synapse.Session(emulator.url, emulator.api_token) as session:
            client = weakref.ref(session.client)
        del session
        gc.collect()

        assert client() is None


class TestEnd:
    def test_context_manager(self, emulator: Any) -> None:
        with BackendClient(emulator.url, emulator.api_token) as client:
            assert client.list_projects()["count"] == 0

        with pytest.raises(SessionClosed):
            client.list_projects()

    def test_error_passes_through(self, emulator: Any) -> None:
        client = BackendClient(emulator.url, emulator.api_token)

        with pytest.raises(NotFound), client:
            client.get_project(1)

        with pytest.raises(SessionClosed):
            client.list_projects()

    def test_close_twice(self, emulator: Any) -> None:
        client = BackendClient(emulator.url, emulator.api_token)
        client.close()
        client.close()

    def test_both_ends_of_one_connection(self, emulator: Any) -> None:
        client = BackendClient(emulator.url, emulator.api_token)
        session = client.session
        client.close()

        with pytest.raises(SessionClosed):
            session.projects.count()

    def test_session_closes_its_client(self, session: synapse.Session) -> None:
        client = session.client
        session.close()

        with pytest.raises(SessionClosed):
            client.list_projects()

    @pytest.mark.parametrize("list_all", [False, True])
    def test_every_kind_of_call(self, emulator: Any, tmp_path: Any, list_all: bool) -> None:
        path = tmp_path / "file.txt"
        path.write_text("text")
        client = BackendClient(emulator.url, emulator.api_token)
        client.close()

        for call in (
            lambda: client.list_tasks(list_all=list_all),
            lambda: client.create_data_file(path, use_chunked_upload=list_all),
            lambda: next(client.tail_job_console_logs("0" * 32)),
        ):
            with pytest.raises(SessionClosed):
                call()


class Things(BaseClient):
    """What a user makes out of `BaseClient`."""

    def one(self, key: int) -> Any:
        return self._get(f"projects/{key}/", params={"fields": "id,title"})

    def all(self) -> Any:
        return self._list("/projects/", list_all=True)

    def page(self, **params: Any) -> Any:
        return self._list("projects/", params, {"files": str.upper})

    def make(self, **data: Any) -> Any:
        return self._post("/projects/", data)

    def change(self, key: int, **data: Any) -> Any:
        return self._patch(f"projects/{key}/", data)

    def rename(self, key: int, **data: Any) -> Any:
        return self._put(f"plugins/{key}/", data)

    def drop(self, key: int) -> Any:
        return self._delete(f"projects/{key}/")


class TestSubclass:
    @pytest.fixture
    def things(self, emulator: Any) -> Iterator[Things]:
        with Things(emulator.url, emulator.api_token) as made:
            yield made

    def test_verbs(self, things: Things) -> None:
        made = things.make(title="Streets", category="image")

        assert things.one(made["id"]) == {"id": made["id"], "title": "Streets"}
        assert things.change(made["id"], title="Roads")["title"] == "Roads"
        assert things.page(search="Roads")[1] == len(things.all()) == 1
        plugin = things._post("plugins/", {"name": "Detector"})
        assert things.rename(plugin["id"], name="Finder")["name"] == "Finder"
        assert things.drop(made["id"]) is None
        with pytest.raises(NotFound, match=rf"^projects/{made['id']}: ") as caught:
            things.one(made["id"])
        assert caught.value.status == 404

    def test_what_they_send(self, recorder: Any) -> None:
        with Things(recorder.url, "t") as things:
            things._get("/a/b/", {"x": [1, 2]})
            things._post("a/", {"n": 1}, {"x": 1})
            things._put("a/", [])
            things._patch("a/", {})
            things._delete("a/")
            things._delete("a/", {"n": 1})

        sent = [(a.method, a.path, a.query, a.body, bool(a.content)) for a in recorder.asked]
        assert sent == [
            ("GET", "a/b/", [("x", "1"), ("x", "2")], None, False),
            ("POST", "a/", [("x", "1")], {"n": 1}, True),
            ("PUT", "a/", [], [], True),
            ("PATCH", "a/", [], {}, True),
            ("DELETE", "a/", [], None, False),
            ("DELETE", "a/", [], {"n": 1}, True),
        ]
