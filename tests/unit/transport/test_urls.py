"""Paths, queries and origins."""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.util import parse_url

from synapse.config import resolve
from synapse.errors import ConfigurationError, UsageError
from synapse.transport.urls import (
    is_loopback,
    normalized,
    origin_of,
    path_segment,
    query_string,
    without_query,
)


class _Key(enum.IntEnum):
    SEVEN = 7


class TestPathSegment:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (5, "5"),
            (-1, "-1"),
            (_Key.SEVEN, "7"),
            ("abc-1_2.~", "abc-1_2.~"),
            ("a b", "a%20b"),
            ("é", "%C3%A9"),
            ("a?b#c%2f", "a%3Fb%23c%252f"),
            ("...", "..."),
            ("%2e%2e", "%252e%252e"),
            ("code@1.0", "code@1.0"),
        ],
    )
    def test_good(self, value: Any, expected: str) -> None:
        assert path_segment(value) == expected

    @pytest.mark.parametrize(
        "value", ["", " ", "\u00a0", ".", "..", "a/b", "a\\b", "a\nb", "\x00", "\x7f", "\ud800"]
    )
    def test_text_that_addresses_something_else(self, value: str) -> None:
        with pytest.raises(UsageError, match="can't be an id"):
            path_segment(value)

    @pytest.mark.parametrize("value", [True, None, 1.0, b"a", ["a"], {}])
    def test_other_types(self, value: Any) -> None:
        with pytest.raises(UsageError, match="is not an id: give an integer or a string"):
            path_segment(value)

    @given(st.text())
    def test_any_text_is_one_segment_or_refused(self, value: str) -> None:
        try:
            segment = path_segment(value)
        except UsageError:
            return
        assert unquote(segment) == value
        url = f"http://host/api/{segment}/"
        assert urlsplit(url).path == f"/api/{segment}/"
        # What opens the connection resolves dot segments; it must see none.
        assert (parse_url(url).path or "").count("/") == 3
        assert segment.isascii()


class TestQueryString:
    @pytest.mark.parametrize(
        ("params", "expected"),
        [
            (None, ""),
            ({}, ""),
            ("", ""),
            ({"a": None}, ""),
            ({"a": 1, "b": "x y"}, "a=1&b=x+y"),
            ({"a": [1, 2]}, "a=1&a=2"),
            ({"a": (1, 2), "b": None}, "a=1&a=2"),
            ([("a", 1), ("a", 2)], "a=1&a=2"),
            ({"a": np.int64(1), "b": [np.float32(0.5)]}, "a=1&b=0.5"),
            ({"a": np.datetime64("2027-01-01", "ns")}, "a=2027-01-01T00%3A00%3A00"),
            ({"a": True, "b": Decimal("0.10")}, "a=True&b=0.10"),
            ({"a": "&=#é"}, "a=%26%3D%23%C3%A9"),
            ("a=1&b=%20", "a=1&b=%20"),
        ],
    )
    def test_good(self, params: Any, expected: str) -> None:
        assert query_string(params) == expected

    def test_an_iterator_of_pairs(self) -> None:
        assert query_string(iter([("a", 1)])) == "a=1"

    @pytest.mark.parametrize("params", [{"a": "\ud800"}, {"\ud800": 1}, {"a": ["\ud800"]}])
    def test_what_is_no_text(self, params: Any) -> None:
        with pytest.raises(UsageError, match=r"is not (valid|Unicode) text"):
            query_string(params)

    @pytest.mark.parametrize("value", [float("nan"), pd.NaT, [pd.NA], b"x"])
    def test_what_no_parameter_can_hold(self, value: Any) -> None:
        with pytest.raises(UsageError, match=r"^since(\.0)? is .*JSON can't hold"):
            query_string({"since": value})

    text = st.text(st.characters(exclude_categories=["Cs"]))

    @given(st.dictionaries(text, st.lists(text, min_size=1)))
    def test_parses_back(self, params: dict[str, list[str]]) -> None:
        query = query_string(params)
        expected = [(key, value) for key, values in params.items() for value in values]
        assert parse_qsl(query, keep_blank_values=True) == expected
        assert query.isascii()
        assert not set(query) & set(" #\r\n")


class TestOriginOf:
    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("http://host", ("http", "host", 80)),
            ("https://host/", ("https", "host", 443)),
            ("HTTPS://API.Example.COM:443/x?y#z", ("https", "api.example.com", 443)),
            ("http://host:8000/", ("http", "host", 8000)),
            ("http://user:pw@host/", ("http", "host", 80)),
            ("http://host@evil/", ("http", "evil", 80)),
            ("http://host:80@evil:81/", ("http", "evil", 81)),
            ("http://[::1]:8000/", ("http", "::1", 8000)),
            ("http://host:0/", ("http", "host", 0)),
            ("ws://host/", ("ws", "host", 0)),
        ],
    )
    def test_good(self, url: str, expected: tuple[str, str, int]) -> None:
        assert origin_of(url) == expected

    @pytest.mark.parametrize("url", ["", "/x/", "host", "http:///x", "file:///etc/passwd"])
    def test_no_host(self, url: str) -> None:
        with pytest.raises(ValueError, match="names no host"):
            origin_of(url)

    @pytest.mark.parametrize("url", ["http://host:port/", "http://host:99999/", "http://[::1/"])
    def test_malformed(self, url: str) -> None:
        with pytest.raises(ValueError, match=r"[Pp]ort|IPv6"):
            origin_of(url)

    @pytest.mark.parametrize(
        "url", ["http://evil\\@host/", "http://ho\tst/", "http://host /", "\x00http://host/"]
    )
    def test_what_two_readers_take_differently(self, url: str) -> None:
        with pytest.raises(ValueError, match="backslash, a blank or a control"):
            origin_of(url)

    @given(st.from_regex(r"https?://[a-z0-9@:\\\[\]./?#%\t ]{1,20}/x", fullmatch=True))
    def test_agrees_with_what_opens_the_connection(self, url: str) -> None:
        try:
            _, host, port = origin_of(url)
            parsed = parse_url(url)
        except ValueError:  # urllib3's errors are of this kind, too
            return
        assert (parsed.host or "").strip("[]").lower() == host
        assert parsed.port in (None, port)


class TestWithoutQuery:
    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("http://host/a/?token=x#y", "http://host/a/"),
            ("http://user:pw@host:1/a", "http://host:1/a"),
            ("//user:pw@host/a?b", "//host/a"),
            ("/a/?b", "/a/"),
            ("mailto:a", "mailto:a"),
            ("", ""),
            ("http://user:pw@[host/?b", "[host/"),
            ("http://[host/#b", "http://[host/"),
        ],
    )
    def test_shows_only_the_place(self, url: str, expected: str) -> None:
        assert without_query(url) == expected


class TestNormalized:
    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("http://HOST/Path/", "http://host/Path/"),
            ("http://host:/", "http://host/"),
            ("http://bücher.example/", "http://xn--bcher-kva.example/"),
            ("http://host/é/", "http://host/%C3%A9/"),
            ("http://[::1]:8000/", "http://[::1]:8000/"),
        ],
    )
    def test_good(self, url: str, expected: str) -> None:
        assert normalized(url) == expected

    @pytest.mark.parametrize("url", ["http://*/", "http://\ud800/", "host", "http://ho\u00a0st/"])
    def test_bad(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="can't be used: no host"):
            normalized(url)

    def test_a_password_is_not_shown(self) -> None:
        with pytest.raises(ConfigurationError) as caught:
            normalized("http://user:hunter2@*/?hunter2")
        assert "hunter2" not in str(caught.value)

    @given(st.from_regex(r"https?://[^/]{1,20}(/.{0,20})?", fullmatch=True))
    def test_whatever_the_settings_let_through(self, url: str) -> None:
        try:
            base = normalized(resolve(url, "t").base_url)
        except ConfigurationError:
            return
        assert base.isascii()
        assert base.endswith("/")
        assert origin_of(base)[1]


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        *((host, True) for host in ("localhost", "api.localhost", "127.0.0.1", "127.9.9.9", "::1")),
        *((host, True) for host in ("::ffff:127.0.0.1", "0.0.0.0", "::")),
        *((host, False) for host in ("localhost.", "localhost.example", "127.0.0.1.example")),
        *((host, False) for host in ("10.0.0.1", "::ffff:10.0.0.1", "fe80::1", "", "notlocalhost")),
    ],
)
def test_which_hosts_are_this_machine(host: str, is_local: bool) -> None:
    assert is_loopback(host) is is_local
