"""Credentials on requests, for the configured origin only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from requests import PreparedRequest
from requests.auth import AuthBase

from synapse._internal.redaction import hide
from synapse.config import RenewableSecret, Settings
from synapse.errors import ConfigurationError
from synapse.transport.own_headers import HeaderValue
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
        settings: Source of the credentials.
        base_url: Source of the origin.
        headers: Further headers for that origin.

    Raises:
        ConfigurationError: A further header is a credential's header.
    """

    def __init__(
        self,
        settings: Settings,
        base_url: str,
        headers: Mapping[str, HeaderValue] = MappingProxyType({}),
    ) -> None:
        self._origin = origin_of(base_url)
        self._base_url = base_url
        self._settings = settings
        self._headers = headers
        self.ensure_no_credential(headers)

    def ensure_no_credential(self, headers: Iterable[str]) -> None:
        """Check that headers replace no credential.

        Raises:
            ConfigurationError: One would.
        """
        names = {name.lower() for name in headers}
        for kind in self._settings.credentials:
            if _HEADERS[kind][0].lower() in names:
                raise ConfigurationError(
                    f"headers has {_HEADERS[kind][0]}, the header of {kind}. Give one of the two."
                )

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Add the headers to a prepared request, or take them off."""
        url = r.url
        try:
            own = url is not None and (
                # Nearly always, and much faster than taking the address apart.
                (self._base_url[-1:] == "/" and url.startswith(self._base_url))
                or origin_of(url) == self._origin
            )
        except ValueError:
            own = False
        if own:
            for name, value in self._headers.items():
                r.headers[name] = value.reveal()
            for kind, secret in self._settings.credentials.items():
                header, prefix = _HEADERS[kind]
                r.headers[header] = f"{prefix}{secret.reveal()}"
            if self._settings.tenant:
                r.headers[_TENANT] = f"Token {self._settings.tenant}"
        else:
            for header in (*(header for header, _ in _HEADERS.values()), _TENANT, *self._headers):
                r.headers.pop(header, None)
        return r

    def renew(self, request: PreparedRequest) -> bool:
        """Ask for other credentials than a refused request's; return whether there are any.

        Raises:
            ConfigurationError: The source of a credential fails.
        """
        is_renewed = False
        for kind, secret in self._settings.credentials.items():
            header, prefix = _HEADERS[kind]
            refused = str(request.headers.get(header, "")).removeprefix(prefix)
            if isinstance(secret, RenewableSecret):
                secret.renew(refused)
                hide(secret.reveal())
            # Text credentials may differ, too: `authenticate` came between.
            is_renewed = is_renewed or secret.reveal() != refused
        return is_renewed

    def __repr__(self) -> str:
        return f"OriginAuth({self._origin[0]}://{self._origin[1]}:{self._origin[2]}, '***')"
