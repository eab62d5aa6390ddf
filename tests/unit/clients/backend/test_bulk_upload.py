"""Presigned uploads: the requests, and answers that can't be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synapse.clients.backend import PRESIGNED_UPLOAD_PROVIDERS, BackendClient
from synapse.errors import InvalidResponse


def test_requests(
    backend_client: BackendClient, transport: Any, respond: Callable[..., None]
) -> None:
    respond({"files": [{"file_key": "k", "multipart": {"part_size": 3}}]}, {"created_count": 1})

    answer = backend_client.request_presigned_upload([{"filename": "a"}], expiration=60)
    confirmed = backend_client.confirm_presigned_upload([{"file_key": "k"}])

    assert (answer.files[0].multipart.part_size, confirmed["created_count"]) == (3, 1)
    assert transport.lines == [
        "POST data_files/presigned_upload/upload/",
        "POST data_files/presigned_upload/confirm_upload/",
    ]
    assert [options["json"] for *_, options in transport.calls] == [
        {"files": [{"filename": "a"}], "expiration": 60},
        {"files": [{"file_key": "k"}]},
    ]


@pytest.mark.parametrize("answer", [{}, {"files": None}, {"files": [{}, {}]}])
def test_answer_without_a_url_for_each_file(
    backend_client: BackendClient, respond: Callable[..., None], tmp_path: Path, answer: Any
) -> None:
    (tmp_path / "a").touch()
    respond(answer)

    with pytest.raises(InvalidResponse, match=r"URLs for \d of 1 files"):
        backend_client.upload_files_bulk([tmp_path / "a"], strategy="presigned")


def test_providers() -> None:
    assert {"amazon_s3", "minio", "gcp", "azure"} < PRESIGNED_UPLOAD_PROVIDERS
