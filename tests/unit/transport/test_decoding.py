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
        pytest.importorskip("orjson")
        assert decoding.decoder() is not decoding._decode
    else:
        monkeypatch.setitem(sys.modules, "orjson", None)
        assert decoding.decoder() is decoding._decode
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
    | st.integers()
    | st.integers(-(10**400), 10**400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner) | st.dictionaries(text, inner),
)


@pytest.mark.parametrize(
    "number",
    [
        *(2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**18, 10**19, 10**309),
        *(123456789012345678901234567890, -(10**400), 2**53 + 1, 1e300, -1e-300, -0.0, 1e22),
        float("1234567890123456789012.5"),
    ],
)
def test_every_number_is_the_same_with_both(loads: Loads, number: float) -> None:
    decoded = loads(b'{"a":[%s],"b":"x"}' % repr(number).encode())
    assert decoded == {"a": [number], "b": "x"}
    assert type(decoded["a"][0]) is type(number)
    assert decoding.dumps(decoded) == b'{"a":[%s],"b":"x"}' % repr(number).encode()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"[-0]", [0]),
        (b"[1e400, -1e400]", [math.inf, -math.inf]),
        (b"[1e-400]", [0.0]),
        (b'["\\ud800"]', ["\ud800"]),
        (b'["01234567890123456789"]', ["01234567890123456789"]),
        (b'{"a": 1, "a": 18446744073709551616}', {"a": 2**64}),
        (b"[0.12345678901234567890123]", [0.12345678901234568]),
        (b"36893488147419103232", 2**65),
        (b"-36893488147419103232", -(2**65)),
        (b"[1,\n36893488147419103232\t,\r36893488147419103232]", [1, 2**65, 2**65]),
    ],
)
def test_odd_json_is_the_same_with_both(loads: Loads, body: bytes, expected: Any) -> None:
    assert loads(body) == expected


@given(values)
@pytest.mark.parametrize("has_orjson", [True, False])
def test_comes_back_as_it_went(has_orjson: bool, value: Any) -> None:
    if has_orjson:
        pytest.importorskip("orjson")
    decode = decoding.decoder() if has_orjson else decoding._decode
    decoded = decode(decoding.dumps(value))
    assert decoded == value
    assert repr(decoded) == repr(value)


def test_digits_in_texts_leave_the_fast_decoder_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    orjson = pytest.importorskip("orjson")
    decoding.decoder.cache_clear()
    monkeypatch.setattr(decoding, "_decode", lambda body: pytest.fail(f"decoded slowly: {body!r}"))
    body = b'{"checksum": "00000000000000000000000000000007", "url": "/a/20270131120000000000000"}'
    assert decoding.loads(body) == orjson.loads(body)
    decoding.decoder.cache_clear()
