"""Documents of rows as files of the storage service, at URLs that need no token."""

import hashlib
import json
from typing import Any

from django.apps import apps
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views import View
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from synapse.emulator.behaviour_answers import behaviour_of
from synapse.emulator.signed_links import compute_expiry, read_link, sign_link
from synapse.emulator.storage_service import build_storage_url, carries_token, refuse

_PURPOSE = "payload"


class Payload:
    """The document of a row as bytes.

    Args:
        row: A row with ``data``.
    """

    def __init__(self, row: Any) -> None:
        self._row = row
        self.content = json.dumps(row.data, ensure_ascii=False, separators=(",", ":")).encode()
        self.size = len(self.content)
        self.digest = hashlib.sha256(self.content).hexdigest()

    def build_url(self, request: Request) -> str:
        """Return the URL of this very document."""
        expires = compute_expiry(behaviour_of(request).file_url_lifetime)
        value = [self._row._meta.model_name, self._row.pk, self.digest]
        return build_storage_url(
            "payload", self.digest, sign_link(_PURPOSE, value, expires), request
        )


class PayloadView(View):
    """``_storage/payloads/{digest}``: ``GET`` of a document."""

    def get(self, request: HttpRequest, key: str) -> HttpResponseBase:
        if carries_token(request):
            return refuse(400, "InvalidRequest", "This address takes no token. Send none.")
        try:
            model, pk, digest = read_link(_PURPOSE, request.GET.get("signature", ""))
        except PermissionDenied as error:
            return refuse(403, "AccessDenied", str(error.detail))
        if digest != key:
            return refuse(403, "AccessDenied", "The signature is for another document.")
        row = apps.get_model("emulator", model)._default_manager.filter(pk=pk).first()
        payload = Payload(row) if row is not None else None
        if payload is None or payload.digest != digest:
            message = "The document was changed or deleted. Request its row again."
            return refuse(404, "NoSuchKey", message)
        return HttpResponse(payload.content, content_type="application/json")
