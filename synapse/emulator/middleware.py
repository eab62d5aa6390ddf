"""Headers of every response, whatever the view."""

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

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
