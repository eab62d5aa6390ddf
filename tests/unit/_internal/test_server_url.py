"""Addresses of servers: one spelling for each, and what can't be an address."""

from __future__ import annotations

from typing import Any

import pytest

from synapse._internal.server_url import canonical_host, checked_url
from synapse.errors import ConfigurationError


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTPS://Host.Example:443", "https://host.example/"),
        ("http://host:8000/a/../b//", "http://host:8000/b/"),
        ("http://[0:0:0:0:0:0:0:1]/", "http://[::1]/"),
        (" http://host/%7euser/%2f ", "http://host/~user/%2F/"),
    ],
)
def test_one_spelling(url: str, expected: str) -> None:
    assert checked_url(url, "here") == expected
    assert checked_url(expected, "here") == expected


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (None, "must begin with http"),
        ("ftp://host", "must begin with http"),
        ("http://user:secret@host", "user or password"),
        ("http://host?token=secret", "query or fragment"),
        ("http://host:0", "characters or a port"),
        ("http://[::1", "isn't a URL"),
    ],
)
def test_other_addresses_are_refused_without_a_secret(url: Any, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as caught:
        checked_url(url, "the argument base_url")
    assert "secret" not in str(caught.value)
    assert "the argument base_url" in str(caught.value)


def test_hosts() -> None:
    assert canonical_host("b\xfccher.example") == "xn--bcher-kva.example"
    assert canonical_host("host") == "host"
