"""``GET`` of file content, whole or a range."""

# ruff: noqa: ARG002 (the signatures are the framework's)

import mimetypes
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db.models import Q
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import content_disposition_header
from rest_framework.exceptions import NotAuthenticated, NotFound, PermissionDenied
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from synapse.emulator.files import blob_path
from synapse.emulator.models import Blob
from synapse.emulator.signed_links import read_link
from synapse.emulator.tenancy import tenant_of

#: The purpose of links to files.
FILE_LINK = "file"

_BLOCK = 1 << 18
_MD5_LENGTH = 32
_RANGE = re.compile(r"bytes=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII)


class AnyAccept(DefaultContentNegotiation):
    """Content in its own type; errors are JSON whatever the client accepts."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class FileView(APIView):
    """``files/{key}/{name}``: content that the tenant holds, or that a signature is for.

    The key, a SHA-256, is the entity tag. A single range is answered; several at once are answered
    with the whole, as the standard allows.
    """

    content_negotiation_class: type[BaseContentNegotiation] = AnyAccept
    permission_classes = ()

    def get(self, request: Request, key: str, name: str) -> HttpResponseBase:
        blob = self._find_blob(request, key)
        path = blob_path(blob)
        if not path.is_file():
            raise NotFound
        tag = f'"{blob.key}"'
        if _matches(request.headers.get("If-None-Match", ""), tag):
            return HttpResponse(status=304, headers={"ETag": tag})
        headers = {
            "ETag": tag,
            "Accept-Ranges": "bytes",
            "Content-Disposition": content_disposition_header(True, name) or "attachment",
            "X-Content-Type-Options": "nosniff",
        }
        span = _read_range(request, tag, blob.size)
        if span is None:
            return Response(
                {"detail": "The range is outside the file."},
                status=416,
                headers={"Content-Range": f"bytes */{blob.size}", "Accept-Ranges": "bytes"},
            )
        headers["Content-Length"] = str(len(span))
        if len(span) < blob.size:
            headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{blob.size}"
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        code = 206 if "Content-Range" in headers else 200
        if request.method == "HEAD":
            return HttpResponse(content_type=kind, status=code, headers=headers)
        body = _iterate(path, span)
        return StreamingHttpResponse(body, content_type=kind, status=code, headers=headers)

    def _find_blob(self, request: Request, key: str) -> Blob:
        """Return the content, if the token or else the signature of the URL gives access."""
        signature = request.query_params.get("signature")
        named = Q(sha256=key) if len(key) > _MD5_LENGTH else Q(checksum=key, sha256="")
        blobs = Blob.objects.filter(named)
        if request.auth is not None:
            blob = blobs.filter(tenant=tenant_of(request)).first()
            if blob is None:
                raise NotFound
        elif signature is None:
            raise NotAuthenticated
        else:
            model, owner, signed = read_link(FILE_LINK, signature)
            if signed != key:
                raise PermissionDenied("The link's signature is for another file.")
            owners = apps.get_model("emulator", model)._default_manager.filter(pk=owner)
            blob = blobs.filter(pk__in=owners.values("blob")).first()
        if blob is None:
            raise NotFound("The file was deleted. Request the object again.")
        return blob


def _matches(header: str, tag: str) -> bool:
    return "*" in header or tag in header.replace("W/", "").replace(" ", "").split(",")


def _read_range(request: Request, tag: str, size: int) -> range | None:
    """Return the requested bytes; None for a range outside the file."""
    whole = range(size)
    if request.headers.get("If-Range", tag) != tag:
        return whole
    match = _RANGE.fullmatch(request.headers.get("Range", ""))
    if match is None or match.group(1) == match.group(2) == "":
        return whole
    first, last = match.groups()
    if first == "":
        span = whole[max(size - int(last), 0) :]
    elif last and int(last) < int(first):
        return whole  # not a range by the standard's grammar, hence as if not sent
    else:
        span = whole[int(first) : int(last) + 1 if last else size]
    return span if len(span) else None


def _iterate(path: Path, span: range) -> Iterator[bytes]:
    with path.open("rb") as stream:
        stream.seek(span.start)
        left = len(span)
        while left > 0 and (block := stream.read(min(_BLOCK, left))):
            left -= len(block)
            yield block
