"""Descriptions: bounded texts without credentials."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import attrs
import pytest

from synapse import TaskStatus
from synapse._internal.described import (
    Described,
    Description,
    brief,
    cut,
    describe_fields,
    is_secret_name,
    summarize,
)
from synapse._internal.redaction import hide


@attrs.frozen
class Sample(Described):
    name: str = "a"
    size: int | None = None
    api_token: str | None = None
    hidden: str = attrs.field(default="no", repr=False)
    points: tuple[int, ...] = attrs.field(default=(), repr=brief)

    def _describe(self) -> Description:
        return Description("Sample", fields=describe_fields(self))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "None"),
        (True, "True"),
        (1.5, "1.5"),
        ("it's", '"it\'s"'),
        (TaskStatus.PENDING, "'pending'"),
        (b"abc", "<3 bytes>"),
        ([1, "a"], "[1, 'a']"),
        ((1,), "(1,)"),
        ((), "()"),
        ({1}, "{1}"),
        ({"a": {"b": [1]}}, "{'a': {'b': [1]}}"),
        ([[[[[1]]]]], "[[[[[…]]]]]"),
        ([[[[{"a": 1}]]]], "[[[[{…}]]]]"),
        (datetime(2026, 1, 31, 12, tzinfo=timezone.utc), "2026-01-31 12:00:00+00:00"),
        (ValueError("no"), "ValueError: no"),
        (Sample(), "Sample(name='a', size=None, api_token=None, points=())"),
        (object, "<type>"),
    ],
)
def test_values_are_shown_as_python_does(value: object, expected: str) -> None:
    assert brief(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "x" * 10_000_000,
        1 << 20_000,
        list(range(1_000_000)),
        dict.fromkeys(range(1_000_000)),
        {"a": ["b" * 1000] * 1000},
        ValueError("x" * 1_000_000),
        [[[["x" * 90] * 50] * 50] * 50],
    ],
    ids=["text", "integer", "list", "mapping", "nested", "error", "deep"],
)
def test_every_value_is_short(value: object) -> None:
    assert len(brief(value)) <= 600


def test_what_is_left_out_is_counted() -> None:
    assert brief([0] * 15) == f"[{', '.join('0' * 12)}, … 3 more]"
    assert brief(dict.fromkeys("abcdefghijklmn")).endswith(", … 2 more}")


@pytest.mark.parametrize(
    "name",
    [
        *("api_key", "SECRET-KEY", "password", "x_token", "key", "Cookie", "passphrase"),
        *("accessKey", "privateKey", "account_key", "AccountKey", "connection_string"),
    ],
)
def test_credentials_are_hidden(name: str) -> None:
    assert is_secret_name(name)
    assert brief({name: "s3cret", "b": 1}) == f"{{{name!r}: '***', 'b': 1}}"
    assert brief({name: ""}) == f"{{{name!r}: ''}}"


@pytest.mark.parametrize("name", ["keyboard", "title", "monkey", "keypoint", 5, None])
def test_other_names_are_no_credentials(name: object) -> None:
    assert not is_secret_name(name)


def test_signed_urls_and_known_tokens_are_hidden() -> None:
    hide("a-token-of-the-session")
    text = brief(["https://b.example/a?X-Amz-Signature=abc", "is a-token-of-the-session"])

    assert text == "['https://b.example/a?X-Amz-Signature=***', 'is ***']"


def test_text_is_cut_with_an_ellipsis() -> None:
    assert [cut("abcd", 4), cut("abcde", 4)] == ["abcd", "abc…"]


def test_fields_are_those_of_the_repr_that_are_set() -> None:
    sample = Sample(name="b", api_token="s3cret", points=tuple(range(100)))

    assert describe_fields(sample) == [
        ("name", "'b'"),
        ("api_token", "***"),
        ("points", f"({', '.join(map(str, range(12)))}, … 88 more)"),
    ]
    assert describe_fields(Sample(), ["size"]) == [("size", "None")]


def test_rich_gets_the_fields() -> None:
    parts = dict(Sample(size=3).__rich_repr__())

    assert {name: repr(value) for name, value in parts.items()} == {
        "name": "'a'",
        "size": "3",
        "points": "()",
    }


def test_rich_shows_them_in_angles() -> None:
    from rich.pretty import pretty_repr

    shown: Any = Sample(size=3)
    assert pretty_repr(shown) == "<Sample name='a' size=3 points=()>"


def test_summary_is_one_line() -> None:
    assert (
        summarize(Sample(), [("done", 3), ("failed", "a\nb")]) == "<Sample done=3 failed='a\\nb'>"
    )


def test_class_must_describe_itself() -> None:
    with pytest.raises(NotImplementedError):
        Described()._describe()
