"""The rights of a job's token: those of its user, without control over other jobs and plugins."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING

from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from synapse.emulator.authentication import Access
from synapse.emulator.models import Job

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module

__all__ = ["WithinJobScope", "validate_own_job"]

# Beginnings of view names. A job that could change these would outlive itself: by another job with
# a token of its own, or by code and addresses that others use later.
_CLOSED = ("plugin-", "agent-", "storage-list", "storage-detail")
_OWN = ("job-", "train-")
_CLOSED_REASON = (
    "A job's token can't start jobs, and can't change plugins, releases, agents and storages. Use "
    "a user's token."
)
_OTHERS_REASON = "A job's token can change its own job only."


class WithinJobScope(BasePermission):
    """Lets a job's token read everything in its tenant, and change data and its own job."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        del view
        key = _job_of(request)
        if key is None or request.method in SAFE_METHODS:
            return True
        match = request._request.resolver_match
        if match is None:  # no path, hence nothing to change
            return False
        if match.view_name.startswith(_CLOSED):
            raise PermissionDenied(_CLOSED_REASON)
        if match.view_name.startswith(_OWN) and _parse(match.kwargs.get("pk")) != key:
            raise PermissionDenied(_OTHERS_REASON)
        return True


def validate_own_job(request: Request, job: Job | None) -> None:
    """Refuse a job's token that changes something of another job.

    Raises:
        PermissionDenied: The token belongs to another job.
    """
    key = _job_of(request)
    if key is not None and job is not None and job.pk != key:
        raise PermissionDenied(_OTHERS_REASON)


def _job_of(request: Request) -> uuid.UUID | None:
    access = request.auth
    return access.token.job_id if isinstance(access, Access) else None


def _parse(key: str | None) -> uuid.UUID | None:
    with contextlib.suppress(ValueError):
        return uuid.UUID(key or "")
    return None
