"""A storage service of its own origin: files come by signed URLs, without tokens."""

import contextlib
import shutil
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from django.apps import apps
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.reverse import reverse

from synapse._internal.private_files import open_private
from synapse.emulator.behaviour_answers import behaviour_of
from synapse.emulator.files import data_folder, md5
from synapse.emulator.models import PresignedUpload
from synapse.emulator.signed_links import read_link, sign_link

#: The purpose of links that take a file.
UPLOAD_PURPOSE = "put"
_BLOCK = 1 << 20
_TOKENS = ("Authorization", "SYNAPSE-Access-Token", "SYNAPSE-Agent", "SYNAPSE-Tenant")


def build_upload_url(upload: PresignedUpload, number: int, request: Request) -> str:
    """Return the URL that takes a part, or with 0 the whole file, until the upload expires."""
    signature = sign_link(UPLOAD_PURPOSE, [upload.key.hex, number], int(upload.expires.timestamp()))
    return build_storage_url("storage", upload.key.hex, signature, request)


def build_storage_url(view: str, key: str, signature: str, request: Request) -> str:
    """Return a URL of the storage service, which has its own origin if it has its own port."""
    path = reverse(view, kwargs={"key": key})
    port = behaviour_of(request).storage_port
    if port is None:
        port = apps.get_app_config("emulator").storage_port  # type: ignore[attr-defined] # ours
    host = request.get_host()
    if port is not None:
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        host = f"{name}:{port}"
    return f"{request.scheme}://{host}{path}?signature={signature}"


def part_etag(upload: PresignedUpload, number: int) -> str | None:
    """Return the ETag of a stored part, without quotes; None if missing."""
    path = _part_path(upload, number)
    return md5(path, path.stat().st_size) if path.is_file() else None


@contextlib.contextmanager
def join_parts(upload: PresignedUpload, numbers: Sequence[int]) -> Iterator[Path | None]:
    """Yield a file with all parts; None if one is missing."""
    paths = [_part_path(upload, number) for number in numbers]
    if not all(path.is_file() for path in paths):
        yield None
        return
    joined = data_folder().incoming / f"{uuid.uuid4().hex}.joined"
    try:
        with open_private(joined, "xb") as target:
            for path in paths:
                with path.open("rb") as part:
                    shutil.copyfileobj(part, target, _BLOCK)
        yield joined
    finally:
        joined.unlink(missing_ok=True)


def remove_parts(upload: PresignedUpload) -> None:
    """Remove what was sent."""
    shutil.rmtree(_part_path(upload, 0).parent, ignore_errors=True)


def carries_token(request: HttpRequest) -> bool:
    """Return whether a request has credentials, which belong to the API alone."""
    return any(name in request.headers for name in _TOKENS)


def remove_expired_uploads() -> None:
    """Remove uploads that nobody confirmed in time, with what was sent."""
    for upload in PresignedUpload.objects.filter(expires__lt=timezone.now(), data_file=None):
        remove_parts(upload)
        upload.delete()


@method_decorator(csrf_exempt, name="dispatch")
class StorageView(View):
    """``_storage/{key}``: ``PUT`` of a file or a part."""

    def put(self, request: HttpRequest, key: str) -> HttpResponseBase:
        if carries_token(request):
            return refuse(400, "InvalidRequest", "This address takes no token. Send none.")
        try:
            signed_key, number = read_link(UPLOAD_PURPOSE, request.GET.get("signature", ""))
        except PermissionDenied as error:
            return refuse(403, "AccessDenied", str(error.detail))
        upload = PresignedUpload.objects.filter(pk=key).first()
        if upload is None or signed_key != key:
            return refuse(403, "AccessDenied", "The signature is for another file.")
        if upload.data_file_id is not None:
            return refuse(403, "AccessDenied", "The upload was confirmed, and is closed.")
        if upload.content_type and request.headers.get("Content-Type") != upload.content_type:
            message = f"Send the announced Content-Type: {upload.content_type}."
            return refuse(403, "SignatureDoesNotMatch", message)
        limit = upload.part_size or upload.size
        stated = request.headers.get("Content-Length", "")
        if stated.isdecimal() and int(stated[:20]) > limit:
            return refuse(400, "EntityTooLarge", f"{stated} bytes come, of {limit} announced.")
        path = _part_path(upload, number)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{uuid.uuid4().hex}.draft")
        try:
            with open_private(draft, "xb") as stream:
                while block := request.read(_BLOCK):
                    stream.write(block)
            size = draft.stat().st_size
            if size > limit:
                return refuse(400, "EntityTooLarge", f"{size} bytes came, of {limit} announced.")
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        return HttpResponse(headers={"ETag": f'"{md5(path, size)}"'})


def _part_path(upload: PresignedUpload, number: int) -> Path:
    return data_folder().incoming / "presigned" / upload.key.hex / str(number)


def refuse(status: int, code: str, message: str) -> HttpResponse:
    """Return an error as storage services write them."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return HttpResponse(body, status=status, content_type="application/xml")
