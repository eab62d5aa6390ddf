"""Encode and decode JSON: by orjson if installed (extra `fast`), else the standard library."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

from synapse._internal.json_values import to_json

__all__ = ["decoder", "dumps", "loads"]


def loads(body: bytes) -> Any:
    """Decode JSON in UTF-8.

    Raises:
        ValueError: The body isn't JSON.
    """
    return decoder()(body)


@functools.cache
def decoder() -> Callable[[bytes], Any]:
    """Return the decoder, chosen at the first response: importing orjson takes time.

    Values are the same with and without orjson.
    """
    try:
        import orjson
    except ImportError:
        return _decode
    decode_fast = orjson.loads

    def decode(body: bytes) -> Any:
        # orjson makes floats of integers beyond 64 bits, and refuses some JSON that Python reads.
        kinds = body.translate(_KINDS_OF_BYTE)
        if _LONG_NUMBER in kinds or kinds.startswith(_LONG_NUMBER[1:]):
            return _decode(body)
        try:
            return decode_fast(body)
        except ValueError:
            return _decode(body)

    return decode


def dumps(value: Any) -> bytes:
    """Encode a body as JSON in UTF-8.

    Raises:
        FieldValueError: JSON can't hold a part of the value; the message names the part.
    """
    return json.dumps(to_json(value), ensure_ascii=False, separators=(",", ":")).encode()


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


# Digits as "0", bytes that may come before a number as ":", others as NUL: the fastest search for a
# long number. Digits after anything else are part of a text, such as a checksum.
_KINDS_OF_BYTE = bytes(
    0x30 if byte in b"0123456789" else 0x3A if byte in b":,[- \t\r\n" else 0 for byte in range(256)
)
_LONG_NUMBER = b":" + b"0" * 19

_standard = json.JSONDecoder(parse_constant=_refused)


def _decode(body: bytes) -> Any:
    """Decode with the standard library, as strictly as orjson."""
    try:
        return _standard.decode(body.decode("utf-8"))
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
