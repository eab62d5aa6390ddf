"""JSON in and out: orjson when it is installed (the `fast` extra), the standard library else."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

__all__ = ["decoder", "dumps", "loads"]


def loads(body: bytes) -> Any:
    """Decode JSON in UTF-8.

    Raises:
        ValueError: It isn't.
    """
    return decoder()(body)


@functools.cache
def decoder() -> Callable[[bytes], Any]:
    """Return what decodes, chosen at the first answer: importing orjson costs its time, too."""
    try:
        import orjson
    except ImportError:
        return _decode
    return orjson.loads


def dumps(value: Any) -> bytes:
    """Encode a body as JSON in UTF-8.

    NaN and infinity are refused: they aren't JSON, and a server would answer an error that
    doesn't say which value it was.

    Raises:
        ValueError: The value has a NaN, an infinity or a circular reference.
        TypeError: The value has something that JSON doesn't know.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


_standard = json.JSONDecoder(parse_constant=_refused)


def _decode(body: bytes) -> Any:
    """Decode with the standard library, and refuse what orjson refuses."""
    try:
        return _standard.decode(body.decode("utf-8"))
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
