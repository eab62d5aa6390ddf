"""Links that are good without a token, for one purpose and for a while."""

import base64
import functools
import hashlib
import hmac
import json
import time
from typing import Any

from django.conf import settings
from django.core.signing import BadSignature, Signer
from rest_framework.exceptions import PermissionDenied

_encode = json.JSONEncoder(separators=(",", ":")).encode


def compute_expiry(lifetime: int) -> int:
    """Return a time at least a lifetime ahead, in seconds since 1970.

    The same time for all links of a period, so that the links of a row stay equal.
    """
    now = int(time.time())
    return (now // lifetime + 2) * lifetime if lifetime else now


def sign_link(purpose: str, value: Any, expires: int) -> str:
    """Return the signature that carries a value and its expiry."""
    # The text of `Signer(salt=purpose).sign_object`, which derives the key for each link anew.
    text = _encode_base64(_encode([value, expires]).encode("ascii"))
    digest = hmac.digest(_derive_key(purpose), text, "sha256")
    return f"{text.decode()}:{_encode_base64(digest).decode()}"


@functools.cache
def _derive_key(purpose: str) -> bytes:
    return hashlib.sha256(f"{purpose}signer{settings.SECRET_KEY}".encode()).digest()


def _encode_base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def read_link(purpose: str, signature: str) -> Any:
    """Return the value that a signature carries.

    Raises:
        PermissionDenied: The signature was changed, is for another purpose, or has expired.
    """
    try:
        value, expires = Signer(salt=purpose).unsign_object(signature)
    except (BadSignature, ValueError, TypeError):
        raise PermissionDenied(
            "The link's signature is wrong. Use links as the server sent them."
        ) from None
    if expires <= time.time():
        raise PermissionDenied("The link has expired. Request the object again for a new link.")
    return value
