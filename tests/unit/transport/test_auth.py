"""Credentials go to the configured origin, and nowhere else."""

from __future__ import annotations

import json
import pickle
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

import synapse
from synapse import errors
from synapse.clients.agent import AgentClient
from synapse.config import RenewableSecret, Settings
from synapse.errors import ConfigurationError
from synapse.transport.auth import OriginAuth

BASE = "http://host:8000/api/"
CREDENTIALS = {"synapse-access-token", "authorization", "synapse-agent", "synapse-tenant"}


@pytest.fixture
def everything(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(
        BASE, tenant="vision", api_token="A1", authorization_token="B2", agent_token="C3"
    )


def sent(auth: OriginAuth, url: str, headers: dict[str, str] | None = None) -> dict[str, str]:
    """Return the headers of credentials that a request to a URL would have."""
    request = requests.Request("GET", "http://placeholder/", headers=headers).prepare()
    request.url = url
    result = auth(request)
    assert result is request
    return {
        name.lower(): value
        for name, value in request.headers.items()
        if name.lower() in CREDENTIALS
    }


@pytest.mark.parametrize(
    ("kind", "header"),
    [
        ("api_token", "synapse-access-token"),
        ("authorization_token", "authorization"),
        ("agent_token", "synapse-agent"),
    ],
)
def test_each_kind_has_its_header(
    make_settings: Callable[..., Settings], kind: str, header: str
) -> None:
    auth = OriginAuth(make_settings(BASE, **{kind: "T"}), BASE)
    assert sent(auth, BASE) == {header: "Token T"}


def test_all_at_once(everything: Settings) -> None:
    assert sent(OriginAuth(everything, BASE), f"{BASE}projects/?page=2") == {
        "synapse-access-token": "Token A1",
        "authorization": "Token B2",
        "synapse-agent": "Token C3",
        "synapse-tenant": "Token vision",
    }


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("http://host/", "http://host:80/x"),
        ("http://host:80/", "http://host/x"),
        ("https://host/", "https://host:443/x"),
        ("http://host/", "http://HOST/x"),
        ("http://host/", "HTTP://host/x"),
        ("http://host/api/", "http://host/elsewhere"),
        ("http://host/", "http://anyone:pw@host/x"),
        ("http://[::1]:8000/", "http://[::1]:8000/x"),
    ],
)
def test_same_origin(everything: Settings, base: str, url: str) -> None:
    assert set(sent(OriginAuth(everything, base), url)) == CREDENTIALS


@pytest.mark.parametrize(
    "url",
    [
        "http://evil:8000/api/",
        "http://host:8001/api/",
        "http://host/api/",
        "https://host:8000/api/",
        "ftp://host:8000/api/",
        "http://host@evil:8000/",
        "http://host:8000@evil/",
        "http://host:8000:8000@evil:8000/",
        "http://evil:8000/@host:8000/",
        "http://evil:8000?@host:8000/",
        "http://evil:8000#@host:8000/",
        "http://evil:8000\\@host:8000/",
        "http://host.evil:8000/",
        "http://evil.host:8000/",
        "http://host.:8000/",
        "http://hos%74:8000/",
        "http://ho\tst:8000/",
        "http://host:8000\\.evil/",
        "http://host:port/",
        "http://[host:8000/",
        "//host:8000/api/",
        "/api/",
        "",
        None,
    ],
)
def test_other_origin(everything: Settings, url: str) -> None:
    stray = {
        "SYNAPSE-Access-Token": "Token stray",
        "authorization": "Token stray",
        "Synapse-Agent": "Token stray",
        "SYNAPSE-TENANT": "Token stray",
        "X-Other": "stays",
    }
    auth = OriginAuth(everything, BASE)
    assert sent(auth, url, stray) == {}


def test_other_headers_stay(everything: Settings) -> None:
    request = requests.Request("GET", "http://evil/", headers={"X-Other": "stays"}).prepare()
    assert OriginAuth(everything, BASE)(request).headers["X-Other"] == "stays"


def test_repr_has_the_origin_and_no_token(everything: Settings) -> None:
    assert repr(OriginAuth(everything, BASE)) == "OriginAuth(http://host:8000, '***')"


class Tokens:
    """A function that returns one token after the other; the last one for ever."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        return self.tokens.pop(0) if len(self.tokens) > 1 else self.tokens[0]


class TestRefusedTokens:
    """A function is asked again once, and the refused request is repeated."""

    def session(self, server: Any, tokens: Any, **options: Any) -> synapse.Session:
        return synapse.Session(server.url, tokens, retries=0, **options)

    @pytest.mark.parametrize("way", ["GET", "POST", "PATCH", "DELETE", "lines", "stream"])
    def test_are_asked_for_again(self, server: Any, way: str) -> None:
        tokens = Tokens("first-token", "second-token")
        server.reply(401, {"detail": "Expired."})
        server.reply(body=1)
        with self.session(server, tokens) as session:
            transport = session.transport
            if way == "lines":
                assert list(transport.lines("a/")) == ["1"]
            elif way == "stream":
                with transport.stream("a/") as response:
                    assert response.raw.read() == b"1"
            else:
                assert transport.request(way, "a/", json={"a": 1}) == 1
        sent = [received.headers["synapse-access-token"] for received in server.requests]
        assert sent == ["Token first-token", "Token second-token"]
        assert len({received.body for received in server.requests}) == 1
        assert tokens.calls == 2

    def test_are_asked_for_again_once(self, server: Any) -> None:
        tokens = Tokens("first-token", "second-token", "third-token")
        for _ in range(4):
            server.reply(401, {"detail": "Expired second-token."})
        with self.session(server, tokens) as session:
            with pytest.raises(errors.AuthenticationError) as caught:
                session.transport.request("GET", "a/")
            assert (len(server.requests), tokens.calls) == (2, 2)
            assert "second-token" not in str(caught.value)
            with pytest.raises(errors.AuthenticationError):
                next(session.transport.lines("a/"))

    def test_that_stay_the_same_are_final(self, server: Any) -> None:
        tokens = Tokens("only-token")
        server.reply(401, {})
        with self.session(server, tokens) as session, pytest.raises(errors.AuthenticationError):
            session.transport.request("GET", "a/")
        assert (len(server.requests), tokens.calls) == (1, 2)

    @pytest.mark.parametrize("status", [400, 403, 404, 500])
    def test_are_not_the_cause_of_other_refusals(self, server: Any, status: int) -> None:
        tokens = Tokens("first-token", "second-token")
        server.reply(status, {})
        with self.session(server, tokens) as session, pytest.raises(errors.ClientError):
            session.transport.request("GET", "a/")
        assert tokens.calls == 1

    def test_of_other_hosts_are_none_of_ours(self, server: Any, other_server: Any) -> None:
        tokens = Tokens("first-token", "second-token")
        other_server.reply(401, {})
        with (
            self.session(server, tokens) as session,
            pytest.raises(errors.AuthenticationError),
            session.transport.stream(other_server.url),
        ):
            pass
        assert (len(other_server.requests), tokens.calls) == (1, 1)

    def test_are_asked_for_once_by_all_threads(self, server: Any) -> None:
        tokens = Tokens("first-token", "second-token")
        with self.session(server, tokens) as session:
            secret = session.transport.settings.credentials["api_token"]
            assert isinstance(secret, RenewableSecret)
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(secret.renew, ["first-token"] * 50))
            assert (secret.reveal(), tokens.calls) == ("second-token", 2)

    def test_without_news_are_asked_for_once_by_all_threads(self, server: Any) -> None:
        arrived, answer = threading.Semaphore(0), threading.Event()

        class CountingLock:
            def __init__(self, lock: Any) -> None:
                self.lock = lock

            def __enter__(self) -> None:
                arrived.release()
                self.lock.acquire()

            def __exit__(self, *_: object) -> None:
                self.lock.release()

        class SlowTokens(Tokens):
            def __call__(self) -> str:
                if self.calls:
                    answer.wait(30)
                return super().__call__()

        tokens = SlowTokens("only-token")
        secret = RenewableSecret(tokens, "a test")
        secret._lock = CountingLock(secret._lock)  # type: ignore[assignment] # only for `with`
        with ThreadPoolExecutor(8) as pool:
            for _ in range(8):
                pool.submit(secret.renew, "only-token")
            for _ in range(8):
                arrived.acquire()
            answer.set()
        assert tokens.calls == 2
        secret.renew("only-token")  # one that comes later may find news
        assert tokens.calls == 3

    @pytest.mark.parametrize("source", ["argument", "environment", "profile", "authenticate"])
    def test_of_a_file(
        self, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
    ) -> None:
        file = tmp_path / "token"
        file.write_text("first-token\n")
        options: dict[str, Any] = {}
        if source == "argument":
            options["api_token"] = file
        elif source == "environment":
            monkeypatch.setenv("SYNAPSE_API_TOKEN_FILE", str(file))
        elif source == "authenticate":
            options["api_token"] = "old-token"
        else:
            profile = tmp_path / "synapse" / "config.toml"
            profile.parent.mkdir()
            profile.write_text(
                f'[default]\nbase_url = {json.dumps(server.url)}\ntoken_file = "../token"'
            )
            profile.chmod(0o600)
            monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        with synapse.Session(None if source == "profile" else server.url, **options) as session:
            if source == "authenticate":
                session.authenticate(file)
            server.reply(401, {})
            server.reply(body=1)
            file.write_text("second-token\n")
            assert session.transport.request("POST", "a/") == 1
            server.reply(401, {})
            with pytest.raises(errors.AuthenticationError, match=f"from the file .*{file.name}"):
                session.transport.request("POST", "a/")
        sent = [one.headers["synapse-access-token"] for one in server.requests]
        assert sent == ["Token first-token", *["Token second-token"] * 2]

    def test_of_each_kind(self, server: Any) -> None:
        tokens = Tokens("first-token", "second-token")
        server.reply(401, {})
        server.reply(body=1)
        with synapse.Session(server.url, authorization_token=tokens) as session:
            assert session.transport.request("GET", "a/") == 1
        assert server.last.headers["authorization"] == "Token second-token"

    def test_of_an_agents_client(self, server: Any) -> None:
        server.reply(401, {})
        server.reply(body={"status": "ok"})
        with AgentClient(server.url, Tokens("first-token", "second-token")) as client:
            client.health_check()
        assert server.last.headers["authorization"] == "second-token"

    def test_of_a_command(
        self, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        token, profile = tmp_path / "token", tmp_path / "synapse" / "config.toml"
        token.write_text("first-token")
        command = [sys.executable, "-c", f"print(open({str(token)!r}).read())"]
        profile.parent.mkdir()
        profile.write_text(
            f"[default]\nbase_url = {json.dumps(server.url)}\ntoken_command = {json.dumps(command)}"
        )
        profile.chmod(0o600)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        with synapse.Session() as session:
            token.write_text("second-token")
            server.reply(401, {})
            server.reply(body=1)
            assert session.transport.request("GET", "a/") == 1
        assert server.last.headers["synapse-access-token"] == "Token second-token"

    @pytest.mark.parametrize("value", [None, "", " ", "a b", 5, b"token"])
    def test_that_are_no_tokens(self, server: Any, value: Any) -> None:
        with pytest.raises(ConfigurationError, match="token from the argument api_token is empty"):
            self.session(server, lambda: value)

    def test_of_a_function_that_fails(self, server: Any) -> None:
        def fail() -> str:
            raise OSError("secret-in-the-text")

        with pytest.raises(ConfigurationError, match="function raised OSError") as caught:
            self.session(server, fail)
        assert "secret-in-the-text" not in "".join(traceback.format_exception(caught.value))

    def test_show_nowhere(self, server: Any, caplog: pytest.LogCaptureFixture) -> None:
        server.reply(401, {"detail": "first-token"})
        server.reply(400, {"detail": "Not second-token."})
        with self.session(server, Tokens("first-token", "second-token")) as session:
            with pytest.raises(errors.BadRequest, match=r"Not \*\*\*"):
                session.transport.request("GET", "a/")
            settings = session.transport.settings
            assert "token'" not in repr(settings).replace("api_token'", "")
            with pytest.raises(TypeError, match="can't be pickled"):
                pickle.dumps(settings.credentials["api_token"])


class TestAuthenticate:
    @pytest.mark.parametrize("token", ["new-token", Tokens("new-token")])
    def test_later_requests_have_the_new_token(self, server: Any, token: Any) -> None:
        server.reply(body=1)
        server.reply(body=1)
        with synapse.Session(server.url, "old-token", agent_token="agent-token") as session:
            client = session.client
            session.transport.request("GET", "a/")
            session.authenticate(token)
            client._transport.request("GET", "a/")
        assert server.requests[0].headers["synapse-access-token"] == "Token old-token"
        assert server.last.headers["synapse-access-token"] == "Token new-token"
        assert server.last.headers["synapse-agent"] == "Token agent-token"
        assert server.connections == 1

    def test_a_login_token_is_replaced_by_one(self, server: Any) -> None:
        server.reply(body=1)
        with synapse.Session(server.url, authorization_token="old-token") as session:
            session.authenticate("new-token")
            session.transport.request("GET", "a/")
        assert server.last.headers["authorization"] == "Token new-token"
        assert "synapse-access-token" not in server.last.headers

    @pytest.mark.parametrize("token", ["", "a b", None, 5])
    def test_what_is_no_token_is_refused(self, server: Any, token: Any) -> None:
        with synapse.Session(server.url, "old-token") as session:
            with pytest.raises(ConfigurationError, match=r"token from authenticate\(\) is empty"):
                session.authenticate(token)
            assert session.transport.settings.credentials["api_token"].reveal() == "old-token"

    def test_a_request_that_was_refused_meanwhile_is_repeated(self, server: Any) -> None:
        def authenticate(event: Any) -> None:
            if event.status == 401:
                session.authenticate("new-token")

        server.reply(401, {})
        server.reply(body=1)
        with synapse.Session(server.url, "old-token", on_response=authenticate) as session:
            assert session.transport.request("POST", "a/") == 1
        assert server.last.headers["synapse-access-token"] == "Token new-token"
