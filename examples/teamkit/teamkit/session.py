"""The session of the team: its classes, its options, its metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synapse import Session, Task
from synapse.transport import Transport
from teamkit.metrics import RequestMetrics
from teamkit.reviews import ReviewQueue, ReviewTask

if TYPE_CHECKING:
    from teamkit.labels import LabelManager

__all__ = ["TeamSession"]


class TeamSession(Session):
    """A session whose tasks are `ReviewTask`s, and which counts its requests.

    Args:
        base_url: The server's address; else the environment's, as for `synapse.Session`.
        api_token: The API token; else the environment's.
        tenant: The tenant's code.
        profile: The profile.
        retries: Largest number of retries of a request.
        transport: The transport of a test without a server.

    Attributes:
        metrics: The counts.
    """

    resource_classes = (ReviewTask,)

    if TYPE_CHECKING:
        # At run time the entry point, or the import of `teamkit.labels`, makes the attribute.
        labels: LabelManager

    def __init__(
        self,
        base_url: str | None = None,
        api_token: str | None = None,
        *,
        tenant: str | None = None,
        profile: str | None = None,
        retries: int = 5,
        transport: Transport | None = None,
    ) -> None:
        self.metrics = RequestMetrics()
        super().__init__(
            base_url,
            api_token,
            tenant=tenant,
            profile=profile,
            retries=retries,
            on_response=self.metrics.count_response,
            on_retry=self.metrics.count_retry,
            transport=transport,
        )

    @property
    def review_queue(self) -> ReviewQueue:
        """The tasks that wait for a review. Makes no request."""
        return ReviewQueue(Task, self)
