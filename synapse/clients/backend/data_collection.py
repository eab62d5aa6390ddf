"""Data endpoints: collections, files and units."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from synapse._internal.threads import run_each
from synapse._internal.validate import validate_int
from synapse.clients.backend.base import BackendBase, Id
from synapse.clients.base import Params
from synapse.clients.page import Page
from synapse.clients.url_conversion import UrlConversion
from synapse.errors import UsageError
from synapse.resources.data_collections import DataCollection
from synapse.resources.data_files import DataFile
from synapse.resources.data_units import DataUnit
from synapse.resources.tasks import Task
from synapse.transfer.chunked_upload import upload_in_chunks
from synapse.transfer.upload import upload_file

__all__ = ["DataCollectionClientMixin"]

UnitFiles = Mapping[str, Any]


class DataCollectionClientMixin(BackendBase):
    """Data collections, data files and data units."""

    def list_data_collection(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
    ) -> Page | list[dict[str, Any]]:
        """List data collections. One request, or with `list_all` one for each page.

        `list_data_collections` is an alias.

        Args:
            params: Filters, `page`, `page_size`, `ordering`.
            url_conversion: Rule for rewriting file URLs.
            list_all: Whether to return all rows as a list instead of one page.
        """
        return self._list_rows(DataCollection, params, url_conversion, list_all)

    list_data_collections = list_data_collection

    def get_data_collection(
        self, data_collection_id: Id, params: Params | None = None
    ) -> dict[str, Any]:
        """Return a data collection with the file specifications. One request.

        Args:
            data_collection_id: Id of the collection.
            params: Query parameters.

        Raises:
            NotFound: No collection has this id.
        """
        query = {"expand": "file_specifications", **(params or {})}
        return self._get_row(DataCollection, data_collection_id, query)

    def create_data_file(
        self, file_path: str | os.PathLike[str], use_chunked_upload: bool = False
    ) -> dict[str, Any]:
        """Upload a data file. One request; in chunks, two and one per chunk.

        Args:
            file_path: Path of the file.
            use_chunked_upload: Whether to send the file in chunks; recommended from 50 MB.

        Returns:
            The row of the file, with `id`, `checksum`, `size`, `data_unit_id` and so on.

        Raises:
            UsageError: The file can't be read.
            ValidationError: The server refused the file.

        Example:
            >>> path = getfixture("tmp_path") / "hello.txt"
            >>> path.write_text("hello")
            5
            >>> getfixture("client").create_data_file(path)["size"]
            5
        """
        path = DataFile.__schema__.path
        if not use_chunked_upload:
            return upload_file(self._transport, path, file_path)
        upload = upload_in_chunks(self._transport, file_path)
        body = {"chunked_upload": upload["id"], "meta": {"filename": Path(file_path).name}}
        row: dict[str, Any] = self._post(path, body)
        return row

    def upload_data_file(
        self, data: UnitFiles, collection_id: Id, use_chunked_upload: bool = False
    ) -> dict[str, Any]:
        """Upload the files of one data unit. One request per file, more in chunks.

        Args:
            data: `{"files": {specification: path}, "meta": {...}}`.
            collection_id: Id of the unit's collection.
            use_chunked_upload: Whether to send the files in chunks.

        Returns:
            The argument for `create_data_units`: checksums and names replace the paths.

        Raises:
            UsageError: `data` has no files, or a file can't be read.
        """
        files = data.get("files")
        if not isinstance(files, Mapping) or not files:
            raise UsageError('A data unit needs files. Pass {"files": {specification: path}}.')
        files_sent: dict[str, Any] = {}
        for name, path in files.items():
            row = self.create_data_file(path, use_chunked_upload)
            files_sent[name] = {"checksum": row["checksum"], "path": Path(path).name}
        return {
            "data_collection": collection_id,
            "files": files_sent,
            "meta": dict(data.get("meta") or {}),
        }

    def create_data_units(self, data: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Any:
        """Create one data unit or several. One request.

        Args:
            data: `{"data_collection", "files": {name: {"checksum", "path"}}, "meta"}`, or a list.

        Returns:
            The unit or the list of units, as the server sent them.

        Raises:
            ValidationError: The server refused a unit and created none.
        """
        return self._create(DataUnit, data)

    def get_data_unit(self, data_unit_id: Id, params: Params | None = None) -> dict[str, Any]:
        """Return a data unit. One request.

        Args:
            data_unit_id: Id of the data unit.
            params: Query parameters.

        Raises:
            NotFound: No unit has this id.
        """
        return self._get_row(DataUnit, data_unit_id, params)

    def list_data_units(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
    ) -> Page | list[dict[str, Any]]:
        """List data units. One request, or with `list_all` one for each page.

        Args:
            params: Filters such as `data_collection`, `page`, `page_size`, `ordering`.
            url_conversion: Rule for rewriting the URLs in `files`.
            list_all: Whether to return all rows as a list instead of one page.
        """
        return self._list_rows(DataUnit, params, url_conversion, list_all)

    def verify_data_files_checksums(self, checksums: Iterable[str]) -> Any:
        """Return the checksums of files that the server already has. One request.

        `data_files_verify_checksums` is an alias.

        Args:
            checksums: MD5 checksums in hex.

        Returns:
            The server's response; `checksums` lists the known ones.
        """
        body = {"checksums": list(checksums)}
        return self._post(f"{DataFile.__schema__.path}verify_checksums/", body)

    data_files_verify_checksums = verify_data_files_checksums

    def upload_data_collection(
        self,
        collection_id: Id,
        upload_data: Iterable[UnitFiles],
        project_id: Id | None = None,
        batch_size: int = 1000,
        process_pool: int = 10,
    ) -> list[dict[str, Any]]:
        """Upload the files of many data units and create the units, optionally with tasks.

        One request per file, and one or two per batch.

        Args:
            collection_id: Id of the collection.
            upload_data: `{"files": {specification: path}, "meta": {...}}` for each unit.
            project_id: Id of the project that gets a task for each unit.
            batch_size: Units per request.
            process_pool: Files sent in parallel.

        Returns:
            The units, in order.

        Raises:
            UsageError: A file can't be read, or a number is out of range.
            ValidationError: The server refused a batch; the earlier batches exist.
        """
        validate_int("batch_size", batch_size)
        validate_int("process_pool", process_pool)
        created: list[dict[str, Any]] = []
        items = iter(upload_data)
        upload = partial(self.upload_data_file, collection_id=collection_id)
        while batch := list(islice(items, batch_size)):
            bodies = run_each(upload, batch, process_pool, "synapse-upload")
            units = self.create_data_units(bodies)
            if project_id is not None:
                tasks = [{"project": project_id, "data_unit": unit["id"]} for unit in units]
                self._create(Task, tasks)
            created += units
        return created
