"""Credentials go to the configured origin, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from synapse.config import Settings
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
