"""Data: collections, files and units."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from synapse.clients.backend.base import BackendBase, Id
from synapse.clients.base import Params
from synapse.clients.page import Page
from synapse.clients.url_conversion import UrlConversion
from synapse.errors import InvalidQuery
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
            url_conversion: How to rewrite file URLs.
            list_all: Whether to answer all rows as a list, instead of one page.
        """
        return self._rows(DataCollection, params, url_conversion, list_all)

    list_data_collections = list_data_collection

    def get_data_collection(
        self, data_collection_id: Id, params: Params | None = None
    ) -> dict[str, Any]:
        """Return a data collection with its file specifications. One request.

        Args:
            data_collection_id: Its id.
            params: Query parameters.

        Raises:
            NotFound: There is no such collection.
        """
        query = {"expand": "file_specifications", **(params or {})}
        return self._one(DataCollection, data_collection_id, query)

    def create_data_file(
        self, file_path: str | os.PathLike[str], use_chunked_upload: bool = False
    ) -> dict[str, Any]:
        """Upload a data file. One request, or with `use_chunked_upload` two and one per chunk.

        Args:
            file_path: The file.
            use_chunked_upload: Whether to send it in chunks, as is best from 50 MB.

        Returns:
            The server's record, with `id`, `checksum`, `size`, `data_unit_id` and so on.

        Raises:
            UsageError: The file can't be read.
            ValidationError: The server refused it.

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
        """Upload the files of one data unit. One request for each file, or as chunks need.

        Args:
            data: `{"files": {specification: path}, "meta": {...}}`.
            collection_id: The collection that the unit is for.
            use_chunked_upload: Whether to send the files in chunks.

        Returns:
            What `create_data_units` takes: the paths are replaced by checksums and names.

        Raises:
            UsageError: There are no files, or one can't be read.
        """
        files = data.get("files")
        if not isinstance(files, Mapping) or not files:
            raise InvalidQuery('A data unit needs files: {"files": {specification: path}}.')
        sent: dict[str, Any] = {}
        for name, path in files.items():
            row = self.create_data_file(path, use_chunked_upload)
            sent[name] = {"checksum": row["checksum"], "path": Path(path).name}
        return {
            "data_collection": collection_id,
            "files": sent,
            "meta": dict(data.get("meta") or {}),
        }

    def _unit_body(self, collection_id: Id, data: UnitFiles) -> dict[str, Any]:
        return self.upload_data_file(data, collection_id)

    def create_data_units(self, data: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Any:
        """Make a data unit, or several. One request.

        Args:
            data: `{"data_collection", "files": {name: {"checksum", "path"}}, "meta"}`, or a list.

        Returns:
            The unit, or the list of them, as the server answers.

        Raises:
            ValidationError: The server refused one, and made none.
        """
        return self._make(DataUnit, data)

    def get_data_unit(self, data_unit_id: Id, params: Params | None = None) -> dict[str, Any]:
        """Return a data unit. One request.

        Args:
            data_unit_id: Its id.
            params: Query parameters.

        Raises:
            NotFound: There is no such unit.
        """
        return self._one(DataUnit, data_unit_id, params)

    def list_data_units(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
    ) -> Page | list[dict[str, Any]]:
        """List data units. One request, or with `list_all` one for each page.

        Args:
            params: Filters such as `data_collection`, `page`, `page_size`, `ordering`.
            url_conversion: How to rewrite the URLs in `files`.
            list_all: Whether to answer all rows as a list, instead of one page.
        """
        return self._rows(DataUnit, params, url_conversion, list_all)

    def verify_data_files_checksums(self, checksums: Iterable[str]) -> Any:
        """Ask which files the server has already. One request.

        `data_files_verify_checksums` is an alias.

        Args:
            checksums: MD5 checksums in hex.

        Returns:
            What the server answers, with those of them that it has.
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
        """Upload the files of many data units, make the units, and tasks of them if asked.

        One request for each file, and one or two for each batch.

        Args:
            collection_id: The collection.
            upload_data: For each unit `{"files": {specification: path}, "meta": {...}}`.
            project_id: The project to make a task in for each unit, if any.
            batch_size: Units per request.
            process_pool: How many files are sent at once.

        Returns:
            The units, in order.

        Raises:
            UsageError: A file can't be read, or a number makes no sense.
            ValidationError: The server refused a batch; those before it are made.
        """
        if batch_size < 1 or process_pool < 1:
            raise InvalidQuery("batch_size and process_pool are whole numbers from 1.")
        made: list[dict[str, Any]] = []
        items = iter(upload_data)
        with ThreadPoolExecutor(process_pool, thread_name_prefix="synapse-upload") as pool:
            while batch := list(islice(items, batch_size)):
                bodies = list(pool.map(partial(self._unit_body, collection_id), batch))
                units = self.create_data_units(bodies)
                if project_id is not None:
                    tasks = [{"project": project_id, "data_unit": unit["id"]} for unit in units]
                    self._make(Task, tasks)
                made += units
        return made
