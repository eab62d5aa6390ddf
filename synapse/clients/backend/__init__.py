"""`BackendClient`: the whole backend, with plain dicts and lists."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from synapse.clients.backend.annotation import AnnotationClientMixin
from synapse.clients.backend.core import CoreClientMixin
from synapse.clients.backend.data_collection import DataCollectionClientMixin
from synapse.clients.backend.hitl import HITLClientMixin
from synapse.clients.backend.integration import IntegrationClientMixin
from synapse.clients.backend.ml import MLClientMixin

if TYPE_CHECKING:
    from synapse.session import Session

__all__ = [
    "AnnotationClientMixin",
    "BackendClient",
    "CoreClientMixin",
    "DataCollectionClientMixin",
    "HITLClientMixin",
    "IntegrationClientMixin",
    "MLClientMixin",
]


class BackendClient(
    AnnotationClientMixin,
    DataCollectionClientMixin,
    HITLClientMixin,
    IntegrationClientMixin,
    MLClientMixin,
    CoreClientMixin,
):
    """A client of the Synapse backend whose methods take and answer plain dicts and lists.

    Args:
        base_url: The server's address; else `SYNAPSE_BASE_URL`, else the profile's.
        api_token: The API token; else `SYNAPSE_API_TOKEN`, else the profile's.
        access_token: An alias of `api_token`.
        authorization_token: A login token of the older kind.
        token: An alias of `authorization_token`.
        tenant: The tenant's code.
        agent_token: An agent's token; else `SYNAPSE_AGENT_TOKEN`.
        timeout: Seconds: one number, a pair (connect, read), or a mapping with those names.
        transport: A session's transport to share, instead of all of the above.

    Raises:
        ConfigurationError: There is no base URL or token, or a setting is malformed.

    Example:
        >>> emulator = getfixture("emulator")
        >>> with BackendClient(emulator.url, api_token=emulator.api_token) as client:
        ...     client.list_projects()["count"]
        0
    """

    @cached_property
    def session(self) -> Session:
        """The object layer over the same connection. Makes no request."""
        from synapse.session import Session

        session = Session(transport=self._transport)
        session.client = self
        return session
