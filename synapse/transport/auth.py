"""Credentials on requests, for the configured origin only."""

from __future__ import annotations

from requests import PreparedRequest
from requests.auth import AuthBase

from synapse.config import Settings
from synapse.transport.urls import origin_of

__all__ = ["OriginAuth"]

# The header of each credential, and the word before the token, from the platform's wire format. The
# last three are for an agent or a Ray head instead of the backend.
_HEADERS = {
    "api_token": ("SYNAPSE-Access-Token", "Token "),
    "authorization_token": ("Authorization", "Token "),
    "agent_token": ("SYNAPSE-Agent", "Token "),
    "agent_access": ("Authorization", ""),
    "user_token": ("SYNAPSE-User", "Token "),
    "ray_token": ("Authorization", "Bearer "),
}
_TENANT = "SYNAPSE-Tenant"


class OriginAuth(AuthBase):
    """Attach the credentials to requests for the configured origin only.

    Requests to any other origin lose credentials that got there in another way.

    Args:
        settings: Source of the origin and the credentials.
    """

    def __init__(self, settings: Settings, base_url: str) -> None:
        self._origin = origin_of(base_url)
        self._settings = settings

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Add the headers to a prepared request, or take them off."""
        url = r.url
        try:
            own = url is not None and origin_of(url) == self._origin
        except ValueError:
            own = False
        if own:
            for kind, secret in self._settings.credentials.items():
                header, prefix = _HEADERS[kind]
                r.headers[header] = f"{prefix}{secret.reveal()}"
            if self._settings.tenant:
                r.headers[_TENANT] = f"Token {self._settings.tenant}"
        else:
            for header in (*(header for header, _ in _HEADERS.values()), _TENANT):
                r.headers.pop(header, None)
        return r

    def __repr__(self) -> str:
        return f"OriginAuth({self._origin[0]}://{self._origin[1]}:{self._origin[2]}, '***')"
