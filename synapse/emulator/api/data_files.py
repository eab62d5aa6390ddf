"""Uploaded files, in one piece or from a finished chunked upload."""

from typing import Any

from django.db import transaction
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from synapse.emulator.api.base import ResourceSerializer, ResourceViewSet
from synapse.emulator.api.implicit_units import create_implicit_unit
from synapse.emulator.api.units import build_file_url, choose_checksum
from synapse.emulator.api.uploads import CompleteUploadField
from synapse.emulator.behaviour_answers import behaviour_of
from synapse.emulator.files import find_blobs, store, store_upload
from synapse.emulator.models import DataFile
from synapse.emulator.tenancy import tenant_of


class DataFileSerializer(ResourceSerializer):
    """A data file; the bytes come as ``file`` or as the id of a ``chunked_upload``."""

    reads = ("blob",)

    file = serializers.FileField(write_only=True, required=False)
    chunked_upload = CompleteUploadField(write_only=True, required=False)
    checksum = serializers.SerializerMethodField()
    size = serializers.IntegerField(source="blob.size", read_only=True)
    data_unit_id = serializers.IntegerField(read_only=True)
    filename = serializers.CharField(read_only=True)
    url = serializers.SerializerMethodField()

    class Meta(ResourceSerializer.Meta):
        model = DataFile
        fields = (
            "id",
            "file",
            "chunked_upload",
            "filename",
            "checksum",
            "size",
            "url",
            "meta",
            "data_unit_id",
            "processing_status",
            "created",
            "updated",
        )
        read_only_fields = ("processing_status",)

    def get_checksum(self, data_file: DataFile) -> str:
        shown = behaviour_of(self.context["request"]).checksums
        return choose_checksum(shown, data_file.blob.checksum, data_file.blob.sha1)

    def get_url(self, data_file: DataFile) -> str:
        return build_file_url(data_file, data_file.filename, self.context["request"])

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("file" in attrs) == ("chunked_upload" in attrs):
            raise serializers.ValidationError(
                {"file": ["Send either a file or the id of a finished chunked_upload."]}
                if "file" in attrs
                else {"file": ["No file was submitted."]}
            )
        return attrs

    def create(self, validated_data: dict[str, Any]) -> Any:
        meta = validated_data.get("meta", {})
        upload = validated_data.get("chunked_upload")
        if upload is None:
            name = validated_data["file"].name
            blob = store(self.owner, validated_data["file"])
        else:
            name = upload.filename
            blob = store_upload(self.owner, upload.path)
        meta_name = meta.get("filename") if isinstance(meta, dict) else None
        filename = (meta_name if isinstance(meta_name, str) and meta_name else name)[-255:]
        with transaction.atomic():
            return DataFile.objects.create(
                tenant=self.owner,
                blob=blob,
                filename=filename,
                meta=meta,
                data_unit=create_implicit_unit(self.owner, blob, filename),
            )


class ChecksumsSerializer(serializers.Serializer[Any]):
    """The body of ``verify_checksums/``."""

    checksums = serializers.ListField(child=serializers.CharField())


class DataFileViewSet(ResourceViewSet):
    """``data_files/``: clients upload files and query checksums; no list."""

    serializer_class = DataFileSerializer

    def create(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        # Outside a transaction, which would keep all other writers waiting.
        return self.answer(serializer.save().pk, status.HTTP_201_CREATED)

    @action(detail=False, methods=["post"])
    def verify_checksums(self, request: Request) -> Response:
        """Answer with the checksums that the tenant holds, in order."""
        serializer = ChecksumsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        checksums = list(dict.fromkeys(serializer.validated_data["checksums"]))
        blobs = find_blobs(tenant_of(request), [checksum.lower() for checksum in checksums])
        existing = [item for item in checksums if blobs.get(item.lower())]
        return Response({"existing_checksums": existing, "checksums": existing})
