"""Authenticate requests, and find their tenant."""

# ruff: noqa: ARG002 (the signatures are the framework's)

import functools
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.utils import timezone
from rest_framework import HTTP_HEADER_ENCODING
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from synapse.emulator.models import Job
from synapse.emulator.models.accounts import Tenant, Token, User
from synapse.emulator.prepared_query import PreparedQuery

# The first header in the request decides; a user's token works in both of the user's headers.
_HEADERS = (
    ("SYNAPSE-Access-Token", Token.Kind.USER),
    ("Authorization", Token.Kind.USER),
    ("SYNAPSE-Agent", Token.Kind.AGENT),
)


@dataclass(frozen=True)
class Access:
    """The rights of a request, at ``request.auth``."""

    token: Token
    tenant: Tenant


class TokenAuthentication(BaseAuthentication):
    """The platform's three token headers and the tenant header."""

    def authenticate(self, request: Request) -> tuple[User, Access] | None:
        token = find_token(request)
        if token is None:
            return None
        return token.user, Access(token, self._find_tenant(request, token))

    def authenticate_header(self, request: Request) -> str:
        return "Token"

    def _find_tenant(self, request: Request, token: Token) -> Tenant:
        user = token.user
        code = _read_header(request, "SYNAPSE-Tenant")
        if token.job is not None:
            if code not in (None, token.job.tenant.code):
                raise PermissionDenied("A job's token works only in the job's tenant.")
            return token.job.tenant
        if code is None or code == user.tenant.code:
            return user.tenant
        tenant = user.tenants.filter(code=code).first()
        if tenant is None:  # the same answer for no such tenant: codes cannot be guessed
            raise PermissionDenied("You are not a member of this tenant.")
        return tenant


def find_token(request: Any) -> Token | None:
    """Return the token of a request's headers; None without any.

    Raises:
        AuthenticationFailed: The header is malformed, or the token unknown or expired.
    """
    for header, kind in _HEADERS:
        value = _read_header(request, header)
        if value is not None:
            return _find(value, kind)
    return None


def _find(value: str, kind: Token.Kind) -> Token:
    tokens = _prepare().fetch(Token.hash(value), kind.value)
    if not tokens:
        raise AuthenticationFailed("Invalid token.")
    (token,) = tokens  # digests are unique
    if token.job is not None and _has_expired(token, token.job):
        raise AuthenticationFailed("The job's token has expired.")
    return token


@functools.cache
def _prepare() -> PreparedQuery[Token]:
    tokens = Token.objects.select_related("user__tenant", "job__tenant")
    return PreparedQuery(tokens.filter(digest="digest", kind="kind"), "digest", "kind")


def _has_expired(token: Token, job: Job) -> bool:
    """Return whether a job's token has ended: with its job, or by its age."""
    config: Any = apps.get_app_config("emulator")
    oldest = timezone.now() - timedelta(seconds=config.job_token_lifetime)
    return job.is_final or token.created <= oldest


def _read_header(request: Any, name: str) -> str | None:
    """Return a header's token or code, with or without the keyword ``Token``; or None.

    Without the keyword, `Authorization` belongs to another scheme.
    """
    header: str | None = request.headers.get(name)
    if header is None:
        return None
    # WSGI hands headers over as Latin-1; a client that sends UTF-8 means UTF-8.
    words = header.encode(HTTP_HEADER_ENCODING).decode("utf-8", "replace").split()
    has_keyword = bool(words) and words[0].lower() == "token"
    if name == "Authorization" and not has_keyword:
        return None
    if has_keyword:
        words = words[1:]
    if len(words) != 1 or "\x00" in words[0]:
        return _refuse(name)
    return words[0]


def _refuse(name: str) -> str:
    raise AuthenticationFailed(
        f"Invalid {name} header. Send the token, or the word 'Token', a space and the token."
    )
