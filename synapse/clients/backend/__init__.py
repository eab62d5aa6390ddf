"""`BackendClient`: the whole backend as plain dicts and lists."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from synapse.clients.backend.annotation import AnnotationClientMixin
from synapse.clients.backend.bulk_upload import (
    PRESIGNED_UPLOAD_PROVIDERS,
    BulkUploadClientMixin,
)
from synapse.clients.backend.core import CoreClientMixin
from synapse.clients.backend.data_collection import DataCollectionClientMixin
from synapse.clients.backend.hitl import HITLClientMixin
from synapse.clients.backend.integration import IntegrationClientMixin
from synapse.clients.backend.ml import MLClientMixin
from synapse.clients.backend.models import (
    Agent,
    ConfirmFileResult,
    ConfirmUploadResponse,
    JobStatus,
    MultipartUploadInfo,
    PresignedFileInfo,
    PresignedUploadPart,
    PresignedUploadResponse,
    Storage,
    StorageCategory,
    StorageProvider,
    UpdateJobRequest,
)

if TYPE_CHECKING:
    from synapse.session import Session

__all__ = [
    "PRESIGNED_UPLOAD_PROVIDERS",
    "Agent",
    "AnnotationClientMixin",
    "BackendClient",
    "BulkUploadClientMixin",
    "ConfirmFileResult",
    "ConfirmUploadResponse",
    "CoreClientMixin",
    "DataCollectionClientMixin",
    "HITLClientMixin",
    "IntegrationClientMixin",
    "JobStatus",
    "MLClientMixin",
    "MultipartUploadInfo",
    "PresignedFileInfo",
    "PresignedUploadPart",
    "PresignedUploadResponse",
    "Storage",
    "StorageCategory",
    "StorageProvider",
    "UpdateJobRequest",
]


class BackendClient(
    AnnotationClientMixin,
    DataCollectionClientMixin,
    HITLClientMixin,
    IntegrationClientMixin,
    MLClientMixin,
    BulkUploadClientMixin,
    CoreClientMixin,
):
    """A client of the Synapse backend whose methods take and return plain dicts and lists.

    Args:
        base_url: Server address; default: `SYNAPSE_BASE_URL`, then the profile.
        api_token: API token; default: `SYNAPSE_API_TOKEN`, then the profile.
        access_token: Alias of `api_token`.
        authorization_token: Login token of the older kind.
        token: Alias of `authorization_token`.
        tenant: Code of the tenant.
        agent_token: Token of an agent; default: `SYNAPSE_AGENT_TOKEN`.
        timeout: Seconds: one number, a pair (connect, read), or a mapping with those names.
        transport: Transport of a session to share; replaces all other arguments.
        url_host: Host of the files' URLs that the server shall sign, such as `internal`.

    Raises:
        ConfigurationError: The base URL or the token is missing, or a setting is malformed.

    Example:
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
