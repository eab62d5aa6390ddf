"""The settings of a session, for reading; no property shows a credential."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synapse._internal.known_attributes import KnownAttributes

if TYPE_CHECKING:
    from synapse.config import Timeout
    from synapse.orm.identity_map import IdentityMap
    from synapse.transport import Transport
    from synapse.transport.options import PagingOption, UploadsOption

__all__ = ["ReadableSettings"]


class ReadableSettings(KnownAttributes):
    """Read-only properties with the settings in force. None makes a request.

    Credentials, further headers and proxies, which may have passwords, aren't among them.
    """

    if TYPE_CHECKING:
        identity: IdentityMap

        @property
        def transport(self) -> Transport:
            """The transport of the options in force."""

    @property
    def base_url(self) -> str:
        """Server address without a trailing `/`."""
        return self.transport.settings.base_url.rstrip("/")

    @property
    def tenant(self) -> str | None:
        """Code of the tenant, or `None` for the token's own."""
        return self.transport.settings.tenant

    @property
    def profile(self) -> str | None:
        """Name of the requested profile, if any."""
        return self.transport.settings.profile

    @property
    def web_url(self) -> str | None:
        """Template of the addresses of the platform's pages, if any."""
        return self.transport.settings.web_url

    @property
    def timeout(self) -> Timeout:
        """Seconds to connect and between two reads, as `timeout.connect` and `timeout.read`."""
        return self.transport.settings.timeout

    @property
    def deadline(self) -> float | None:
        """Seconds for a whole call with its retries, or `None` for no bound."""
        return self.transport.options.deadline

    @property
    def retries(self) -> int:
        """Largest number of retries of a request."""
        return self.transport.options.retry.attempts - 1

    @property
    def https_only(self) -> bool:
        """Whether the session refuses a server that is reached by plain http."""
        return self.transport.options.https_only

    @property
    def paging(self) -> PagingOption:
        """Way to read long lists, as passed to the session."""
        return self.transport.options.paging

    @property
    def uploads(self) -> UploadsOption:
        """Way to send data files, as passed to the session."""
        return self.transport.options.uploads

    @property
    def max_query_length(self) -> int:
        """Length of the longest query of a request, in bytes."""
        return self.transport.options.max_query_length

    @property
    def cache_size(self) -> int:
        """Number of fetched objects that `get()` may return without a request."""
        return self.identity.cache_size

    @property
    def cache_ttl(self) -> float:
        """Seconds for which cached objects count as fresh."""
        return self.identity.cache_ttl
