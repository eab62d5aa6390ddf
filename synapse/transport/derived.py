"""A transport with other options, over the connections of another transport."""

from __future__ import annotations

from collections.abc import Mapping
from types import EllipsisType
from typing import Any

import attrs

from synapse.config import Timeout, TimeoutArgument, TokenArgument
from synapse.transport.auth import OriginAuth
from synapse.transport.options import Options
from synapse.transport.own_headers import HeaderValue, checked_headers
from synapse.transport.retry import RetryPolicy
from synapse.transport.transport import Transport

__all__ = ["DerivedTransport"]

_OWN = frozenset({"options", "_parent", "_timeout", "_own_timeout", "_own_auth"})


class DerivedTransport(Transport):
    """The options of some calls; connections, credentials, counts and budget are the parent's.

    Args:
        parent: The transport.
        timeout: Seconds to connect and between two reads; by default the parent's.
        deadline: Seconds for a whole call; by default the parent's.
        retries: Largest number of retries; by default the parent's.
        headers: Further headers beside the parent's, which they replace under the same name.

    Raises:
        ConfigurationError: An option is malformed, or a header is the SDK's own.
    """

    options: Options
    _parent: Transport
    _own_timeout: Timeout | None
    _own_auth: tuple[OriginAuth, OriginAuth] | None

    def __init__(
        self,
        parent: Transport,
        *,
        timeout: TimeoutArgument = None,
        deadline: float | EllipsisType | None = ...,
        retries: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        # The state isn't set up again: reading and assigning lead to the transport with the
        # connections, directly, as a long chain would reach the interpreter's recursion limit.
        changes: dict[str, Any] = {}
        if deadline is not ...:
            changes["deadline"] = deadline
        if retries is not None:
            changes["retry"] = attrs.evolve(
                parent.options.retry, attempts=RetryPolicy.of(retries).attempts
            )
        if headers is not None:
            changes["headers"] = _merged(
                parent.options.headers, checked_headers(headers, is_brief=True)
            )
        outer = parent._own_timeout if isinstance(parent, DerivedTransport) else None
        self._parent = parent._parent if isinstance(parent, DerivedTransport) else parent
        self.options = attrs.evolve(parent.options, **changes)
        self._own_timeout = outer if timeout is None else Timeout.of(timeout)
        self._timeout = parent._timeout if timeout is None else self._pair(Timeout.of(timeout))
        self._own_auth = None
        if headers:
            self._find_auth()  # a header that can't be sent is refused now

    def __getattr__(self, name: str) -> Any:
        if name == "settings" and self._own_timeout is not None:
            return attrs.evolve(self._parent.settings, timeout=self._own_timeout)
        if name == "_auth":
            return self._find_auth()
        return getattr(self._parent, name)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self if name in _OWN else self._parent, name, value)

    def authenticate(self, token: TokenArgument) -> None:
        """Use another token from now on, in the parent as well. Makes no request."""
        self._parent.authenticate(token)

    def close(self) -> None:
        """Do nothing: the connections are the parent's."""

    def _find_auth(self) -> OriginAuth:
        """Return the parent's credentials with the headers of these options."""
        theirs = self._parent._auth
        if self.options.headers is self._parent.options.headers:
            return theirs
        if self._own_auth is None or self._own_auth[0] is not theirs:
            settings = self._parent.settings
            own = OriginAuth(settings, self._parent.base_url, self.options.headers)
            self._own_auth = theirs, own
        return self._own_auth[1]


def _merged(
    headers: Mapping[str, HeaderValue], others: Mapping[str, HeaderValue]
) -> dict[str, HeaderValue]:
    replaced = {name.lower() for name in others}
    rest = {name: value for name, value in headers.items() if name.lower() not in replaced}
    return {**rest, **others}
