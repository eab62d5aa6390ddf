"""Uploads to presigned URLs: the files go to the storage, and not through the backend."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from synapse._internal.storage_providers import PRESIGNED_UPLOAD_PROVIDERS
from synapse._internal.threads import run_each
from synapse._internal.validate import validate_int
from synapse.clients.backend.base import BackendBase
from synapse.clients.record import Record
from synapse.errors import InvalidResponse, NotFound, SynapseError, UsageError
from synapse.resources.data_files import DataFile
from synapse.resources.storages import Storage
from synapse.transfer.checksum import Hasher
from synapse.transfer.file_part import FilePart
from synapse.transfer.local_file import LocalFile
from synapse.transfer.presigned_protocol import (
    ANNOUNCED_FILES,
    describe_file,
    fetch_default_storage,
)
from synapse.transfer.presigned_upload import put_part, send_presigned

__all__ = ["PRESIGNED_UPLOAD_PROVIDERS", "BulkUploadClientMixin"]

_FAILED = {"checksum": "", "data_file_id": None, "success": False}
_EXPIRATION = range(60, 86_401)

PathArgument = str | os.PathLike[str]


class BulkUploadClientMixin(BackendBase):
    """Uploads of many files straight to the storage."""

    def get_default_storage(self) -> Record:
        """Return the storage of new files: the default one, else the first. One request.

        Raises:
            NotFound: The server has no internal storage.
        """
        row = fetch_default_storage(self._transport, Storage.__schema__.path)
        if row is None:
            raise NotFound(404, "the server has no internal storage", resource="default storage")
        return Record(row)

    def request_presigned_upload(
        self, files: Sequence[Mapping[str, Any]], *, expiration: int = 3600
    ) -> Record:
        """Request presigned URLs for files. One request.

        Args:
            files: `{"filename", "size", "content_type"}` for each file; at most 1,000.
            expiration: Seconds until the URLs expire, 60 to 86,400.

        Returns:
            `files`, in order, with `file_key` and `presigned_url` or `multipart`; `expires_at`.

        Raises:
            UsageError: Too many files, or an expiration out of range; no request was made.
            ValidationError: The server refused a file.
        """
        validate_int("expiration", expiration)
        if expiration not in _EXPIRATION:
            raise UsageError(f"expiration={expiration!r} is not valid. Pass 60 to 86400 seconds.")
        if len(files) > ANNOUNCED_FILES:
            raise UsageError(f"{len(files)} files are too many. Pass at most {ANNOUNCED_FILES}.")
        body = {"files": [dict(file) for file in files], "expiration": expiration}
        return Record(self._post(f"{DataFile.__schema__.path}presigned_upload/upload/", body))

    def confirm_presigned_upload(self, files: Sequence[Mapping[str, Any]]) -> Record:
        """Create data files of the files that were sent. One request.

        Args:
            files: `{"file_key", "checksum", "size"}` for each file, with `multipart` for one that
                was sent in parts.

        Returns:
            `results` for each file, `created_count` and `failed_count`.

        Raises:
            ValidationError: The server refused the request.
        """
        path = f"{DataFile.__schema__.path}presigned_upload/confirm_upload/"
        return Record(self._post(path, {"files": [dict(file) for file in files]}))

    def upload_file_to_presigned_url(
        self, presigned_url: str, file_path: PathArgument, content_type: str | None = None
    ) -> Record:
        """Send a file to a presigned URL. One request, without a token.

        Args:
            presigned_url: The URL.
            file_path: Path of the file.
            content_type: Type that the server was told.

        Returns:
            `checksum` (SHA-1), `size` and `etag`.

        Raises:
            UsageError: The file can't be read.
            ClientError: The storage refused, or couldn't be reached.
        """
        with (
            LocalFile(file_path) as file,
            Hasher(file.read_at, file.size, algorithm="sha1") as hasher,
        ):
            etag = put_part(
                self._transport,
                presigned_url,
                FilePart(file, on_block=hasher.add),
                file.label,
                content_type=content_type,
            )
            return Record(checksum=hasher.checksums(file.size).sha1, size=file.size, etag=etag)

    def upload_files_bulk(
        self,
        file_paths: Sequence[PathArgument],
        *,
        max_workers: int = 10,
        on_progress: Callable[[int, int], None] | None = None,
        batch_size: int = 200,
        max_upload_retries: int = 2,
        strategy: str | None = None,
    ) -> Record:
        """Upload many files by presigned URLs.

        One request for the storage, two for each batch, and one for each file or part. A file that
        fails doesn't stop the others.

        Args:
            file_paths: Paths of the files.
            max_workers: Files in flight.
            on_progress: Called after each file with the number of files so far and of all.
            batch_size: Files per batch, at most 1,000.
            max_upload_retries: Further attempts of a file after transient failures.
            strategy: `"presigned"` doesn't ask whether the storage takes presigned uploads.

        Returns:
            `results` in order, with `data_file_id`, `checksum` (SHA-1), `success` and `error`;
            `created_count`, `failed_count`.

        Raises:
            UsageError: A file can't be read, an argument is out of range, or the storage takes no
                presigned uploads; nothing was sent.
            ClientError: The server refused a batch; the earlier batches exist.
        """
        validate_int("max_workers", max_workers)
        validate_int("batch_size", batch_size)
        validate_int("max_upload_retries", max_upload_retries, minimum=0)
        if batch_size > ANNOUNCED_FILES:
            raise UsageError(
                f"batch_size={batch_size} is too large. Pass at most {ANNOUNCED_FILES}."
            )
        if strategy not in (None, "presigned"):
            raise UsageError(f"strategy={strategy!r} is unknown. Pass 'presigned', or nothing.")
        sources = [_describe(path) for path in file_paths]
        results: list[dict[str, Any]] = []
        if sources and strategy is None:
            self._ensure_presigned()
        counting, done = threading.Lock(), 0
        for start in range(0, len(sources), batch_size):
            batch = sources[start : start + batch_size]
            answer = self.request_presigned_upload([source for _, source in batch])
            targets = answer.get("files") or []
            if len(targets) != len(batch):
                raise InvalidResponse(
                    200,
                    f"the answer has URLs for {len(targets)} of {len(batch)} files",
                    response=dict(answer),
                    resource="presigned_upload",
                )

            def send(pair: tuple[tuple[PathArgument, Any], Any]) -> dict[str, Any]:
                nonlocal done
                (path, source), target = pair
                entry = self._send(path, source, target, max_upload_retries)
                with counting:
                    done += 1
                    if on_progress is not None:
                        on_progress(done, len(sources))
                return entry

            pairs = list(zip(batch, targets, strict=True))
            results += self._confirm(run_each(send, pairs, max_workers, "synapse-presigned"))
        created = sum(bool(result.get("success")) for result in results)
        return Record(results=results, created_count=created, failed_count=len(results) - created)

    def _ensure_presigned(self) -> None:
        storage = self.get_default_storage()
        provider = storage.get("provider")
        if provider not in PRESIGNED_UPLOAD_PROVIDERS:
            raise UsageError(
                f"The default storage {storage.get('name')!r} ({provider}) takes no presigned "
                "uploads. Use create_data_file(), or the upload() of a data collection."
            )

    def _send(
        self, path: PathArgument, source: Mapping[str, Any], target: Any, retries: int
    ) -> dict[str, Any]:
        """Send one file; return what confirms it, or a result with the error."""
        try:
            with LocalFile(path) as file:
                entry, _ = send_presigned(
                    self._transport,
                    target,
                    file,
                    content_type=source["content_type"],
                    retries=retries,
                    renew=partial(self._renew, source),
                )
                return entry
        except SynapseError as error:
            return {**_FAILED, "file_key": target.get("file_key"), "error": str(error)}

    def _renew(self, source: Mapping[str, Any], key: str) -> Any:
        """Request new URLs for an upload whose URLs have expired. One request."""
        (row,) = self.request_presigned_upload([{**source, "file_key": key}])["files"]
        return row

    def _confirm(self, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Confirm the files that were sent; return the results of all, in order."""
        sent = [entry for entry in entries if "success" not in entry]
        answer = self.confirm_presigned_upload(sent) if sent else Record()
        results = {result["file_key"]: result for result in answer.get("results") or []}
        return [
            results.get(entry["file_key"])
            or {**_FAILED, "error": "The server didn't confirm the file.", **entry}
            for entry in entries
        ]


def _describe(path: PathArgument) -> tuple[PathArgument, dict[str, Any]]:
    """Return a path with what the server is told of the file, which must be readable."""
    with LocalFile(path) as file:
        return path, describe_file(file.name, file.size)
