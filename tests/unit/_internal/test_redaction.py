"""What is shown as `***`: signatures, hidden secrets, and tokens that somebody repeats."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse._internal import redaction
from synapse._internal.redaction import cleaned, guard_logs, hide, is_signed, redacted, without

SIGNATURE = "bm90IGEgc2VjcmV0"

SIGNED = [
    f"https://b.example/a?X-Amz-Signature={SIGNATURE}",
    f"https://b.example/a?x=1&X-Amz-Credential={SIGNATURE}&y=2",
    f"https://b.example/a?X-Amz-Security-Token={SIGNATURE}#f",
    f"https://b.example/a?X-Goog-Signature={SIGNATURE}&x",
    f"https://b.example/a?x-goog-credential={SIGNATURE}",
    f"https://b.example/a?x-oss-signature={SIGNATURE}",
    f"https://b.blob.example/a?sv=2020&sig={SIGNATURE}&se=2030",
    f"https://d.cloudfront.example/a?Expires=1&Signature={SIGNATURE}&Key-Pair-Id=K",
    f"https://b.example/a?AWSAccessKeyId={SIGNATURE}",
    f"https://b.example/a?GoogleAccessId={SIGNATURE}",
    *(f"/a?{name}={SIGNATURE}" for name in ("token", "access_token", "api_token", "agent_token")),
    *(f"/a?x=1&{name}={SIGNATURE}" for name in ("key", "api_key", "apikey", "secret", "password")),
    f"/a?x=1;sig={SIGNATURE}",
    f'{{"url": "https://b.example/a?x=1\\u0026sig={SIGNATURE}"}}',
]


@pytest.mark.parametrize("text", SIGNED)
def test_a_signature_is_not_shown(text: str) -> None:
    assert SIGNATURE not in redacted(text)
    assert redacted(text) == text.replace(SIGNATURE, "***")
    assert is_signed([{"a": {"url": text}}])


@pytest.mark.parametrize(
    "text",
    [
        "https://b.example/a.png?x=1&page=2",
        "GET /tasks/?page_size=100&status=pending&ordering=-id",
        "/a?design=1&tokens=2&monkey=3&keyboard=4",
        "signature=abc",
        "",
    ],
)
def test_nothing_else_is_changed(text: str) -> None:
    assert redacted(text) == text
    assert not is_signed({"a": [text, 1, None]})


KEY = "MIIEvQIBADANBgkq+/hkiG9w0BAQEFAASC=="


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"DefaultEndpointsProtocol=https;AccountName=a;AccountKey={KEY};EndpointSuffix=b.net",
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=***;EndpointSuffix=b.net",
        ),
        (f"accountkey={KEY}", "accountkey=***"),
        (
            f"SharedAccessKeyName=x;SharedAccessKey={KEY}",
            "SharedAccessKeyName=x;SharedAccessKey=***",
        ),
        ("SharedAccessSignature=sv=2020&sig=abc; next", "SharedAccessSignature=***; next"),
        (f"Server=db;Uid=u;Pwd={KEY};", "Server=db;Uid=u;Pwd=***;"),
        (f'{{"connection": "AccountKey={KEY}"}}', '{"connection": "AccountKey=***"}'),
    ],
)
def test_a_key_of_a_connection_string_is_not_shown(text: str, expected: str) -> None:
    assert redacted(text) == expected
    assert redacted(expected) == expected


@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
@pytest.mark.parametrize("line", ["\n", "\\n", " ", "\r\n"])
def test_a_private_key_is_not_shown(kind: str, line: str) -> None:
    begin, end = f"-----BEGIN {kind}PRIVATE KEY-----", f"-----END {kind}PRIVATE KEY-----"
    header = f"Proc-Type: 4,ENCRYPTED{line}DEK-Info: AES-128-CBC,0A"
    text = line.join([f'key = "{begin}', header, KEY, KEY, f'{end}" and more'])
    assert redacted(text) == f'key = "{begin}***{end}" and more'
    shortened = text[: text.index(KEY) + 10]
    assert redacted(shortened) == f'key = "{begin}***'
    assert redacted(redacted(text)) == redacted(text)


def test_a_public_key_is_shown() -> None:
    text = f"-----BEGIN PUBLIC KEY-----\n{KEY}\n-----END PUBLIC KEY-----"
    assert redacted(text) == text


def test_a_password_of_a_url_is_not_shown() -> None:
    assert redacted("see https://me:pass@b.example/a@b") == "see https://***@b.example/a@b"
    assert redacted("by socks5h://me:pass@b.example:1") == "by socks5h://***@b.example:1"


@given(st.text())
def test_any_text_can_be_looked_at(text: str) -> None:
    assert redacted(redacted(text)) == redacted(text)


def test_what_is_nested_too_deeply_is_left_out() -> None:
    deep: object = f"/a?sig={SIGNATURE}"
    for _ in range(5000):
        deep = [deep]
    assert is_signed(deep)
    assert len(str(cleaned({"a": deep}))) < 200
    assert SIGNATURE not in str(cleaned({"a": deep}))
    shallow = [{"a": [1]}]
    assert cleaned(shallow) is shallow


class TestHidden:
    def test_in_every_form(self) -> None:
        hide("a/secret token")
        text = "a/secret token and a%2Fsecret%20token"
        assert redacted(text) == "*** and ***"

    def test_the_oldest_are_forgotten(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(redaction, "_hidden", {})
        monkeypatch.setattr(redaction, "_MOST_HIDDEN", 3)
        for number in range(5):
            hide(f"secret-{number}")
        assert list(redaction._hidden) == ["secret-2", "secret-3", "secret-4"]

    def test_those_of_single_requests_replace_each_other_only(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(redaction, "_hidden", {})
        monkeypatch.setattr(redaction, "_briefly_hidden", {})
        hide("token-of-a-session")
        for number in range(1_000):
            hide(f"value-{number:05}", is_brief=True)

        text = redacted("token-of-a-session value-00499 value-00500 value-00999")
        assert text == "*** value-00499 *** ***"

    def test_by_many_threads(self) -> None:
        def work(name: int) -> None:
            for number in range(200):
                hide(f"thread-{name}-{number}")
                redacted(f"/x/thread-{name}-{number}/")

        threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert redacted("thread-7-199") == "***"


class TestAnswers:
    def test_tokens_that_are_repeated(self) -> None:
        content = b'{"detail": "Token tok-5up3r-s3cret is invalid; tok-5up3r-s3cret"}'
        assert without(content, ["tok-5up3r-s3cret"]) == b'{"detail": "Token *** is invalid; ***"}'

    def test_short_ones_are_chance(self) -> None:
        assert without(b"a test", ["t"]) == b"a test"

    @given(st.binary())
    def test_what_is_no_text_stays(self, content: bytes) -> None:
        assert len(without(content, [])) >= 0
        if b"=" not in content and b"@" not in content:
            assert without(content, ["some-token"]) == content


class TestLogs:
    @pytest.mark.parametrize(
        "name", ["urllib3.connection", "urllib3.connectionpool", "urllib3.util.retry", "requests"]
    )
    def test_of_the_libraries(self, name: str, caplog: pytest.LogCaptureFixture) -> None:
        guard_logs()
        hide("path-secret")
        with caplog.at_level(logging.DEBUG):
            logging.getLogger(name).debug(
                '%s "%s %s"', "http://h", "GET", f"/agents/path-secret/connect/?sig={SIGNATURE}"
            )
            logging.getLogger(name).debug("%d bytes", 5)
        assert caplog.messages == ['http://h "GET /agents/***/connect/?sig=***"', "5 bytes"]

    def test_the_filter_is_put_there_once(self) -> None:
        guard_logs()
        before: list[Any] = list(logging.getLogger("urllib3.connectionpool").filters)
        guard_logs()
        assert logging.getLogger("urllib3.connectionpool").filters == before


def test_circle_of_causes_ends() -> None:
    first, second, third = (ValueError(str(number)) for number in range(3))
    first.__context__, second.__cause__, third.__context__ = second, third, first
    assert list(redaction.walk_chain(first)) == [first, second, third]
    assert list(redaction.walk_chain(first, third)) == [first, second]
    assert list(redaction.walk_chain(None)) == []
    redaction.forget_locals(first, None)
