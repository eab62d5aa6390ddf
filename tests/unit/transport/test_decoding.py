"""JSON in and out, with orjson and without it."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synapse.errors import FieldValueError
from synapse.transport import decoding

Loads = Callable[[bytes], Any]


@pytest.fixture(params=["orjson", "standard library"])
def loads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loads]:
    """Either decoder, as the module chooses it with and without orjson."""
    decoding.decoder.cache_clear()
    if request.param == "orjson":
        orjson = pytest.importorskip("orjson")
        assert decoding.decoder() is orjson.loads
    else:
        monkeypatch.setitem(sys.modules, "orjson", None)
        assert decoding.decoder().__module__ == decoding.__name__
    yield decoding.loads
    decoding.decoder.cache_clear()


def test_decodes(loads: Loads) -> None:
    body = '{"a": [1, 2.5, true, null], "é": "\\u00fc"}'.encode()
    assert loads(body) == {"a": [1, 2.5, True, None], "é": "ü"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"<html>",
        b"{'a': 1}",
        b"[1] [2]",
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:12]),
)
def test_refuses_what_is_not_json(loads: Loads, body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - each decoder has its own words
        loads(body)


@pytest.mark.parametrize(
    ("value", "path"),
    [(math.nan, "The value"), ([math.inf], "0"), ({"a": {"b": -math.inf}}, r"a\.b")],
)
def test_no_number_that_json_lacks(value: Any, path: str) -> None:
    with pytest.raises(FieldValueError, match=f"^{path} is .*inf|nan, which JSON can't hold"):
        decoding.dumps(value)


def test_encodes_pythons_values() -> None:
    assert decoding.dumps({"a": {2, 1}, "b": Decimal("0.10")}) == b'{"a":[1,2],"b":"0.10"}'


def test_is_compact_and_utf8() -> None:
    assert decoding.dumps({"é": [1, 2]}) == '{"é":[1,2]}'.encode()


text = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner) | st.dictionaries(text, inner),
)


@given(values)
def test_comes_back_as_it_went(value: Any) -> None:
    assert decoding.loads(decoding.dumps(value)) == value
