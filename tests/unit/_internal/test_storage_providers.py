"""Providers that take presigned uploads."""

from __future__ import annotations

from synapse import StorageProvider
from synapse._internal.storage_providers import PRESIGNED_UPLOAD_PROVIDERS
from synapse.clients.backend import bulk_upload


def test_are_those_of_the_platform() -> None:
    assert {"amazon_s3", "s3", "minio", "gcp", "gcs", "azure"} == PRESIGNED_UPLOAD_PROVIDERS


def test_have_one_list() -> None:
    assert bulk_upload.PRESIGNED_UPLOAD_PROVIDERS is PRESIGNED_UPLOAD_PROVIDERS


def test_others_take_none() -> None:
    others = {provider.value for provider in StorageProvider} - PRESIGNED_UPLOAD_PROVIDERS
    assert {"file_system", "sftp", "smb"} <= others
