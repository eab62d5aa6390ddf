"""Chunked uploads: invalid arguments are refused before any request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from synapse.clients.backend import BackendClient
from synapse.errors import UsageError


@pytest.mark.parametrize("size", [0, -1, True, 1.5, "10", None])
def test_invalid_chunk_size(
    backend_client: BackendClient, transport: Any, tmp_path: Path, size: Any
) -> None:
    path = tmp_path / "video.bin"
    path.write_bytes(b"x")

    with pytest.raises(UsageError, match="chunk_size"):
        backend_client.create_chunked_upload(path, chunk_size=size)

    assert transport.calls == []
