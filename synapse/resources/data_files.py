"""Data files: uploaded files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, ClassVar

from synapse.errors import InvalidResponse
from synapse.orm.base_manager import BaseManager
from synapse.orm.declaration import resource
from synapse.orm.fields import field
from synapse.orm.relations import ManagerDescriptor
from synapse.orm.resource import Resource

if TYPE_CHECKING:
    from synapse.transfer.progress import ProgressArgument


__all__ = ["DataFile", "DataFileManager"]


class DataFileManager(BaseManager["DataFile"]):
    """Data files: upload, and ask which the server has. Files can't be listed or fetched."""

    __slots__ = ()

    def upload(
        self,
        source: str | os.PathLike[str] | IO[bytes],
        *,
        name: str | None = None,
        chunk_size: int = 50 * 1024 * 1024,
        chunked: bool | None = None,
        progress: ProgressArgument = None,
    ) -> DataFile:
        """Upload a file by streaming: the file needn't fit into memory.

        Up to 50 MiB one request. Beyond, one for each chunk and two more; the first chunk has at
        most 1 MiB. A fault costs one more request, which asks how much has arrived, and the upload
        goes on from there. The same call continues an upload whose process died.

        Where the server's default storage takes presigned uploads, the file goes straight to the
        storage: two requests, and one for the file or for each of its parts. The first upload of a
        session costs one more request, which asks for the default storage.

        Args:
            source: A path, or a file opened for reading bytes with a known length.
            name: The file's name on the server; by default the path's last part.
            chunk_size: Bytes per chunk.
            chunked: Whether to send chunks; by default decided by the size. Either value sends the
                file to the server, and not to the storage.
            progress: `False`, a function of the bytes done and the bytes in all, or a `Progress`;
                by default a bar on a terminal.

        Returns:
            The server's record, whose `checksum` and name go into a data unit. The `id` is `None`
            in one case: the last response was lost, and the server then had the bytes.

        Raises:
            UsageError: The source has no name, is not a file, or is empty.
            SynapseError: The file changed while being sent.
            ValidationError: The server refused the file.
            InvalidResponse: The server received other bytes than were sent.
            ClientError: The server couldn't be reached, several times in a row.

        Example:
            >>> path = Path("hello.txt")
            >>> path.write_text("hello")
            5
            >>> session.data_files.upload(path).size
            5
        """
        from synapse.transfer.upload import upload

        session, cls = self._session, self._resource
        row = upload(
            session.transport,
            cls.__schema__.path,
            source,
            name=name,
            chunk_size=chunk_size,
            chunked=chunked,
            progress=progress,
            is_presigned=None,
        )
        if row["id"] is not None:
            return session.identity.load(cls, [row])[0]
        file = cls.__new__(cls)  # without an id, outside of the identity map
        cls.__set_context__(file, session)
        cls.__set_raw__(file, row)
        return file

    def verify_checksums(self, checksums: Iterable[str]) -> set[str]:
        """Find out which files the server has. One request.

        Args:
            checksums: Checksums in hex: MD5, or SHA-1 of files that went to the storage.

        Returns:
            The checksums of files on the server.

        Example:
            >>> session.data_files.verify_checksums(["0" * 32])
            set()
        """
        path = f"{self._resource.__schema__.path}verify_checksums/"
        body = {"checksums": list(checksums)}
        response = self._session.transport.request("POST", path, json=body, resource="data files")
        stored = response.get("checksums") if isinstance(response, dict) else response
        if not isinstance(stored, list) or not all(isinstance(item, str) for item in stored):
            raise InvalidResponse(
                200, "the response has no checksums", response=response, resource="data files"
            )
        return set(stored)


@resource("data_files/", manager=DataFileManager, list_path=None, summary=["checksum", "size"])
class DataFile(Resource):
    """An uploaded file.

    Attributes:
        id: The file's id.
        checksum: MD5 of the bytes, in hex; a SHA-1 from servers that give one.
        size: Size in bytes.
        meta: Free JSON data of the user.
        data_unit_id: Id of the file's data unit, if any.
        processing_status: State of the server's processing.
        created: Time of the upload.
    """

    objects: ClassVar[ManagerDescriptor[DataFileManager]] = ManagerDescriptor()

    id: int = field(read_only=True)
    checksum: str = field(read_only=True)
    size: int = field(read_only=True)
    meta: dict[str, Any] = field(read_only=True)
    data_unit_id: int | None = field(read_only=True)
    processing_status: str | None = field(read_only=True)
    created: datetime = field(read_only=True)
