"""Settings: where each comes from, which one wins, and what a wrong one is told."""

from __future__ import annotations

import copy
import ipaddress
import json
import logging
import math
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse import config
from synapse.config import Secret, Settings, Timeout, resolve
from synapse.errors import ConfigurationError
from synapse.orm import session_base
from synapse.session import Session
from synapse.transport.urls import normalized, origin_of

URL = "http://127.0.0.1:8000"


@pytest.fixture
def profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Writes the profile file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def write(text: str) -> Path:
        path = tmp_path / "synapse" / "config.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        return path

    return write


def tokens(settings: Settings) -> dict[str, str]:
    return {kind: secret.reveal() for kind, secret in settings.credentials.items()}


class TestPrecedence:
    PROFILE = """
        [default]
        base_url = "http://profile/"
        api_token = "of-profile"
        tenant = "profile-tenant"
    """

    def test_profile_alone(self, profiles: Callable[[str], Path]) -> None:
        path = profiles(self.PROFILE)
        settings = resolve()
        assert settings.base_url == "http://profile/"
        assert tokens(settings) == {"api_token": "of-profile"}
        assert settings.tenant == "profile-tenant"
        assert settings.profile is None
        assert settings.source == f"the profile [default] of {path}"

    def test_environment_beats_profile(
        self, profiles: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        profiles(self.PROFILE)
        monkeypatch.setenv("SYNAPSE_BASE_URL", "http://environment/")
        monkeypatch.setenv("SYNAPSE_API_TOKEN", "of-environment")
        monkeypatch.setenv("SYNAPSE_TENANT", "environment-tenant")
        settings = resolve()
        assert settings.base_url == "http://environment/"
        assert tokens(settings) == {"api_token": "of-environment"}
        assert settings.tenant == "environment-tenant"
        assert settings.source == "the environment variable SYNAPSE_API_TOKEN"

    def test_argument_beats_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SYNAPSE_BASE_URL", "http://environment/")
        monkeypatch.setenv("SYNAPSE_API_TOKEN", "of-environment")
        monkeypatch.setenv("SYNAPSE_TENANT", "environment-tenant")
        settings = resolve("http://argument/", "of-argument", tenant="argument-tenant")
        assert settings.base_url == "http://argument/"
        assert tokens(settings) == {"api_token": "of-argument"}
        assert settings.tenant == "argument-tenant"
        assert settings.source == "the argument api_token"

    def test_a_token_given_keeps_the_environments_others_out(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SYNAPSE_API_TOKEN", "of-environment")
        assert tokens(resolve(URL, agent_token="given")) == {"agent_token": "given"}

    def test_a_token_of_the_environment_keeps_the_profiles_others_out(
        self, profiles: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        profiles('[default]\nagent_token = "of-profile"')
        monkeypatch.setenv("SYNAPSE_API_TOKEN", "of-environment")
        assert tokens(resolve(URL)) == {"api_token": "of-environment"}

    def test_one_level_gives_every_kind(self, profiles: Callable[[str], Path]) -> None:
        profiles('[default]\napi_token = "a"\nauthorization_token = "b"\nagent_token = "c"')
        settings = resolve(URL)
        assert tokens(settings) == {
            "api_token": "a",
            "authorization_token": "b",
            "agent_token": "c",
        }
        assert settings.source.count(" and ") == 2

    def test_empty_values_are_as_good_as_none(
        self, profiles: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        profiles(self.PROFILE)
        for name in ("BASE_URL", "API_TOKEN", "TENANT", "PROFILE"):
            monkeypatch.setenv(f"SYNAPSE_{name}", "")
        settings = resolve("")
        assert (settings.base_url, settings.tenant) == ("http://profile/", "profile-tenant")
        assert tokens(settings) == {"api_token": "of-profile"}


class TestCredentials:
    @pytest.mark.parametrize(
        ("variable", "kind"),
        [
            ("SYNAPSE_API_TOKEN", "api_token"),
            ("SYNAPSE_ACCESS_TOKEN", "api_token"),
            ("SYNAPSE_AUTHORIZATION_TOKEN", "authorization_token"),
            ("SYNAPSE_AGENT_TOKEN", "agent_token"),
        ],
    )
    def test_variables(self, monkeypatch: pytest.MonkeyPatch, variable: str, kind: str) -> None:
        monkeypatch.setenv(variable, "t")
        settings = resolve(URL)
        assert tokens(settings) == {kind: "t"}
        assert settings.source == f"the environment variable {variable}"

    @pytest.mark.parametrize(
        ("argument", "kind"),
        [
            ("api_token", "api_token"),
            ("access_token", "api_token"),
            ("authorization_token", "authorization_token"),
            ("token", "authorization_token"),
            ("agent_token", "agent_token"),
        ],
    )
    def test_arguments(self, argument: str, kind: str) -> None:
        settings = resolve(URL, **{argument: "t"})  # type: ignore[arg-type]
        assert tokens(settings) == {kind: "t"}
        assert settings.source == f"the argument {argument}"

    def test_current_name_of_a_variable_beats_the_older(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SYNAPSE_ACCESS_TOKEN", "older")
        monkeypatch.setenv("SYNAPSE_API_TOKEN", "current")
        assert tokens(resolve(URL)) == {"api_token": "current"}

    @pytest.mark.parametrize(
        ("first", "second"), [("api_token", "access_token"), ("authorization_token", "token")]
    )
    def test_aliases_that_contradict(self, first: str, second: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            resolve(URL, **{first: "one-value", second: "other-value"})  # type: ignore[arg-type]
        assert str(caught.value) == f"{first} and {second} differ: give one of them."

    def test_aliases_that_agree(self) -> None:
        assert tokens(resolve(URL, "same", access_token="same")) == {"api_token": "same"}

    @pytest.mark.parametrize(
        "token", ["", " ", "a b", "abc\n", "abc\r\nX-Evil: 1", "\x00", "tökén", "\ud800", 5]
    )
    def test_what_no_header_can_carry(self, token: Any) -> None:
        with pytest.raises(ConfigurationError, match="argument api_token is empty or") as caught:
            resolve(URL, token)
        assert "bc" not in str(caught.value)
        assert "kén" not in str(caught.value)

    def test_wrong_token_names_the_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SYNAPSE_AGENT_TOKEN", "a b")
        with pytest.raises(ConfigurationError, match="variable SYNAPSE_AGENT_TOKEN"):
            resolve(URL)

    def test_wrong_token_names_the_profile(self, profiles: Callable[[str], Path]) -> None:
        path = profiles("[default]\napi_token = 12345")
        with pytest.raises(ConfigurationError) as caught:
            resolve(URL)
        assert f"the profile [default] of {path}" in str(caught.value)
        assert "12345" not in str(caught.value)


class TestMissing:
    def test_base_url(self, profiles: Callable[[str], Path]) -> None:
        path = profiles("")
        with pytest.raises(ConfigurationError) as caught:
            resolve(api_token="t")
        for part in ("argument base_url", "SYNAPSE_BASE_URL", "profile [default]", str(path)):
            assert part in str(caught.value)

    def test_token(self, profiles: Callable[[str], Path]) -> None:
        path = profiles("")
        with pytest.raises(ConfigurationError) as caught:
            resolve(URL)
        for part in ("argument api_token", "SYNAPSE_API_TOKEN", "profile [default]", str(path)):
            assert part in str(caught.value)

    @pytest.mark.parametrize("given", [{"api_token": "t"}, {"base_url": URL}])
    def test_named_profile_is_named(
        self, profiles: Callable[[str], Path], given: dict[str, str]
    ) -> None:
        profiles("[staging]")
        with pytest.raises(ConfigurationError, match=r"into the profile \[staging\] of"):
            resolve(profile="staging", **given)  # type: ignore[arg-type]


class TestProfile:
    TWO = """
        [default]
        base_url = "http://default/"
        api_token = "of-default"
        [staging]
        base_url = "http://staging/"
        api_token = "of-staging"
    """

    def test_by_argument(self, profiles: Callable[[str], Path]) -> None:
        path = profiles(self.TWO)
        settings = resolve(profile="staging")
        assert (settings.base_url, settings.profile) == ("http://staging/", "staging")
        assert settings.source == f"the profile [staging] of {path}"

    def test_by_variable(
        self, profiles: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        profiles(self.TWO)
        monkeypatch.setenv("SYNAPSE_PROFILE", "staging")
        assert tokens(resolve()) == {"api_token": "of-staging"}

    def test_argument_beats_variable(
        self, profiles: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        profiles(self.TWO)
        monkeypatch.setenv("SYNAPSE_PROFILE", "staging")
        assert tokens(resolve(profile="default")) == {"api_token": "of-default"}

    def test_unreadable_and_needed(self, profiles: Callable[[str], Path]) -> None:
        path = profiles("")
        path.unlink()
        path.mkdir()
        for known in ({"base_url": URL}, {"api_token": "t"}):
            with pytest.raises(ConfigurationError, match=f"{path} can't be read: .*directory"):
                resolve(**known)  # type: ignore[arg-type]

    def test_unreadable_and_not_needed(self, profiles: Callable[[str], Path]) -> None:
        path = profiles("")
        path.unlink()
        path.mkdir()
        assert resolve(URL, "t").tenant is None


class TestBaseUrl:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ("http://host", "http://host/"),
            ("https://host/", "https://host/"),
            ("HTTPS://host///", "https://host/"),
            ("http://host:8000/api/v1", "http://host:8000/api/v1/"),
            ("  http://host/\n", "http://host/"),
            ("http://[::1]:8000", "http://[::1]:8000/"),
            ("http://host/?", "http://host/"),
        ],
    )
    def test_good(self, given: str, expected: str) -> None:
        assert resolve(given, "t").base_url == expected

    @pytest.mark.parametrize(
        ("spelling", "expected"),
        [
            ("https://HOST.Example:443", "https://host.example/"),
            ("HTTP://LOCALHOST:080/", "http://localhost/"),
            ("http://localhost:", "http://localhost/"),
            ("http://localhost:443", "http://localhost:443/"),
            ("https://host/a/../api/./", "https://host/api/"),
            ("https://host/../../api/v1/..", "https://host/api/"),
            ("https://host/%7euser/%61pi/a%2fb", "https://host/~user/api/a%2Fb/"),
            ("https://host/%2e%2e/api", "https://host/api/"),
            ("https://host/50%/ü", "https://host/50%25/%C3%BC/"),
            ("https://bücher.example/", "https://xn--bcher-kva.example/"),
            ("https://BÜCHER.example/", "https://xn--bcher-kva.example/"),
            ("http://[0:0::0:1]:80/", "http://[::1]/"),
            ("http://[::FFFF:127.0.0.1]:8000/", "http://[::ffff:7f00:1]:8000/"),
        ],
    )
    def test_one_server_has_one_spelling(self, spelling: str, expected: str) -> None:
        if "ffff" in expected:  # its short form differs between versions of Python
            expected = f"http://[{ipaddress.ip_address('::ffff:127.0.0.1')}]:8000/"
        base_url = resolve(spelling, "t").base_url
        assert base_url == expected
        assert normalized(base_url) == base_url

    @given(
        st.sampled_from(["http", "HTTPS", "hTTp"]),
        st.sampled_from(["a.example", "A.EXAMPLE", "127.0.0.1", "[::1]", "[0::1]", "ä.example"]),
        st.sampled_from(["", ":", ":80", ":443", ":0443", ":8000"]),
        st.lists(st.sampled_from(["", ".", "..", "a", "%61", "%2e", "%", "é", "a;b=c"])),
    )
    def test_the_spelling_is_the_one_on_the_wire(
        self, scheme: str, host: str, port: str, segments: list[str]
    ) -> None:
        base_url = resolve(f"{scheme}://{host}{port}/{'/'.join(segments)}", "t").base_url
        assert resolve(base_url, "t").base_url == normalized(base_url) == base_url
        assert origin_of(base_url) == origin_of(f"{scheme}://{host}{port}/".replace("ä", "xn--4ca"))

    @pytest.mark.parametrize(
        ("given", "why"),
        [
            ("host", "must begin with http"),
            ("host:8000", "must begin with http"),
            ("ftp://host/", "must begin with http"),
            ("http://", "must begin with http"),
            ("http:///path", "must begin with http"),
            ("file:///etc/passwd", "must begin with http"),
            ("http://host:port/", "it isn't a URL"),
            ("http://host:65536/", "it isn't a URL"),
            ("http://[::1/", "it isn't a URL"),
            ("http://host:0/", "a port that no URL can have"),
            ("http://host/a b", "characters"),
            ("http://host\\@evil/", "must not carry a user"),
            ("http://host/a\\b", "characters"),
            ("http://ho\tst/", "characters"),
            ("http://host/\x7f", "characters"),
            ("http://host/\ud800", "characters"),
            ("http://user@host/", "must not carry a user"),
            ("http://@host/", "must not carry a user"),
            ("http://host/?a=1", "query or fragment"),
            ("http://host/#a", "query or fragment"),
            (5, "must begin with http"),
        ],
    )
    def test_bad(self, given: Any, why: str) -> None:
        with pytest.raises(ConfigurationError, match=f"from the argument base_url .*{why}"):
            resolve(given, "t")

    def test_bad_one_is_shown(self) -> None:
        with pytest.raises(ConfigurationError, match="The base URL 'htp://host/' from"):
            resolve("htp://host/", "t")

    @pytest.mark.parametrize(
        "url",
        [
            "http://user:hunter2@host/",
            "http://hunter2@host/",
            "http://user:hunter2@host:99999/",
            "http://user:hunter2@[host/",
            "http:/user:hunter2@host/",
            "user:hunter2@host",
            "//user:hunter2@host",
            "http://host/?token=hunter2",
            "http://host/#hunter2",
            "host?token=hunter2",
        ],
    )
    def test_a_password_is_never_shown(self, url: str) -> None:
        with pytest.raises(ConfigurationError) as caught:
            resolve(url, "t")
        assert "hunter2" not in "".join(traceback.format_exception(caught.value))

    def test_a_token_in_the_place_of_the_address_is_not_shown(self) -> None:
        with pytest.raises(ConfigurationError, match="The base URL from the argument") as caught:
            resolve("tok-5up3r-s3cret-987654", "http://host/")
        assert "s3cret" not in str(caught.value)

    def test_source_is_the_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SYNAPSE_BASE_URL", "host")
        with pytest.raises(ConfigurationError, match="from SYNAPSE_BASE_URL"):
            resolve(api_token="t")

    def test_source_is_the_profile(self, profiles: Callable[[str], Path]) -> None:
        path = profiles("[default]\nbase_url = 5")
        with pytest.raises(ConfigurationError, match=f"from {path}"):
            resolve(api_token="t")

    @given(st.text() | st.from_regex(r"https?://[^/]{0,20}(/.{0,20})?", fullmatch=True))
    def test_any_text_is_used_or_refused(self, url: str) -> None:
        try:
            base = resolve(url or " ", "t").base_url
        except ConfigurationError:
            return
        assert base.startswith(("http://", "https://"))
        assert base.endswith("/")
        assert resolve(base, "t").base_url == base
        assert not set(base) & set("?#\\ \n")
        assert "@" not in base.split("/")[2]


class TestTenant:
    @pytest.mark.parametrize("code", ["a b", "téam", "a\r\nX-Evil: 1", 5])
    def test_bad(self, code: Any) -> None:
        with pytest.raises(ConfigurationError, match="tenant's code"):
            resolve(URL, "t", tenant=code)

    def test_none_by_default(self) -> None:
        assert resolve(URL, "t").tenant is None


class TestTimeout:
    def test_default(self) -> None:
        assert resolve(URL, "t").timeout == Timeout(5.0, 30.0)

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            (None, Timeout(5.0, 30.0)),
            (7, Timeout(7.0, 7.0)),
            (0.5, Timeout(0.5, 0.5)),
            ((1, 2), Timeout(1.0, 2.0)),
            ([1, 2], Timeout(1.0, 2.0)),
            ({"connect": 1}, Timeout(1.0, 30.0)),
            ({"read": 2}, Timeout(5.0, 2.0)),
            ({"connect": 1, "read": 2}, Timeout(1.0, 2.0)),
            ({}, Timeout(5.0, 30.0)),
            (Timeout(3.0, 4.0), Timeout(3.0, 4.0)),
            (2_000_000, Timeout(2e6, 2e6)),
        ],
    )
    def test_good(self, given: Any, expected: Timeout) -> None:
        made = Timeout.of(given)
        assert made == expected
        assert (type(made.connect), type(made.read)) == (float, float)

    @pytest.mark.parametrize(
        ("given", "why"),
        [
            (0, "more than 0"),
            (-1, "more than 0"),
            (math.nan, "more than 0"),
            (math.inf, "at most 2,000,000"),
            (1e9, "at most 2,000,000"),
            (10**400, "at most 2,000,000"),
            ((1, 0), "more than 0"),
            (True, "True is not a number"),
            ((1, None), "None is not a number"),
            (("1", 2), "'1' is not a number"),
            ({"read": None}, "None is not a number"),
            ({"reed": 1, 5: 1}, r"no \['5', 'reed'\]: it takes"),
            ((1,), "give seconds, a pair"),
            ((1, 2, 3), "give seconds, a pair"),
            ("5", "give seconds, a pair"),
        ],
    )
    def test_bad(self, given: Any, why: str) -> None:
        with pytest.raises(ConfigurationError, match=f"timeout .*{why}"):
            Timeout.of(given)

    def test_resolve_takes_one(self) -> None:
        assert resolve(URL, "t", timeout=(1, 2)).timeout == Timeout(1.0, 2.0)

    numbers = st.integers() | st.floats() | st.none() | st.booleans() | st.text()

    @given(
        numbers
        | st.lists(numbers, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from(["connect", "read", "x"]), numbers)
    )
    def test_anything_is_taken_or_refused(self, value: Any) -> None:
        try:
            made = Timeout.of(value)
        except ConfigurationError:
            return
        assert 0 < made.connect <= 2_000_000
        assert 0 < made.read <= 2_000_000


class TestSecret:
    SECRET = Secret("hunter2", "the argument api_token")

    def test_shows_nothing(self, caplog: pytest.LogCaptureFixture) -> None:
        logging.getLogger("test").warning("%s %r %s", self.SECRET, self.SECRET, [self.SECRET])
        shown = f"{self.SECRET} {self.SECRET!r} {self.SECRET!s:>50} {caplog.text}"
        assert "***" in shown
        assert "hunter2" not in shown

    def test_settings_show_nothing(self) -> None:
        settings = resolve(URL, "hunter2")
        assert "***" in repr(settings)
        assert "hunter2" not in repr(settings)

    def test_has_no_dict(self) -> None:
        assert not hasattr(self.SECRET, "__dict__")

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_refuses_to_be_pickled(self, protocol: int) -> None:
        for holder in (self.SECRET, resolve(URL, "hunter2")):
            with pytest.raises(TypeError, match="can't be pickled"):
                pickle.dumps(holder, protocol)

    def test_refuses_to_be_copied_deeply(self) -> None:
        with pytest.raises(TypeError, match="can't be pickled"):
            copy.deepcopy(resolve(URL, "hunter2"))

    def test_reveals_on_demand(self) -> None:
        assert self.SECRET.reveal() == "hunter2"


def write_profiles(text: str) -> None:
    path = config.profile_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)


@pytest.fixture
def two_profiles(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    write_profiles(
        '[default]\nbase_url = "https://one.example"\napi_token = "first"\n'
        '[staging]\nbase_url = "https://two.example"\napi_token = "second"\n'
    )


@pytest.mark.usefixtures("two_profiles")
def test_a_profile_named_in_the_call_beats_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNAPSE_BASE_URL", "https://other.example")
    monkeypatch.setenv("SYNAPSE_API_TOKEN", "third")
    settings = resolve(profile="staging")
    assert settings.base_url == "https://two.example/"
    assert settings.credentials["api_token"].reveal() == "second"


@pytest.mark.usefixtures("two_profiles")
@pytest.mark.parametrize("profile", [None, "staging"])
def test_a_profiles_token_goes_to_the_profiles_server_only(profile: str | None) -> None:
    with pytest.raises(ConfigurationError, match="isn't sent to"):
        resolve("https://other.example", profile=profile)


@pytest.mark.usefixtures("two_profiles")
def test_a_profiles_token_is_not_sent_where_the_environment_points(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SYNAPSE_BASE_URL", "https://other.example")
    with pytest.raises(ConfigurationError, match="SYNAPSE_BASE_URL"):
        resolve()
    assert resolve(api_token="given").base_url == "https://other.example/"


@pytest.mark.usefixtures("two_profiles")
def test_a_profile_file_that_is_not_needed_may_be_anybodys() -> None:
    config.profile_path().chmod(0o644)
    assert resolve("https://other.example", "given").profile is None


def test_template_of_pages_has_three_sources(
    monkeypatch: pytest.MonkeyPatch, profiles: Callable[[str], Path]
) -> None:
    lines = ['base_url = "https://a.example"', 'api_token = "t"', 'web_url = "https://p/{id}"']
    profiles("\n".join(["[default]", *lines]))

    assert resolve().web_url == "https://p/{id}"
    # Another server's pages aren't those of the profile.
    assert resolve("https://b.example", "other").web_url is None
    monkeypatch.setenv("SYNAPSE_WEB_URL", "https://e/{id}")
    assert resolve().web_url == "https://e/{id}"
    assert resolve(web_url="https://c/{kind}/{id}").web_url == "https://c/{kind}/{id}"
    monkeypatch.setenv("SYNAPSE_WEB_URL", "https://e/")
    with pytest.raises(ConfigurationError, match="from SYNAPSE_WEB_URL can't be used"):
        resolve()


def test_token_command_is_the_tokens_source(profiles: Callable[[str], Path]) -> None:
    profiles('[default]\nbase_url = "https://a.example"\ntoken_command = "echo a-token"\n')
    secret = resolve().credentials["api_token"]
    assert secret.reveal() == "a-token"
    assert secret.source.startswith("token_command of the profile [default]")


# -- The platform's own variables and login ------------------------------------------------------

LOGIN = {"host": "http://login/", "access_token": "of-login", "tenant": "login-tenant"}
PROFILE = '[default]\nbase_url = "http://profile/"\napi_token = "of-profile"'


@pytest.fixture
def login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Path]:
    """Writes the login of the platform's client."""
    path = tmp_path / "config.json"
    monkeypatch.setattr("synapse.profiles.login_path", lambda: path)

    def write(document: Any) -> Path:
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return path

    return write


@pytest.mark.parametrize(
    ("document", "arguments", "variables", "profile", "expected"),
    [
        (LOGIN, {}, {}, "", ("http://login/", {"api_token": "of-login"}, "login-tenant")),
        (LOGIN, {"tenant": "t"}, {}, "", ("http://login/", {"api_token": "of-login"}, "t")),
        (
            {"user_token": "of-user"},
            {},
            {},
            "",
            ("https://api.synapse.sh/", {"authorization_token": "of-user"}, None),
        ),
        (
            {**LOGIN, "user_token": "of-user", "environments": {}},
            {},
            {},
            "",
            ("http://login/", {"api_token": "of-login"}, "login-tenant"),
        ),
        (LOGIN, {"api_token": "a"}, {}, "", ("http://login/", {"api_token": "a"}, None)),
        (LOGIN, {}, {}, PROFILE, ("http://profile/", {"api_token": "of-profile"}, None)),
        (
            LOGIN,
            {},
            {"HOST": "http://login"},
            "",
            ("http://login/", {"api_token": "of-login"}, "login-tenant"),
        ),
        (
            LOGIN,
            {},
            {"HOST": "http://host", "ACCESS_TOKEN": "e"},
            PROFILE,
            ("http://host/", {"api_token": "e"}, None),
        ),
        (
            LOGIN,
            {},
            {"HOST": "http://host", "BASE_URL": "http://base", "ACCESS_TOKEN": "e"},
            "",
            ("http://base/", {"api_token": "e"}, None),
        ),
        (
            LOGIN,
            {},
            {"HOST": "http://host"},
            PROFILE,
            ("http://profile/", {"api_token": "of-profile"}, None),
        ),
        (
            None,
            {},
            {
                "PLUGIN_RUN_HOST": "http://host",
                "PLUGIN_RUN_USER_TOKEN": "u",
                "PLUGIN_RUN_TENANT": "t",
            },
            PROFILE,
            ("http://host/", {"authorization_token": "u"}, "t"),
        ),
    ],
)
def test_platform_settings_come_last(
    profiles: Callable[[str], Path],
    login: Callable[[Any], Path],
    monkeypatch: pytest.MonkeyPatch,
    document: Any,
    arguments: dict[str, str],
    variables: dict[str, str],
    profile: str,
    expected: tuple[str, dict[str, str], str | None],
) -> None:
    if document is not None:
        login(document)
    if profile:
        profiles(profile)
    for name, value in variables.items():
        monkeypatch.setenv(f"SYNAPSE_{name}", value)

    settings = resolve(**arguments)

    assert (settings.base_url, tokens(settings), settings.tenant) == expected


def test_token_of_a_login_goes_to_its_own_server_only(login: Callable[[Any], Path]) -> None:
    login(LOGIN)

    with pytest.raises(ConfigurationError, match=r"is for http://login/, and isn't sent to"):
        resolve("http://elsewhere/")


@pytest.mark.parametrize("text", ["{", "[]", '"x"', "\xff"])
def test_login_that_is_not_a_login(login: Callable[[Any], Path], text: str) -> None:
    login(text)

    with pytest.raises(ConfigurationError, match="is not valid JSON"):
        resolve()
    assert resolve(URL, "token").base_url == f"{URL}/"


@pytest.mark.parametrize(("argument", "variable"), [("internal", ""), (None, "internal")])
def test_host_of_file_urls(
    monkeypatch: pytest.MonkeyPatch, argument: str | None, variable: str
) -> None:
    monkeypatch.setenv("SYNAPSE_PLUGIN_RUN_URL_HOST", variable)

    assert resolve(URL, "token", url_host=argument).url_host == "internal"


class TestEmptyTexts:
    @pytest.mark.parametrize(
        "variable",
        [
            *("SYNAPSE_BASE_URL", "SYNAPSE_API_TOKEN", "SYNAPSE_ACCESS_TOKEN", "SYNAPSE_TENANT"),
            *("SYNAPSE_AUTHORIZATION_TOKEN", "SYNAPSE_AGENT_TOKEN", "SYNAPSE_PROFILE"),
        ],
    )
    def test_of_the_environment_leave_the_profiles_values(
        self, monkeypatch: pytest.MonkeyPatch, profiles: Callable[[str], Path], variable: str
    ) -> None:
        profiles(
            '[default]\nbase_url = "http://p/"\napi_token = "of-profile"\ntenant = "profiles"\n'
        )
        monkeypatch.setenv(variable, "")
        settings = resolve()
        assert (settings.base_url, settings.tenant) == ("http://p/", "profiles")
        assert settings.credentials["api_token"].reveal() == "of-profile"

    @pytest.mark.parametrize("name", ["base_url", "tenant", "profile"])
    def test_of_arguments_leave_the_environments_values(
        self, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        monkeypatch.setenv("SYNAPSE_BASE_URL", "http://environment/")
        monkeypatch.setenv("SYNAPSE_TENANT", "environments")
        monkeypatch.setenv("SYNAPSE_API_TOKEN", "of-environment")
        settings = resolve(**{name: ""})
        assert (settings.base_url, settings.tenant) == ("http://environment/", "environments")

    @pytest.mark.parametrize("name", ["api_token", "authorization_token", "agent_token"])
    def test_are_no_token(self, name: str) -> None:
        with pytest.raises(ConfigurationError, match=f"argument {name} is empty"):
            resolve(URL, **{name: ""})


@pytest.mark.parametrize("spelling", ["HTTPS://Host.example", "https://host.example:443/x/../"])
def test_a_profiles_token_is_for_its_server_in_each_spelling(
    profiles: Callable[[str], Path], spelling: str
) -> None:
    profiles('[default]\nbase_url = "https://host.example/"\napi_token = "of-profile"\n')
    assert tokens(resolve(spelling)) == {"api_token": "of-profile"}
    one, other = Session(spelling), Session()
    with one, other:
        assert one.key == other.key
        assert session_base.find({"base_url": one.key[0], "tenant": None, "profile": None}) in (
            one,
            other,
        )
