"""Storage providers that take presigned uploads."""

__all__ = ["PRESIGNED_UPLOAD_PROVIDERS"]

PRESIGNED_UPLOAD_PROVIDERS = frozenset({"amazon_s3", "s3", "minio", "gcp", "gcs", "azure"})
"""Providers of storages that take presigned uploads."""
