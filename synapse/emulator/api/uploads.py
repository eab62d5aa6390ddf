"""Chunked uploads, safe with several senders at once."""

import os
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_chunked_upload.exceptions import ChunkedUploadError
from drf_chunked_upload.serializers import ChunkedUploadSerializer
from drf_chunked_upload.views import ChunkedUploadView
from rest_framework import serializers, status
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from synapse.emulator.files import md5
from synapse.emulator.models import Upload
from synapse.emulator.tenancy import tenant_of


class UploadSerializer(ChunkedUploadSerializer):  # type: ignore[misc] # ships no types
    """An upload, in the library's shape."""

    viewname = "chunked-upload-detail"

    class Meta:
        model = Upload
        fields = (
            "id",
            "url",
            "file",
            "filename",
            "offset",
            "created_at",
            "status",
            "completed_at",
            "user",
        )
        read_only_fields = ("status", "completed_at", "offset", "user")


class CompleteUploadField(serializers.PrimaryKeyRelatedField[Any]):
    """The id of an upload of the same user that is complete."""

    default_error_messages = {"unfinished": "The upload is not finished."}

    def get_queryset(self) -> QuerySet[Any]:
        return find_uploads(self.context["request"])

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(pk_field=serializers.UUIDField(), **kwargs)

    def to_internal_value(self, data: Any) -> Upload:
        upload: Upload = super().to_internal_value(data)
        if upload.status != Upload.COMPLETE:
            self.fail("unfinished")
        return upload


def find_uploads(request: Request) -> QuerySet[Any]:
    """Return the user's uploads in the tenant."""
    uploads: QuerySet[Any] = Upload.objects.filter(user=request.user, tenant=tenant_of(request))
    return uploads.order_by("created_at", "id")


class UploadView(ChunkedUploadView):  # type: ignore[misc] # the library ships no types
    """``chunked_upload/`` and ``chunked_upload/{id}/``.

    The library could accept a chunk from two senders at once and corrupt the file. Here a
    change is a transaction that locks the row, so that the second one sees the new offset.
    """

    model = Upload
    filter_backends = ()
    # The library's pattern, limited to numbers that a file can have.
    content_range_pattern = re.compile(
        r"^bytes (?P<start>\d{1,18})-(?P<end>\d{1,18})/(?P<total>\d{1,18})$", re.ASCII
    )

    @property
    def serializer_class(self) -> type[UploadSerializer]:
        """The serializer with the request, which the library leaves out."""
        tenant = tenant_of(self.request)

        class BoundSerializer(UploadSerializer):
            def create(self, validated_data: dict[str, Any]) -> Any:
                return super().create({**validated_data, "tenant": tenant})

        return BoundSerializer

    def get_queryset(self) -> QuerySet[Any]:
        uploads = find_uploads(self.request)
        locked = transaction.get_connection().in_atomic_block
        return uploads.select_for_update() if locked else uploads

    def put(self, request: Request, pk: Any = None, *args: Any, **kwargs: Any) -> Response:
        self._receive(request)
        with self._lock(pk):
            return super().put(request, pk, *args, **kwargs)  # type: ignore[no-any-return] # untyped

    def post(self, request: Request, pk: Any = None, *args: Any, **kwargs: Any) -> Response:
        self._receive(request)
        # Hashing a large file takes long, and is done before others have to wait.
        self._hashed = self._hash(pk) if pk else None
        with self._lock(pk):
            return super().post(request, pk, *args, **kwargs)  # type: ignore[no-any-return] # untyped

    def checksum_check(self, chunked_upload: Upload, checksum: Any) -> None:
        """Compare with the computed checksum, unless a chunk came in meanwhile."""
        hashed = self._hashed
        if hashed is None or hashed[0] != chunked_upload.offset:
            hashed = (chunked_upload.offset, md5(chunked_upload.path, chunked_upload.offset))
        if hashed[1] != checksum:
            raise ChunkedUploadError(
                status=status.HTTP_400_BAD_REQUEST, detail="checksum does not match"
            )
        # A crash between write and commit leaves surplus bytes, which were not hashed.
        os.truncate(chunked_upload.path, chunked_upload.offset)

    def _receive(self, request: Request) -> None:
        """Read and check the body before any lock, because senders may be slow."""
        if not isinstance(request.data, Mapping):
            raise ParseError("Invalid data. Expected a form or an object.")
        if self.field_name in request.data and self.field_name not in request.FILES:
            raise ParseError("No chunk file was submitted")

    def _lock(self, pk: Any) -> AbstractContextManager[None]:
        # A new upload has no row that another sender could know of.
        return transaction.atomic() if pk else nullcontext()

    def _hash(self, pk: Any) -> tuple[int, str] | None:
        upload: Upload | None = find_uploads(self.request).filter(pk=pk).first()
        if upload is None or upload.status == Upload.COMPLETE:
            return None
        try:
            return upload.offset, md5(upload.path, upload.offset)
        except FileNotFoundError:  # another request has completed the upload meanwhile
            return None
