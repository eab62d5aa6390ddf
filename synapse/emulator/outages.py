"""Responses when the database is away, has no free connection, or undid a transaction."""

from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from synapse._internal import log_events
from synapse._internal.redaction import walk_chain
from synapse.emulator.middleware import is_disk_full

__all__ = ["OutageMiddleware", "is_undone_by"]

# Failures after which PostgreSQL has undone the transaction: serialization, deadlock, lock timeout.
_UNDONE_CODES = {"40001", "40P01", "55P03"}
_AWAY = "The server cannot connect to its database. Nothing was done; send the request again."
_UNDONE = "Another request changed the same rows at once. Nothing was done; send the request again."
_LOST = (
    "The server lost the connection to its database. The request may have been processed: check, "
    "and send the request again if it was not."
)


class OutageMiddleware:
    """Answer 503 instead of 500 for transient failures of the database.

    ``Retry-After`` says that nothing was done, so that clients can repeat a ``POST`` too.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if connection.vendor != "sqlite":
            # A failure before the view means for certain that nothing was done.
            try:
                connection.close_if_health_check_failed()
                connection.ensure_connection()
            except DatabaseError as error:
                return _answer(_AWAY, error, is_undone=True)
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> JsonResponse | None:
        """Answer 503 if the view failed by a transient error of the database."""
        del request
        is_undone = is_undone_by(exception, connection.vendor)
        if is_undone is None:
            return None
        return _answer(_UNDONE if is_undone else _LOST, exception, is_undone=is_undone)


def is_undone_by(error: Exception, vendor: str) -> bool | None:
    """Return whether a transient database error undid the request; None for other errors.

    Args:
        error: The failure, as Django raises it.
        vendor: Django's name of the kind of database.
    """
    if not isinstance(error, OperationalError | InterfaceError) or is_disk_full(error):
        return None
    codes = {getattr(one, "sqlstate", None) for one in walk_chain(error)}
    if codes & _UNDONE_CODES or (vendor == "sqlite" and str(error) == "database is locked"):
        return True
    return None if vendor == "sqlite" else False


def _answer(detail: str, error: Exception, *, is_undone: bool) -> JsonResponse:
    reason = " ".join(str(error).split())
    log_events.EMULATOR_FAILED.log("The database failed: %s", reason, reason="the database failed")
    headers = {"Retry-After": "1"} if is_undone else {}
    response = JsonResponse({"detail": detail}, status=503, headers=headers)
    response._has_been_logged = True  # type: ignore[attr-defined] # the framework's
    return response
