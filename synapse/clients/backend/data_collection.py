"""Data endpoints: collections, files and units."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import IO, Any, Protocol, TypeAlias, cast

from typing_extensions import Unpack

from synapse._internal.threads import run_each
from synapse._internal.validate import validate_int
from synapse.clients.all_rows import AllRows
from synapse.clients.backend.base import BackendBase, Id
from synapse.clients.base import Params
from synapse.clients.keyword_aliases import accept_aliases
from synapse.clients.list_method import typed_list
from synapse.clients.list_options import ListKeywords
from synapse.clients.page import Page
from synapse.clients.timed_transport import set_read_timeout
from synapse.clients.url_conversion import UrlConversion
from synapse.errors import UsageError
from synapse.resources.data_collections import DataCollection
from synapse.resources.data_files import DataFile
from synapse.resources.data_units import DataUnit
from synapse.resources.tasks import Task
from synapse.transfer.chunked_upload import upload_in_chunks
from synapse.transfer.local_file import LocalFile, SourceArgument
from synapse.transfer.upload import DIRECT_LIMIT, upload_file

__all__ = ["DataCollectionClientMixin"]

UnitFiles = Mapping[str, Any]
FileArgument: TypeAlias = "str | os.PathLike[str] | RemotePath"

_PATH = (str, os.PathLike)
_CHECKSUM_KEYS = ("existing_checksums", "checksums")


class RemotePath(Protocol):
    """A path on a storage, such as that of fsspec's `UPath`."""

    @property
    def name(self) -> str:
        """Last part of the path."""

    def open(self, mode: str, /) -> IO[bytes]:
        """Open the file."""


@contextmanager
def _open_remote(path: FileArgument) -> Iterator[tuple[SourceArgument, str | None]]:
    """Open a remote path for reading, and return its name; leave a local path as it is."""
    is_local = isinstance(path, _PATH) and (getattr(path, "protocol", "") in ("", "file", "local"))
    if is_local or not hasattr(path, "open"):
        yield cast("SourceArgument", path), None
        return
    remote = cast("RemotePath", path)
    with remote.open("rb") as file:
        yield file, remote.name


class DataCollectionClientMixin(BackendBase):
    """Data collections, data files and data units."""

    @typed_list
    def list_data_collection(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows:
        """List data collections. One request, or with `list_all` one for each page.

        `list_data_collections` is an alias.

        Args:
            params: Filters, `page`, `page_size`, `ordering`.
            url_conversion: Rule for rewriting file URLs.
            list_all: Whether to return all rows instead of one page.
            **options: `page_size`, `timeout` and others, see `ListOptions`.
        """
        return self._list_rows(DataCollection, params, url_conversion, list_all, **options)

    list_data_collections = list_data_collection

    @accept_aliases(data_collection_id="collection_id")
    def get_data_collection(
        self, collection_id: Id, params: Params | None = None
    ) -> dict[str, Any]:
        """Return a data collection with the file specifications. One request.

        Args:
            collection_id: Id of the collection; `data_collection_id` is an alias.
            params: Query parameters.

        Raises:
            NotFound: No collection has this id.
        """
        query = {"expand": "file_specifications", **(params or {})}
        return self._get_row(DataCollection, collection_id, query)

    def create_data_file(
        self,
        file_path: FileArgument,
        use_chunked_upload: bool | None = None,
        *,
        read_timeout: float | None = None,
    ) -> dict[str, Any]:
        """Upload a data file. One request; in chunks, two and one per chunk.

        Args:
            file_path: Path of the file, or a remote path: an object with `open()` and `name`.
            use_chunked_upload: Whether to send the file in chunks; by default above 50 MB.
            read_timeout: Seconds without a byte of a response; default: the client's.

        Returns:
            The row of the file, with `id`, `checksum`, `size`, `data_unit_id` and so on.

        Raises:
            UsageError: The file can't be read.
            ValidationError: The server refused the file.

        Example:
            >>> path = Path("hello.txt")
            >>> path.write_text("hello")
            5
            >>> client.create_data_file(path)["size"]
            5
        """
        transport = set_read_timeout(self._transport, read_timeout)
        path = DataFile.__schema__.path
        with _open_remote(file_path) as (source, name):
            with LocalFile(source, name=name) as file:
                is_large = file.size > DIRECT_LIMIT
            if not isinstance(source, _PATH):
                source.seek(0)  # measuring moved the position
            if not (is_large if use_chunked_upload is None else use_chunked_upload):
                return upload_file(transport, path, source, name=name)
            upload = upload_in_chunks(transport, source, name=name)
        body = {"chunked_upload": upload["id"], "meta": {"filename": file.name}}
        row: dict[str, Any] = transport.request("POST", path, json=body, resource="data_files")
        return row

    def upload_data_file(
        self,
        data: UnitFiles,
        collection_id: Id,
        use_chunked_upload: bool | None = None,
        *,
        read_timeout: float | None = None,
    ) -> dict[str, Any]:
        """Upload the files of one data unit. One request per file, more in chunks.

        Args:
            data: `{"files": {specification: path}, "meta": {...}, "groups": [...]}`; the last two
                are optional.
            collection_id: Id of the unit's collection.
            use_chunked_upload: Whether to send the files in chunks; by default above 50 MB.
            read_timeout: Seconds without a byte of a response; default: the client's.

        Returns:
            The argument for `create_data_units`, with the checksum beside each path.

        Raises:
            UsageError: `data` has no files, or a file can't be read.
        """
        files = data.get("files")
        if not isinstance(files, Mapping) or not files:
            raise UsageError('A data unit needs files. Pass {"files": {specification: path}}.')
        files_sent: dict[str, Any] = {}
        for name, path in files.items():
            row = self.create_data_file(path, use_chunked_upload, read_timeout=read_timeout)
            files_sent[name] = {"checksum": row["checksum"], "path": str(path)}
        body: dict[str, Any] = {
            "data_collection": collection_id,
            "files": files_sent,
            "meta": dict(data.get("meta") or {}),
        }
        if groups := data.get("groups"):
            body["groups"] = [groups] if isinstance(groups, str) else list(groups)
        return body

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

    @accept_aliases(data_unit_id="unit_id")
    def get_data_unit(self, unit_id: Id, params: Params | None = None) -> dict[str, Any]:
        """Return a data unit. One request.

        Args:
            unit_id: Id of the data unit; `data_unit_id` is an alias.
            params: Query parameters.

        Raises:
            NotFound: No unit has this id.
        """
        return self._get_row(DataUnit, unit_id, params)

    @typed_list
    def list_data_units(
        self,
        params: Params | None = None,
        url_conversion: UrlConversion | None = None,
        list_all: bool = False,
        **options: Unpack[ListKeywords],
    ) -> Page | AllRows:
        """List data units. One request, or with `list_all` one for each page and each file.

        With `list_all`, the files are downloaded into this user's cache as the rows are used, and
        `files[...]["path"]` is the local path.

        Args:
            params: Filters such as `data_collection`, `page`, `page_size`, `ordering`.
            url_conversion: Rule for rewriting the URLs in `files` instead; `{}` changes nothing.
            list_all: Whether to return all rows instead of one page.
            **options: `page_size`, `timeout` and others, see `ListOptions`.
        """
        self._allow_slow_rows(options)
        return self._list_rows(DataUnit, params, url_conversion, list_all, is_local=True, **options)

    def verify_data_files_checksums(self, checksums: Iterable[str]) -> Any:
        """Return the checksums of files that the server already has. One request.

        `data_files_verify_checksums` is an alias.

        Args:
            checksums: MD5 checksums in hex.

        Returns:
            The server's response; `existing_checksums` and `checksums` list the known ones.
        """
        body = {"checksums": list(checksums)}
        answer = self._post(f"{DataFile.__schema__.path}verify_checksums/", body)
        if isinstance(answer, dict):
            # Servers of different ages use one key or the other.
            for key, other in (_CHECKSUM_KEYS, _CHECKSUM_KEYS[::-1]):
                if key not in answer and other in answer:
                    answer[key] = answer[other]
        return answer

    data_files_verify_checksums = verify_data_files_checksums

    @accept_aliases(upload_data="data", process_pool="max_workers")
    def upload_data_collection(
        self,
        collection_id: Id,
        data: Iterable[UnitFiles],
        project_id: Id | None = None,
        batch_size: int = 1000,
        max_workers: int = 10,
        *,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Upload the files of many data units and create the units, optionally with tasks.

        One request per file, and one or two per batch.

        Args:
            collection_id: Id of the collection.
            data: `{"files": {specification: path}, "meta": {...}, "groups": [...]}` for each unit;
                `upload_data` is an alias.
            project_id: Id of the project that gets a task for each unit.
            batch_size: Units per request.
            max_workers: Units sent in parallel; `process_pool` is an alias.
            on_progress: Called after each unit whose files were sent, with the number so far and
                the number of all. An iterator of unknown length is read into memory for that.

        Raises:
            UsageError: A file can't be read, or a number is out of range.
            ValidationError: The server refused a batch; the earlier batches exist.
        """
        validate_int("batch_size", batch_size)
        validate_int("max_workers", max_workers)
        if on_progress is not None and not isinstance(data, Sized):
            data = list(data)
        items, upload = iter(data), partial(self.upload_data_file, collection_id=collection_id)
        counting, number = threading.Lock(), 0

        def upload_and_count(item: Mapping[str, Any]) -> dict[str, Any]:
            nonlocal number
            body = upload(item)
            with counting:
                number += 1
                if on_progress is not None and isinstance(data, Sized):
                    on_progress(number, len(data))
            return body

        while batch := list(islice(items, batch_size)):
            bodies = run_each(upload_and_count, batch, max_workers, "synapse-upload")
            units = self.create_data_units(bodies)
            if project_id is not None:
                if isinstance(units, dict):  # a page, or the only unit
                    units = units.get("results", [units])
                tasks = [{"project": project_id, "data_unit": unit["id"]} for unit in units]
                self._create(Task, tasks)
