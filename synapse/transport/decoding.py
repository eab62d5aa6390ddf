"""Encode and decode JSON: by orjson if installed (extra `fast`), else the standard library."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

__all__ = ["decoder", "dumps", "loads"]


def loads(body: bytes) -> Any:
    """Decode JSON in UTF-8.

    Raises:
        ValueError: The body isn't JSON.
    """
    return decoder()(body)


@functools.cache
def decoder() -> Callable[[bytes], Any]:
    """Return the decoder, chosen at the first response: importing orjson takes time."""
    try:
        import orjson
    except ImportError:
        return _decode
    return orjson.loads


def dumps(value: Any) -> bytes:
    """Encode a body as JSON in UTF-8.

    NaN and infinity are refused: they aren't JSON, and a server's error wouldn't name the value.

    Raises:
        ValueError: The value contains a NaN, an infinity or a circular reference.
        TypeError: The value contains a type that JSON doesn't know.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


_standard = json.JSONDecoder(parse_constant=_refused)


def _decode(body: bytes) -> Any:
    """Decode with the standard library, as strictly as orjson."""
    try:
        return _standard.decode(body.decode("utf-8"))
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
