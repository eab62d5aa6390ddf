"""How a transport is told to behave, and what it refuses to be told."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.utils import select_proxy

import synapse
from synapse.config import Secret, Settings
from synapse.errors import ConfigurationError
from synapse.transport import Transport
from synapse.transport.options import Options, checked_deadline


class TestDeadline:
    @pytest.mark.parametrize(("given", "kept"), [(None, None), (3, 3.0), (0.5, 0.5)])
    def test_seconds_or_none(self, given: Any, kept: float | None) -> None:
        assert checked_deadline(given) == kept
        assert Options(deadline=given).deadline == kept

    def test_for_ever_is_none(self) -> None:
        assert checked_deadline(math.inf) is None

    @pytest.mark.parametrize("value", [0, -1, math.nan, True, "5", (1, 2), b"1"])
    def test_what_makes_no_sense(self, value: Any) -> None:
        with pytest.raises(ConfigurationError, match="seconds above 0, or None"):
            Options(deadline=value)

    def test_of_a_call_that_makes_no_sense(self, transport: Transport) -> None:
        with pytest.raises(ConfigurationError, match="seconds above 0"):
            transport.request("GET", "a/", deadline=-1)
        assert transport.request_count == 0

    def test_there_is_one_unless_it_is_switched_off(self) -> None:
        assert Options().deadline == 300.0


class EmptyPath:
    """A path that is an empty text; `pathlib` has none."""

    def __fspath__(self) -> str:
        return ""


class TestEmptyTexts:
    @pytest.mark.parametrize("empty", ["", " ", "\t", "\r\n", "\u00a0", EmptyPath()])
    @pytest.mark.parametrize(
        ("name", "form"),
        [
            ("verify", lambda empty: empty),
            ("cert", lambda empty: empty),
            ("cert", lambda empty: (empty, "key.pem")),
            ("cert", lambda empty: ["cert.pem", empty]),
        ],
    )
    def test_are_refused(self, name: str, form: Callable[[Any], Any], empty: Any) -> None:
        with pytest.raises(ConfigurationError, match=f"^{name} is an empty text: give a path"):
            synapse.Session("https://example.com", "t", **{name: form(empty)})

    @pytest.mark.parametrize("empty", ["", " "])
    @pytest.mark.parametrize("name", ["timeout", "deadline", "retries", "lazy", "page_size"])
    def test_are_no_other_setting(self, name: str, empty: Any) -> None:
        with pytest.raises(ConfigurationError, match=name):
            synapse.Session("https://example.com", "t", **{name: empty})

    @pytest.mark.parametrize("name", ["on_request", "on_response", "on_retry"])
    def test_are_no_hook(self, name: str) -> None:
        with pytest.raises(ConfigurationError, match=f"{name} is '': give a function"):
            synapse.Session("https://example.com", "t", **{name: ""})

    @pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
    def test_of_the_environment_count_as_unset(
        self, monkeypatch: pytest.MonkeyPatch, make_settings: Callable[..., Settings], name: str
    ) -> None:
        monkeypatch.setenv(name, "")
        verify, _, _ = Transport(make_settings("https://example.com/"))._connection.trust
        assert verify is True


PROXY = "http://me:s3cret-pass@proxy.example:3128"


class TestProxies:
    @pytest.mark.parametrize(
        "key",
        [
            *("http", "https", "all", "https://example.com", "all://example.com"),
            *("http://127.0.0.1", "http://::1", "https://my_host-1.example"),
        ],
    )
    @pytest.mark.parametrize("address", [PROXY, "proxy:3128", "socks5h://proxy", "http://[::1]:1"])
    def test_that_requests_use(self, key: str, address: str) -> None:
        assert Options(proxies={key: address}).proxies == {key: address}
        url = key.replace("all", "https") if "://" in key else "http://a.example"
        if key == "https":
            url = "https://a.example"
        if "::1" in url:
            url = "http://[::1]"
        assert select_proxy(f"{url}:8000/projects/", {key: address}) == address

    @pytest.mark.parametrize(
        "key",
        [
            *("http://", "https://", "all://", "HTTP", "Https", "http:", "htps", "htttp", "ftp"),
            *("socks5", "no_proxy", "no", "*", "", " ", "http ", "example.com", "ws", "wss"),
            *("https://EXAMPLE.com", "https://example.com:443", "https://example.com/", "//a"),
            *("https://me:s3cret-pass@example.com", "http://[::1]"),
            *("https://bücher.example", "http://É", "http://a%41"),
        ],
    )
    def test_that_no_request_would_use_are_refused(self, key: str) -> None:
        with pytest.raises(ConfigurationError, match="no request matches: write 'http'") as caught:
            Options(proxies={"https": PROXY, key: PROXY})
        assert "s3cret-pass" not in str(caught.value)

    @given(
        st.text(max_size=20)
        | st.builds(
            "{}{}".format,
            st.sampled_from(["http://", "https://", "all://", "HTTP://", "http:"]),
            st.text(max_size=5) | st.text("aZ0.-_:%/@é", max_size=5),
        )
    )
    def test_each_other_key_is_refused_or_used(self, key: str) -> None:
        try:
            Options(proxies={key: PROXY})
        except ConfigurationError:
            return
        scheme, _, host = key.partition("://")
        assert scheme in {"http", "https", "all"}
        at = "[::1]" if ":" in host else host or "a.example"
        assert ":" not in host or set(host) <= set("0123456789abcdef:.")
        url = f"{scheme.replace('all', 'https')}://{at}/"
        assert ":" in host or select_proxy(url, {key: PROXY}) == PROXY

    @pytest.mark.parametrize(
        ("address", "problem"),
        [
            ("htpp://proxy.example:3128", "unknown scheme"),
            ("sock5://proxy.example:1080", "unknown scheme"),
            ("https//proxy.example://x", "unknown scheme"),
            ("", "empty address"),
            (" ", "empty address"),
            ("http://", "empty address"),
        ],
    )
    def test_at_no_address_are_refused(self, address: str, problem: str) -> None:
        with pytest.raises(ConfigurationError, match=f"^proxies\\['https'\\] .*{problem}"):
            Options(proxies={"https": address})


class TestPlainHttp:
    """Only constructed: no packet of a test leaves this machine."""

    @pytest.mark.parametrize(
        "host", ["example.com", "192.0.2.7", "localhost.", "127.0.0.1.example.com", "[2001:db8::1]"]
    )
    def test_to_another_machine_warns_once(
        self, make_settings: Callable[..., Settings], host: str
    ) -> None:
        with pytest.warns(UserWarning, match="plain http: whoever can listen") as told:
            Transport(make_settings(f"http://{host}/"))
        assert len(told) == 1
        assert "tok-" not in str(told[0].message)

    def test_the_warning_points_at_whoever_makes_the_session(self) -> None:
        with pytest.warns(UserWarning, match="plain http") as told:
            synapse.Session("http://example.com", "some-token")
        assert told[0].filename == __file__

    def test_without_credentials_nobody_can_read_any(self) -> None:
        Transport(Settings("http://example.com/", {}))

    @pytest.mark.parametrize(
        "url", ["https://example.com/", "http://127.0.0.1:8/", "http://localhost/", "http://[::1]/"]
    )
    def test_to_this_machine_or_encrypted_it_does_not(
        self, make_settings: Callable[..., Settings], url: str
    ) -> None:
        Transport(make_settings(url), Options(https_only=url.startswith("https:")))

    @pytest.mark.parametrize("tokens", [{"api_token": Secret("some-token", "a test")}, {}])
    def test_is_refused_when_only_https_will_do(self, tokens: Any) -> None:
        with pytest.raises(ConfigurationError, match="plain http, which this session refuses"):
            Transport(Settings("http://example.com/", tokens), Options(https_only=True))
        with pytest.raises(ConfigurationError, match="plain http"):
            synapse.Session("http://example.com", "some-token", https_only=True)


class TestSession:
    """What `Session` takes arrives."""

    def test_options(self, tmp_path: Path) -> None:
        pair = str(tmp_path / "a.pem"), str(tmp_path / "a.key")
        for name in pair:
            Path(name).touch()

        def hook(_: Any) -> None:
            pass

        with synapse.Session(
            "https://example.com",
            "some-token",
            retries=7,
            deadline=12,
            proxies={"https": "http://127.0.0.1:3128"},
            verify=False,
            cert=pair,
            on_request=hook,
            on_response=hook,
            on_retry=hook,
        ) as session:
            options = session.transport.options
        assert options.retry.attempts == 8
        assert options.deadline == 12.0
        assert options.proxies == {"https": "http://127.0.0.1:3128"}
        assert (options.verify, options.cert) == (False, pair)
        assert [options.on_request, options.on_response, options.on_retry] == [hook] * 3

    @pytest.mark.parametrize("retries", [-1, 0.5, "3", None, True])
    def test_retries_that_make_no_sense(self, retries: Any) -> None:
        with pytest.raises(ConfigurationError, match="Pass a whole number, 0 or more"):
            synapse.Session("https://example.com", "some-token", retries=retries)

    @pytest.mark.parametrize(
        ("option", "value", "message"),
        [
            ("proxies", "http://me:s3cret@proxy", "proxies is a mapping from a scheme"),
            ("proxies", {"http": 5}, "proxies is a mapping from a scheme"),
            ("verify", 5, "verify is 5: give the path of a bundle"),
            ("cert", 5, "cert is 5: give a path, or a pair"),
            ("cert", ("a", "b", "c"), "cert is .*: give a path, or a pair"),
            ("on_request", "print", "on_request is 'print': give a function"),
            ("on_response", 5, "on_response is 5: give a function"),
            ("on_retry", 5, "on_retry is 5: give a function"),
        ],
    )
    def test_what_is_no_value(self, option: str, value: Any, message: str) -> None:
        with pytest.raises(ConfigurationError, match=message) as caught:
            synapse.Session("https://example.com", "some-token", **{option: value})
        assert "s3cret" not in str(caught.value)

    def test_paths(self, tmp_path: Path) -> None:
        path = tmp_path / "a.pem"
        path.touch()
        with synapse.Session(
            "https://example.com", "some-token", verify=path, cert=path
        ) as session:
            options = session.transport.options
        assert (options.verify, options.cert) == (str(path), str(path))
        with pytest.raises(ConfigurationError, match="certificate bundle"):
            synapse.Session("https://example.com", "some-token", verify=tmp_path / "none")

    def test_a_deadline_beyond_all_numbers_is_none(self) -> None:
        assert Options(deadline=10**400).deadline is None
