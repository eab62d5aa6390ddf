"""Prints, logs, errors, warnings and pickles contain no secret."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
from raw_server import Recorder, reply

import synapse
from synapse import errors, profiles
from synapse.clients.agent import AgentClient
from synapse.clients.agent.ray import RayClient
from synapse.clients.backend import BackendClient
from synapse.clients.base import BaseClient
from synapse.config import Secret, resolve, save_profile
from synapse.transport.retry import RetryPolicy

API, LOGIN, AGENT, USER = "api-T0ken-5ecret", "login-T0ken-5e", "agent-T0ken-5ecret", "user-T0ken-5"
STORAGE, SIGNATURE, CREDENTIAL = "storage-5ecret/key", "5ignature-of-url", "credential-of-5ecret"
SECRETS = [API, LOGIN, AGENT, USER, STORAGE, SIGNATURE, CREDENTIAL]
URL = (
    "https://bucket.example/a.png?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    f"&X-Amz-Credential={CREDENTIAL}&X-Amz-Signature={SIGNATURE}"
)
CONFIGURATION = {"bucket_name": "b", "access_key": "k", "secret_key": STORAGE}
ROW = {
    "id": 1,
    "title": "a",
    "name": "a",
    "files": {"image": {"url": URL, "checksum": "c"}},
    "file": URL,
    "url": URL,
    "data_collection": 2,
    "meta": {},
}
HEADERS = {"X_Request_ID": "of-the-server"}


def assert_clean(content: str | bytes) -> None:
    content = content if isinstance(content, bytes) else content.encode("utf-8", "replace")
    for secret in SECRETS:
        assert secret.encode() not in content, secret


@pytest.fixture
def session(home: Recorder) -> Iterator[synapse.Session]:
    with synapse.connect(
        home.url, API, authorization_token=LOGIN, agent_token=AGENT, lazy="allow"
    ) as made:
        policy = RetryPolicy(attempts=2, base=0.001)
        made.transport.options = attrs.evolve(made.transport.options, retry=policy)
        home.otherwise = reply(200, ROW)
        agent = {**ROW, "url": "http://127.0.0.1:1/"}  # it has an address, and no signed link
        home.answers[f"/agents/{AGENT}/connect/"] = reply(200, agent)
        yield made


def kept(session: synapse.Session, home: Recorder) -> dict[str, Any]:
    """Return one of every public thing that may hold a secret."""
    home.answers["/storages/"] = reply(201, {"id": 3, "name": "s", "configuration": CONFIGURATION})
    page = {"count": 1, "next": None, "results": [ROW]}
    home.answers["/data_units/?page_size=100"] = reply(200, page)
    unit = session.data_units.get(1)
    query = session.data_units.all()
    list(query)
    return {
        "session": session,
        "transport": session.transport,
        "options": session.transport.options,
        "settings": session.transport.settings,
        "secret": session.transport.settings.credentials["api_token"],
        "auth": session.transport._auth,
        "connection": session.transport._connection,
        "client": session.client,
        "backend client": BackendClient(home.url, API, agent_token=AGENT),
        "base client": BaseClient(home.url, API),
        "agent client": AgentClient(home.url, AGENT, user_token=USER),
        "ray client": RayClient(home.url),
        "unit": unit,
        "query": query,
        "manager": session.data_units,
        "storage": session.storages.create(
            name="s", provider="amazon_s3", category="external", configuration=CONFIGURATION
        ),
        "agent": session.agents.connect(AGENT),
        "task": session.tasks.get(1),
        "release": session.plugin_releases.get(1),
        "model": session.models.get(1),
        "identity": session.identity,
    }


KINDS = [
    *("session", "transport", "options", "settings", "secret", "auth", "connection", "client"),
    *("backend client", "base client", "agent client", "ray client", "unit", "query", "manager"),
    *("storage", "agent", "task", "release", "model", "identity"),
]


class TestObjects:
    @pytest.mark.parametrize("kind", KINDS)
    def test_shown(self, session: synapse.Session, home: Recorder, kind: str) -> None:
        one = kept(session, home)[kind]
        assert_clean(repr(one))
        assert_clean(str(one))
        assert_clean(f"{[one]!r}{ {1: one}!r}")
        if "__dict__" in dir(type(one)):
            assert_clean(repr(vars(one)))
        if kind in ("options", "settings"):
            assert_clean(repr(attrs.asdict(one, recurse=False)))

    @pytest.mark.parametrize("kind", KINDS)
    def test_pickled(self, session: synapse.Session, home: Recorder, kind: str) -> None:
        one = kept(session, home)[kind]
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            try:
                content = pickle.dumps(one, protocol)
            except (TypeError, AttributeError, pickle.PicklingError) as error:
                content = str(error).encode()
            assert_clean(content)

    def test_every_kind_is_there(self, session: synapse.Session, home: Recorder) -> None:
        assert [*kept(session, home)] == KINDS

    def test_a_secret_cannot_be_pickled_or_copied_by_accident(self) -> None:
        with pytest.raises(TypeError, match="can't be pickled"):
            pickle.dumps(Secret(API, "a test"))
        with pytest.raises(TypeError, match="can't be pickled"):
            copy.copy(Secret(API, "a test"))

    def test_a_files_address_is_shown_without_its_signature(self, session: synapse.Session) -> None:
        file = session.data_units.get(1).files["image"]
        assert file.url == URL
        assert "X-Amz-Signature=***" in repr(file)
        assert_clean(repr(file))
        assert_clean(repr(session.data_units.get(1).files))

    def test_what_a_pickle_leaves_out_is_loaded_again(
        self, session: synapse.Session, home: Recorder
    ) -> None:
        content = pickle.dumps(session.data_units.get(1))
        session.close()
        synapse.connect(home.url, API, lazy="allow")
        unit = pickle.loads(content)
        before = unit._session.transport.request_count
        assert unit.meta == {}
        assert unit._session.transport.request_count == before
        assert unit.files["image"].url == URL
        assert unit._session.transport.request_count == before + 1
        unit._session.close()


ECHO = {"detail": f"Invalid token {API} of {AGENT}", "url": [URL], "x": f"{LOGIN}"}
CALLS: dict[str, Callable[[synapse.Session], Any]] = {
    "get": lambda session: session.projects.get(1),
    "list": lambda session: list(session.projects.filter(title="x")),
    "create": lambda session: session.projects.create(title="a", category="text"),
    "storage": lambda session: session.storages.create(
        name="s", provider="amazon_s3", category="external", configuration=CONFIGURATION
    ),
    "agent": lambda session: session.agents.connect(AGENT),
    "client's agent": lambda session: session.client.health_check_agent(AGENT),
    "bulk_create": lambda session: session.tasks.bulk_create([{"project": 1, "data_unit": 1}]),
    "lines": lambda session: list(session.transport.lines("jobs/1/console_logs/")),
}
ANSWERS = {
    "refused": reply(400, ECHO, **HEADERS),
    "by field": reply(400, {"title": [ECHO["detail"], URL]}, **HEADERS),
    "bulk": reply(400, [{"title": [ECHO["detail"]]}, {"meta": [URL]}]),
    "not allowed": reply(401, ECHO),
    "not found": reply(404, ECHO),
    "broken": reply(500, f"<html><title>{API} {URL}</title>{AGENT}</html>".encode()),
    "throttled": reply(429, ECHO, Retry_After="0"),
    "redirect": reply(302, {}, Location=URL),
    "no JSON": reply(200, f"{API} {URL}, {LOGIN}".encode()),
    "page": reply(200, f"<title>{AGENT} {URL}</title>".encode()),
    "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + str(ECHO).encode(),
    "nothing": b"",
    "no HTTP": f"{API} {URL}\r\n\r\n".encode(),
}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("call", CALLS)
def test_what_goes_wrong_says_no_secret(
    session: synapse.Session,
    home: Recorder,
    caplog: pytest.LogCaptureFixture,
    call: str,
    answer: str,
) -> None:
    home.answers.clear()
    home.otherwise, home.closes = ANSWERS[answer], answer in ("cut", "nothing", "no HTTP")
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            CALLS[call](session)
        except errors.SynapseError as error:
            assert_clean(described(error))
        else:
            assert call == "lines"  # any text will do
    assert_clean(caplog.text)
    assert all(record.exc_info is None for record in caplog.records)
    assert caplog.records
    for warning in warned:
        assert_clean(str(warning.message))


@pytest.fixture
def lures(
    session: synapse.Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> synapse.Session:
    """A session, beside secrets in every other source of settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    tokens = {"api_token": API, "agent_token": AGENT, "token_command": f"echo {LOGIN}"}
    save_profile("default", {**tokens, "base_url": f"https://me:{STORAGE}@profile.example"})
    login = tmp_path / "config.json"
    login.write_text(json.dumps({"host": URL, "access_token": USER}), encoding="utf-8")
    monkeypatch.setattr(profiles, "login_path", lambda: login)
    monkeypatch.setenv("SYNAPSE_API_TOKEN", USER)
    monkeypatch.setenv("SYNAPSE_AGENT_TOKEN", AGENT)
    monkeypatch.setenv("SYNAPSE_AGENT_URL", session.transport.base_url)
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", session.transport.base_url)
    monkeypatch.setenv("RAY_AUTH_TOKEN", USER)
    monkeypatch.setenv("SYNAPSE_BASE_URL", f"https://me:{LOGIN}@other.example/?token={USER}")
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:{LOGIN}@proxy.example:3128")
    return session


@pytest.mark.parametrize("answer", ["fine", *ANSWERS])
def test_a_doctors_report_has_no_secret(
    lures: synapse.Session, home: Recorder, caplog: pytest.LogCaptureFixture, answer: str
) -> None:
    home.answers.clear()
    home.otherwise = ANSWERS.get(answer, reply(200, {**ROW, "status": ECHO, "username": ECHO}))
    home.closes = answer in ("cut", "nothing", "no HTTP")

    with caplog.at_level(logging.DEBUG):
        report = lures.doctor(upload=answer == "fine")

    assert len({finding.check for finding in report.findings}) > 15
    assert_clean(str(report))
    assert_clean(json.dumps(report.to_dict()))
    assert_clean(f"{report!r}{report.findings!r}{report._repr_mimebundle_()}")
    assert_clean(caplog.text)


def described(error: BaseException) -> str:
    """Return everything that an exception can tell, its causes included."""
    text = "".join(traceback.format_exception(error))
    seen: BaseException | None = error
    while seen is not None:
        text += f"{seen}{seen!r}"
        if isinstance(seen, errors.SynapseError):
            text += f"{vars(seen)}{pickle.dumps(seen)!r}{pickle.loads(pickle.dumps(seen))}"
        request = getattr(seen, "request", None)
        text += f"{getattr(request, 'headers', '')}"
        seen = seen.__cause__
    return text


class TestLogs:
    @pytest.mark.parametrize("call", CALLS)
    def test_of_what_goes_well(
        self,
        session: synapse.Session,
        home: Recorder,
        caplog: pytest.LogCaptureFixture,
        call: str,
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            try:
                CALLS[call](session)
            except errors.SynapseError as error:  # the answer isn't for this call
                assert_clean(described(error))
        assert "urllib3.connectionpool" in {record.name for record in caplog.records}
        assert_clean(caplog.text)

    def test_an_agents_token_is_shown_as_stars(
        self, session: synapse.Session, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            session.agents.connect(AGENT)
        texts = [record.getMessage() for record in caplog.records]
        assert sum("/agents/***/connect/" in text for text in texts) == 2  # urllib3's and ours

    @pytest.mark.parametrize("call", ["file", "agent", "list"])
    def test_of_an_answer_whose_headers_are_none(
        self, home: Recorder, caplog: pytest.LogCaptureFixture, call: str
    ) -> None:
        """The library underneath warns of them with the URL, and quotes them in a traceback."""
        home.otherwise = (
            f"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nno header: {API}\r\nit said {API}\r\n"
            "X-More: 1\r\n\r\n{}"
        ).encode()
        with synapse.Session(home.url, API, retries=0) as session, caplog.at_level(logging.DEBUG):
            if call == "file":
                with session.transport.stream(f"{home.url}a.png?X-Amz-Signature={SIGNATURE}"):
                    pass
            elif call == "agent":
                path = f"agents/{AGENT}/connect/"
                session.transport.request("GET", path, secret=AGENT)
            else:
                session.health()
        assert "Failed to parse headers" in caplog.text
        assert_clean(caplog.text)

    def test_importing_sets_up_no_logging(self) -> None:
        assert logging.getLogger("synapse").handlers == []
        assert logging.getLogger("synapse").level == logging.NOTSET


class TestSettings:
    @pytest.mark.parametrize(
        "options",
        [
            {"base_url": f"https://user:{API}@example.com"},
            {"base_url": f"https://example.com/?token={API}"},
            {"base_url": f"https://example.com/#{API}"},
            {"base_url": f"ht!tp://{API}@example.com"},
            {"api_token": f"{API}\n"},
            {"api_token": f"{API} and more"},
            {"access_token": "another", "api_token": API},
            {"tenant": f"{API}\u00e9"},
        ],
    )
    def test_errors(self, options: dict[str, Any]) -> None:
        with pytest.raises(errors.ConfigurationError) as caught:
            resolve(**{"base_url": "https://example.com", "api_token": API, **options})
        assert_clean(described(caught.value))

    def test_hooks_get_no_secret(self, home: Recorder) -> None:
        seen: list[Any] = []
        home.otherwise = reply(503, ECHO, Retry_After="0")
        with synapse.Session(
            home.url,
            API,
            retries=1,
            on_request=seen.append,
            on_response=seen.append,
            on_retry=seen.append,
        ) as session:
            for call in ("agent", "list"):
                with pytest.raises(errors.ServerError):
                    CALLS[call](session)
        assert len(seen) == 10
        assert_clean(repr(seen))
