"""Decide from a request's head whether its body is read."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import SimpleNamespace
from urllib.parse import parse_qs

from django.db import DatabaseError, close_old_connections
from django.http.request import HttpHeaders
from rest_framework.exceptions import APIException

from synapse.emulator.admin_api import is_control_token
from synapse.emulator.authentication import find_token
from synapse.emulator.signed_links import read_link
from synapse.emulator.storage_service import UPLOAD_PURPOSE

__all__ = ["has_access"]

_LIFETIME = 5.0
_MOST_KNOWN = 1000
# Heads with a right, and when that was looked up: one query serves many requests.
_known: dict[tuple[tuple[str, str], ...], float] = {}


def has_access(headers: Mapping[str, str], path: str, query: str) -> bool:
    """Return whether a request's sender has some right, which the view checks again.

    Args:
        headers: The headers, in upper case with underscores.
        path: The path.
        query: The query string.
    """
    if path.startswith("/_emulator/"):
        return is_control_token(headers.get("AUTHORIZATION", ""))
    if path.startswith("/_storage/"):
        signature = parse_qs(query).get("signature", [""])[0]
        try:
            read_link(UPLOAD_PURPOSE, signature)
        except APIException:
            return False
        return True
    names = ("SYNAPSE_ACCESS_TOKEN", "AUTHORIZATION", "SYNAPSE_AGENT")
    key = tuple((name, headers[name]) for name in names if name in headers)
    now = time.monotonic()
    if key and now - _known.get(key, -_LIFETIME) < _LIFETIME:
        return True
    if not key or not _has_token(headers):
        return False
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[key] = now
    return True


def _has_token(headers: Mapping[str, str]) -> bool:
    request = SimpleNamespace(
        headers=HttpHeaders({f"HTTP_{name}": value for name, value in headers.items()})
    )
    try:
        close_old_connections()
        return find_token(request) is not None
    except APIException:
        return False
    except DatabaseError:  # the view reports that
        return True
