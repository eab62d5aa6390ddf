"""All errors as JSON: those of DRF, Django's HTML ones, and unforeseen ones."""

# ruff: noqa: ARG001 (the signatures are the framework's)

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, JsonResponse
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler


class ApiConflict(APIException):
    """The request contradicts the object's state."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


def handle_exception(exc: Exception, context: dict[str, Any]) -> Response | None:
    """Answer a view's exception with a JSON object or a bulk error list."""
    if isinstance(exc, RequestDataTooBig):
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        detail = f"The body is larger than the limit of {most:,} bytes."
        return Response({"detail": detail}, status=status.HTTP_413_REQUEST_ENTITY_TOO_LARGE)
    if isinstance(exc, SuspiciousOperation):  # a body with too many or too large form fields
        return Response({"detail": str(exc)}, status=status.HTTP_400_BAD_REQUEST)
    response = exception_handler(exc, context)
    if response is not None and _is_text_list(response.data):
        response.data = {"detail": " ".join(response.data)}
    return response


def bad_request(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Answer a request refused before any view, such as a malformed ``Host``."""
    return JsonResponse({"detail": "Bad request."}, status=400)


def not_found(request: HttpRequest, exception: Exception) -> JsonResponse:
    """Answer a path that no endpoint has."""
    return JsonResponse({"detail": "Not found."}, status=404)


def server_error(request: HttpRequest) -> JsonResponse:
    """Answer a fault of the backend itself; the traceback is in the log."""
    return JsonResponse({"detail": "Internal server error."}, status=500)


def _is_text_list(data: Any) -> bool:
    return isinstance(data, list) and bool(data) and all(isinstance(item, str) for item in data)
