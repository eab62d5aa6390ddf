"""Faulty responses on demand, for which clients must be ready."""

import math
import time
from collections.abc import Callable, Iterable, Iterator

from django.apps import apps
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from synapse.emulator.authentication import TokenAuthentication
from synapse.emulator.fault_switch import ArmedFault, FaultSwitch
from synapse.emulator.raw_connection import ENVIRON_KEY, Hangup, RawConnection

_CONTROL = "/_emulator/"
_PERIOD = 0.05
_PAGE = """\
<!DOCTYPE html>
<html><head><title>{status} {reason}</title></head>
<body><h1>{status} {reason}</h1><p>This page is from a proxy.</p></body></html>
"""
_DETAILS = {
    "429": "Request was throttled.",
    "500": "Internal server error.",
    "503": "Service temporarily unavailable.",
}

View = Callable[[HttpRequest], HttpResponseBase]


class FaultMiddleware:
    """Spoil the responses to requests that match an armed fault."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response
        self._switch: FaultSwitch = apps.get_app_config("emulator").faults  # type: ignore[attr-defined] # ours

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        fault = None
        if not request.path.startswith(_CONTROL):
            fault = self._switch.take(
                request.method or "", request.path, lambda: find_tenant_code(request)
            )
        if fault is None:
            return self.get_response(request)
        response = _UNPROCESSED.get(fault.kind, self._processed)(request, fault)
        # The log is for faults that nobody armed.
        response._has_been_logged = True  # type: ignore[attr-defined] # the framework's
        return response

    def _processed(self, request: HttpRequest, fault: ArmedFault) -> HttpResponseBase:
        return _PROCESSED[fault.kind](request, fault, self.get_response(request))


def find_tenant_code(request: HttpRequest) -> str | None:
    """Return the code of the tenant that a request's credentials are for, if any."""
    try:
        user_and_access = TokenAuthentication().authenticate(Request(request))
    except APIException:
        return None
    return None if user_and_access is None else user_and_access[1].tenant.code


# Responses instead of processing the request.


def _refuse(_: HttpRequest, fault: ArmedFault) -> HttpResponseBase:
    response = JsonResponse({"detail": _DETAILS[fault.kind]}, status=int(fault.kind))
    if fault.retry_after is not None:
        response["Retry-After"] = fault.retry_after
    return response


def _page(_: HttpRequest, fault: ArmedFault) -> HttpResponseBase:
    response = HttpResponse(status=fault.status)
    response.content = _PAGE.format(status=fault.status, reason=response.reason_phrase).encode()
    return response


def _hang_up(_: HttpRequest, __: ArmedFault) -> HttpResponseBase:
    return StreamingHttpResponse(_nothing())


# Changes to the response of a processed request.


def _delay(request: HttpRequest, fault: ArmedFault, response: HttpResponseBase) -> HttpResponseBase:
    pause(request, fault.seconds)
    return response


def _empty(_: HttpRequest, __: ArmedFault, response: HttpResponseBase) -> HttpResponseBase:
    response.close()
    return HttpResponse(content_type="application/json")


def _drip(request: HttpRequest, fault: ArmedFault, response: HttpResponseBase) -> HttpResponseBase:
    if not _has_body(request, response):
        return response

    def bytewise(pieces: Iterable[bytes]) -> Iterator[bytes]:
        seconds = 0.0  # the first byte comes at once, as the headers do
        for piece in pieces:
            for value in piece:
                if not pause(request, seconds):
                    raise Hangup
                yield bytes((value,))
                seconds = fault.seconds

    return _with_body(response, bytewise)


def _cut(request: HttpRequest, fault: ArmedFault, response: HttpResponseBase) -> HttpResponseBase:
    size = _size(response)
    if not _has_body(request, response) or size == 1:
        return _cut_headers(request, fault, response)

    def cut_off(pieces: Iterable[bytes]) -> Iterator[bytes]:
        left = math.inf if size is None else size // 2
        for piece in pieces:
            if len(piece) >= left:
                yield piece[: int(left)]
                break
            yield piece
            left -= len(piece)
            if size is None:  # in chunks, of unknown length: one piece stands for half
                break
        raise Hangup

    return _with_body(response, cut_off)


def _cut_headers(
    request: HttpRequest, _: ArmedFault, response: HttpResponseBase
) -> HttpResponseBase:
    status = f"HTTP/1.1 {response.status_code} {response.reason_phrase}\r\n"
    head = f"{status}Content-Type: {response.get('Content-Type')}\r\nContent-Len"
    # Where nothing follows the headers, a client hardly misses the rest of them.
    sent = head if _has_body(request, response) else status[:10]
    response.close()
    return StreamingHttpResponse(
        _nothing(lambda: _connection_of(request).write(sent.encode("latin-1")))
    )


def _lose(_: HttpRequest, __: ArmedFault, response: HttpResponseBase) -> HttpResponseBase:
    response.close()
    return StreamingHttpResponse(_nothing())


def _reset(request: HttpRequest, _: ArmedFault, response: HttpResponseBase) -> HttpResponseBase:
    response.close()
    return StreamingHttpResponse(_nothing(_connection_of(request).end_by_reset))


_UNPROCESSED: dict[str, Callable[[HttpRequest, ArmedFault], HttpResponseBase]] = {
    "429": _refuse,
    "500": _refuse,
    "503": _refuse,
    "html": _page,
    "refused-before": _hang_up,
}
_PROCESSED: dict[str, Callable[[HttpRequest, ArmedFault, HttpResponseBase], HttpResponseBase]] = {
    "slow": _delay,
    "empty": _empty,
    "drip": _drip,
    "cut": _cut,
    "cut-headers": _cut_headers,
    "lost": _lose,
    "reset": _reset,
}


def _nothing(before: Callable[[], None] = lambda: None) -> Iterator[bytes]:
    """Do something, and end the connection where the answer would begin."""
    yield from ()  # the rest runs when the server asks for the body: the middleware is done then
    before()
    raise Hangup


def _connection_of(request: HttpRequest) -> RawConnection:
    wire: RawConnection = request.META[ENVIRON_KEY]
    return wire


def _has_body(request: HttpRequest, response: HttpResponseBase) -> bool:
    return request.method != "HEAD" and _size(response) != 0


def _size(response: HttpResponseBase) -> int | None:
    """Return the length of a response's body; None if unknown before the end."""
    if isinstance(response, HttpResponse):
        return len(response.content)
    length = response.get("Content-Length")
    return None if length is None else int(length)


def _with_body(
    response: HttpResponseBase, change: Callable[[Iterable[bytes]], Iterator[bytes]]
) -> HttpResponseBase:
    """Return the same response with a changed body and the old length."""
    if isinstance(response, StreamingHttpResponse):
        pieces = response.streaming_content
        response.streaming_content = change(pieces)  # type: ignore[arg-type] # none is asynchronous
        return response
    assert isinstance(response, HttpResponse)  # noqa: S101 # for the type checker: one or the other
    changed = StreamingHttpResponse(
        change([response.content]),
        status=response.status_code,
        reason=response.reason_phrase,
        headers=response.headers,
    )
    changed["Content-Length"] = str(len(response.content))
    response.close()
    return changed


def pause(request: HttpRequest, seconds: float) -> bool:
    """Sleep; return whether the client is still connected."""
    stopping = apps.get_app_config("emulator").stopping  # type: ignore[attr-defined] # ours
    is_gone: Callable[[], bool] = request.META.get("waitress.client_disconnected", lambda: False)
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if is_gone() or stopping.wait(min(left, _PERIOD)):
            return False
    return not is_gone()
