"""``data_files/presigned_upload/``: announce files, send them without a token, confirm them."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from synapse._internal.storage_providers import PRESIGNED_UPLOAD_PROVIDERS
from synapse.emulator.api.implicit_units import create_implicit_unit
from synapse.emulator.behaviour_answers import behaviour_of
from synapse.emulator.files import store_file
from synapse.emulator.models import DataFile, PresignedUpload, Storage
from synapse.emulator.storage_service import build_upload_url, join_parts, part_etag, remove_parts
from synapse.emulator.tenancy import tenant_of

_MOST_FILES = 1000
# As storage services have them.
_LARGEST_FILE = 5 << 40
_MOST_PARTS = 10_000


class AnnouncedFileSerializer(serializers.Serializer[Any]):
    """A file to upload."""

    filename = serializers.CharField(max_length=255)
    size = serializers.IntegerField(min_value=0, max_value=_LARGEST_FILE)
    content_type = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, max_length=255
    )
    file_key = serializers.UUIDField(required=False, allow_null=True)


class AnnouncementSerializer(serializers.Serializer[Any]):
    """The body of ``upload/``."""

    files = serializers.ListField(
        child=AnnouncedFileSerializer(), allow_empty=False, max_length=_MOST_FILES
    )
    expiration = serializers.IntegerField(default=3600, min_value=60, max_value=86400)


class SentPartSerializer(serializers.Serializer[Any]):
    """A part that was sent."""

    part_number = serializers.IntegerField(min_value=1)
    etag = serializers.CharField()


class SentPartsSerializer(serializers.Serializer[Any]):
    """The parts of an upload, in order."""

    upload_id = serializers.CharField()
    parts = SentPartSerializer(many=True)


class SentFileSerializer(serializers.Serializer[Any]):
    """A file that was sent."""

    file_key = serializers.CharField()
    checksum = serializers.RegexField("^[0-9A-Fa-f]{40}$")
    size = serializers.IntegerField(min_value=0, max_value=_LARGEST_FILE)
    multipart = SentPartsSerializer(required=False, allow_null=True)


class ConfirmationSerializer(serializers.Serializer[Any]):
    """The body of ``confirm_upload/``."""

    files = serializers.ListField(
        child=SentFileSerializer(), allow_empty=False, max_length=_MOST_FILES
    )


class RefusedFile(Exception):
    """A file that can't be confirmed; the message is for people."""


class AnnounceView(APIView):
    """``data_files/presigned_upload/upload/``."""

    def post(self, request: Request) -> Response:
        serializer = AnnouncementSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        _require_storage(request)
        lifetime: int = serializer.validated_data["expiration"]
        behaviour = behaviour_of(request)
        if behaviour.upload_lifetime is not None:
            lifetime = behaviour.upload_lifetime
        expires = timezone.now() + timedelta(seconds=lifetime)
        uploads, new = [], []
        for file in serializer.validated_data["files"]:
            if behaviour.multipart_above < file["size"] > behaviour.part_size * _MOST_PARTS:
                raise serializers.ValidationError(
                    {"files": [f"{file['filename']} has more than {_MOST_PARTS:,} parts."]}
                )
            upload = _renew(file, expires, request)
            if upload is None:
                upload = PresignedUpload(
                    tenant=tenant_of(request),
                    filename=file["filename"],
                    size=file["size"],
                    content_type=file.get("content_type") or "",
                    part_size=behaviour.part_size
                    if file["size"] > behaviour.multipart_above
                    else 0,
                    expires=expires,
                )
                new.append(upload)
            uploads.append(upload)
        PresignedUpload.objects.bulk_create(new)
        return Response(
            {"files": [_describe(upload, request) for upload in uploads], "expires_at": expires}
        )


class ConfirmView(APIView):
    """``data_files/presigned_upload/confirm_upload/``: each file on its own."""

    def post(self, request: Request) -> Response:
        serializer = ConfirmationSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        results = [_confirm(file, request) for file in serializer.validated_data["files"]]
        created = sum(result["success"] for result in results)
        return Response(
            {
                "results": results,
                "created_count": created,
                "failed_count": len(results) - created,
            },
            status=status.HTTP_200_OK,
        )


def _require_storage(request: Request) -> None:
    storages = Storage.objects.filter(tenant=tenant_of(request), category="internal")
    storage = storages.order_by("-is_default", "pk").first()
    if storage is None or storage.provider not in PRESIGNED_UPLOAD_PROVIDERS:
        raise ValidationError(
            {"detail": "The default storage takes no presigned uploads. Upload the files directly."}
        )


def _renew(file: dict[str, Any], expires: datetime, request: Request) -> PresignedUpload | None:
    """Extend an upload that wasn't confirmed yet, with the parts that were sent."""
    if file.get("file_key") is None:
        return None
    upload = PresignedUpload.objects.filter(
        tenant=tenant_of(request),
        pk=file["file_key"],
        filename=file["filename"],
        size=file["size"],
        content_type=file.get("content_type") or "",
        data_file=None,
    ).first()
    if upload is not None:
        upload.expires = expires
        upload.save(update_fields=["expires"])
    return upload


def _describe(upload: PresignedUpload, request: Request) -> dict[str, Any]:
    parts = None
    if upload.part_size:
        parts = {
            "upload_id": upload.key.hex,
            "part_size": upload.part_size,
            "parts": [
                {"part_number": number, "presigned_url": build_upload_url(upload, number, request)}
                for number in range(1, upload.part_count + 1)
            ],
        }
    return {
        "filename": upload.filename,
        "file_key": str(upload.key),
        "presigned_url": None if parts else build_upload_url(upload, 0, request),
        "multipart": parts,
    }


def _confirm(file: dict[str, Any], request: Request) -> dict[str, Any]:
    key, reason = None, None
    try:
        key = _create_data_file(file, request)
    except RefusedFile as error:
        reason = str(error)
    return {
        "file_key": file["file_key"],
        "checksum": file["checksum"],
        "data_file_id": key,
        "success": reason is None,
        "error": reason,
    }


def _create_data_file(file: dict[str, Any], request: Request) -> int:
    """Store a sent file, and return the id of its data file; a second time, the same id."""
    try:
        key = serializers.UUIDField().run_validation(file["file_key"])
    except serializers.ValidationError:
        key = None
    tenant = tenant_of(request)
    upload = PresignedUpload.objects.filter(tenant=tenant, pk=key).first()
    if upload is None:  # the same answer for another tenant's: keys cannot be guessed
        raise RefusedFile("No upload has this file_key. Request a new one.")
    try:
        return _find_confirmed(upload, file) or _store(upload, file)
    except (RefusedFile, FileNotFoundError):
        # Another confirmation of the upload may have ended meanwhile, and removed the parts.
        upload.refresh_from_db()
        if (confirmed := _find_confirmed(upload, file)) is None:
            raise
        return confirmed


def _find_confirmed(upload: PresignedUpload, file: dict[str, Any]) -> int | None:
    if upload.data_file is None:
        return None
    if upload.data_file.blob.sha1 != file["checksum"].lower():
        raise RefusedFile("The upload was confirmed before, with another checksum.")
    return upload.data_file.pk


def _store(upload: PresignedUpload, file: dict[str, Any]) -> int:
    tenant = upload.tenant
    if upload.expires <= timezone.now():
        raise RefusedFile("The upload has expired. Request new URLs for the file_key.")
    numbers = _check_parts(upload, file.get("multipart"))
    with join_parts(upload, numbers) as path:
        if path is None:
            raise RefusedFile("The file was not sent. Send it to the presigned URL first.")
        size = path.stat().st_size
        if not size == file["size"] == upload.size:
            raise RefusedFile(
                f"The storage has {size} bytes, of {upload.size} announced. Send the file again."
            )
        blob = store_file(tenant, path, sha1=file["checksum"].lower())
    if blob is None:
        raise RefusedFile("The storage has other bytes than the checksum says. Send them again.")
    with transaction.atomic():
        upload = PresignedUpload.objects.select_for_update().get(pk=upload.pk)
        data_file = upload.data_file or DataFile.objects.create(
            tenant=tenant,
            blob=blob,
            filename=upload.filename,
            data_unit=create_implicit_unit(tenant, blob, upload.filename),
        )
        upload.data_file = data_file
        upload.save(update_fields=["data_file"])
    remove_parts(upload)
    return data_file.pk


def _check_parts(upload: PresignedUpload, sent: dict[str, Any] | None) -> list[int]:
    """Return the numbers of the stored parts to join."""
    if not upload.part_size:
        if sent:
            raise RefusedFile("The upload has no parts. Confirm it without multipart.")
        return [0]
    if not sent or sent["upload_id"] != upload.key.hex:
        raise RefusedFile("The upload has parts. Send multipart with its upload_id and all parts.")
    numbers = [part["part_number"] for part in sent["parts"]]
    if numbers != list(range(1, upload.part_count + 1)):
        raise RefusedFile(
            f"The parts are out of order or incomplete. List 1 to {upload.part_count} ascending."
        )
    for part in sent["parts"]:
        if part["etag"].strip('"') != part_etag(upload, part["part_number"]):
            raise RefusedFile(
                f"Part {part['part_number']} was not sent, or has another ETag. Send it again."
            )
    return numbers
