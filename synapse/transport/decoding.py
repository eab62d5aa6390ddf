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
    """Return the decoder, chosen at the first response: importing orjson takes time."""
    try:
        import orjson
    except ImportError:
        return _decode
    return orjson.loads


def dumps(value: Any) -> bytes:
    """Encode a body as JSON in UTF-8.

    Raises:
        FieldValueError: JSON can't hold a part of the value; the message names the part.
    """
    return json.dumps(to_json(value), ensure_ascii=False, separators=(",", ":")).encode()


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


_standard = json.JSONDecoder(parse_constant=_refused)


def _decode(body: bytes) -> Any:
    """Decode with the standard library, as strictly as orjson."""
    try:
        return _standard.decode(body.decode("utf-8"))
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
