"""Paths that users write: they stay below the configured server's address."""

from __future__ import annotations

import pytest

from synapse.errors import UsageError
from synapse.transport.paths import checked_method, split_path

BASE = "https://synapse.example.com/api/"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("labels/", ("labels/", "")),
        ("/labels/7/", ("labels/7/", "")),
        ("labels/?a=1&b=%20", ("labels/", "a=1&b=%20")),
        ("labels/#top", ("labels/", "")),
        ("a b/ü/%2F/", ("a%20b/%C3%BC/%2F/", "")),
        ("time/10:30/", ("time/10:30/", "")),
        ("https://synapse.example.com/api/labels/?page=2", ("labels/", "page=2")),
        ("HTTPS://SYNAPSE.example.com:443/api/labels/", ("labels/", "")),
        ("https://synapse.example.com/api/labels/?next=//x/y/", ("labels/", "next=//x/y/")),
    ],
)
def test_paths_are_quoted_below_the_base_url(path: str, expected: tuple[str, str]) -> None:
    assert split_path(path, BASE) == expected


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", None, 7, "?page=2", "#x"),
        *("../admin/", "labels/../../x/", "labels/%2e%2e/x/", "a\\..\\b/", "./x/", "a%2f..%2fb/"),
        *("a\r\nHost: evil/", "a%0d%0aX/", "a\x00/", "a\ud800/"),
        *("https://evil.example/api/labels/", "http://synapse.example.com/api/labels/"),
        *("https://synapse.example.com:8443/api/x/", "https://synapse.example.com/other/"),
        *("https://synapse.example.com@evil.example/api/", "//evil.example/api/", "\\\\evil/x"),
        *("https://synapse.example.com/api/", "file:///etc/passwd", "javascript:alert(1)"),
        *("a/?q=1\r\nX: y", "a/?q=\ud800", "a/\x7f", "https://synapse.example.com?/api/labels/"),
        *("///evil.example/x/", "https:/evil.example/"),
    ],
)
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(UsageError, match="path"):
        split_path(path, BASE)


def test_refusals_show_no_secret() -> None:
    with pytest.raises(UsageError) as caught:
        split_path("https://ada:s3cret@evil.example/x/?token=s3cret", BASE)

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("method", ["", "GE T", "GET\r\nX: y", None, 3])
def test_methods_are_words(method: str) -> None:
    with pytest.raises(UsageError, match="method"):
        checked_method(method)
    assert checked_method("patch") == "PATCH"
