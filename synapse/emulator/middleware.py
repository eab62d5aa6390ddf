"""Headers of every response, whatever the view."""

import errno
import re
import uuid
from collections.abc import Callable

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from synapse._internal import log_events
from synapse._internal.redaction import walk_chain

#: The text of the response when the disk is full.
FULL = "The server's disk is full. Free space there, then send the request again."


# EFBIG: a file system's, or a process's, largest file is reached.
_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


class EnvelopeMiddleware:
    """Add ``X-Request-ID`` and ``Content-Length``; remove bodies for ``HEAD``.

    The server would send a body of unknown length in chunks, and one after ``HEAD`` too.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        header = request.headers.get("X-Request-ID", "")
        request_id = header if _REQUEST_ID.fullmatch(header) else uuid.uuid4().hex
        response = self.get_response(request)
        response["X-Request-ID"] = request_id
        if isinstance(response, HttpResponse):
            response.setdefault("Content-Length", str(len(response.content)))
            if request.method == "HEAD":
                response.content = b""
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> JsonResponse | None:
        """Answer 507 when the disk is full, for files and for databases."""
        del request
        if not is_disk_full(exception):
            return None
        log_events.EMULATOR_FAILED.log("The disk is full: %s", exception, reason="the disk is full")
        return JsonResponse({"detail": FULL}, status=507)


def is_disk_full(error: BaseException | None) -> bool:
    """Return whether a failure means that the disk, or a quota, is full."""
    for one in walk_chain(error):
        if isinstance(one, OSError) and one.errno in _FULL_ERRNOS:
            return True
        # SQLite has a text only, PostgreSQL a code.
        if isinstance(one, DatabaseError) and "disk is full" in str(one):
            return True
        if getattr(one, "sqlstate", None) == "53100":
            return True
    return False
