"""Data: collections, the units in them, and the files that units are made of."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, ClassVar

import attrs

from synapse.core.bound import Bound
from synapse.core.convert import Nested
from synapse.core.declaration import resource
from synapse.core.fields import field
from synapse.core.manager import BulkCreates, Creates, Deletes, Manager, Updates
from synapse.core.relations import RelatedId, Root, ToMany, to_one
from synapse.core.resource import Resource
from synapse.core.verbs import Deletable, Editable
from synapse.errors import InvalidQuery, InvalidResponse
from synapse.resources.bulk import DownloadsUnits, UploadsUnits
from synapse.resources.unit_files import UnitFile
from synapse.resources.values import Category, FileType, FunctionType

if TYPE_CHECKING:
    from synapse.resources.annotation import ProjectManager, TaskManager
    from synapse.resources.ml import GroundTruthEventManager
    from synapse.transfer.progress import ProgressArgument

__all__ = [
    "DataCollection",
    "DataCollectionManager",
    "DataFile",
    "DataFileManager",
    "DataUnit",
    "DataUnitManager",
    "FileSpecification",
]


@attrs.frozen(kw_only=True)
class FileSpecification(Nested):
    """What a file of a collection's data units is.

    Attributes:
        name: The name by which a unit's files are told apart.
        file_type: What it holds.
        function_type: What it is for.
        is_required: Whether each unit must have it.
        is_primary: Whether it is the one that is shown.
        index: Its place among the specifications.
        id: The server's id of it.
    """

    name: str
    file_type: FileType | str = FileType.IMAGE
    function_type: FunctionType | str = FunctionType.MAIN
    is_required: bool = True
    is_primary: bool = False
    index: int | None = None
    id: int | None = None


class DataCollectionManager(
    Manager["DataCollection"],
    Creates["DataCollection"],
    Updates["DataCollection"],
    Deletes["DataCollection"],
):
    """Data collections: read, create, update, delete."""

    __slots__ = ()


@resource("data_collections/", manager=DataCollectionManager, expandable=["file_specifications"])
class DataCollection(Editable, Deletable, UploadsUnits, DownloadsUnits):
    """A collection of data units of one kind.

    Attributes:
        id: The collection's id.
        name: Its name.
        description: What is in it.
        category: The kind of data.
        project: The project that it was made for, if any.
        file_specifications: What files a unit has.
        meta: What you keep with it.
        is_archived: Whether it is put away.
        created: When it was made.
        data_units: Its units; on the class, all units.
        projects: The projects over it; on the class, all projects.
    """

    objects: ClassVar[Root[DataCollectionManager]] = Root()

    id: int = field(read_only=True)
    name: str = field()
    description: str = field()
    category: Category | str = field()
    project: Any = field(read_only=True)
    file_specifications: list[FileSpecification] = field()
    meta: dict[str, Any] = field()
    is_archived: bool = field()
    created: datetime = field(read_only=True)

    data_units: ClassVar[ToMany[DataUnitManager]] = ToMany("DataUnit", by="data_collection")
    projects: ClassVar[ToMany[ProjectManager]] = ToMany("Project", by="data_collection")


class DataUnitManager(Manager["DataUnit"], BulkCreates["DataUnit"], Deletes["DataUnit"]):
    """Data units: read, create one or many, delete.

    In `files`, a file is given as the `DataFile` that its upload answered, as the `UnitFile` of
    another unit, or as `{"checksum": ..., "path": ...}`.
    """

    __slots__ = ()

    def _body(
        self, values: Mapping[str, Any], extra: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        files = values.get("files")
        if isinstance(files, Mapping):
            values = {**values, "files": {name: _reference(f) for name, f in files.items()}}
        return super()._body(values, extra)


@resource("data_units/", manager=DataUnitManager)
class DataUnit(Deletable):
    """One item of a collection: its files, one for each file specification.

    Attributes:
        id: The unit's id.
        data_collection: The collection that it is in.
        data_collection_id: The id of that, without loading it.
        files: Its files by the specification's name.
        meta: What you keep with it.
        checksum: The checksum of the whole, where the server has one.
        can_generate_task: Whether tasks can be made of it.
        created: When it was made.
        tasks: The tasks over it; on the class, all tasks.
        ground_truth_events: What is known to be true of it; on the class, all events.
    """

    objects: ClassVar[Root[DataUnitManager]] = Root()

    id: int = field(read_only=True)
    data_collection: DataCollection = to_one("DataCollection")
    data_collection_id = RelatedId[int]("data_collection")
    files: dict[str, UnitFile] = field()
    meta: dict[str, Any] = field()
    checksum: str | None = field(read_only=True)
    can_generate_task: bool = field(read_only=True)
    created: datetime = field(read_only=True)

    tasks: ClassVar[ToMany[TaskManager]] = ToMany("Task", by="data_unit")
    ground_truth_events: ClassVar[ToMany[GroundTruthEventManager]] = ToMany(
        "GroundTruthEvent", by="data_unit"
    )


def _reference(file: Any) -> Any:
    """Return how a unit names a file that the server has."""
    if isinstance(file, DataFile):
        name = file.extra.get("filename") or (file.meta or {}).get("filename")
        return {"checksum": file.checksum, **({"path": name} if name else {})}
    if isinstance(file, UnitFile):
        return {"checksum": file.checksum, **({"path": file.path} if file.path else {})}
    if isinstance(file, (str, os.PathLike)):
        raise InvalidQuery(
            f"{os.fspath(file)!r} is no file that the server has: upload it first, and give what "
            "session.data_files.upload() answers."
        )
    return file


class DataFileManager(Bound["DataFile"]):
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
        """Upload a file, streamed: it needn't fit into memory.

        Up to 50 MiB it is one request. Beyond, it is one for each chunk and two; the first chunk
        has at most 1 MiB. A fault costs one more, which asks what has arrived, and the upload goes
        on from there. A call that died can be made again, and sends what is missing.

        Args:
            source: A path, or a file opened for reading bytes that can tell its length.
            name: The file's name on the server; by default the path's last part.
            chunk_size: Bytes per chunk.
            chunked: Whether to send it in chunks; by default by its size.
            progress: How to show it: `False`, a function of the bytes done and the bytes in all,
                or a `Progress`; by default as a bar, on a terminal.

        Returns:
            The server's record of it, whose `checksum` and name a data unit is made of. Its `id`
            is `None` in one case: the last answer was lost, and the server then had the bytes.

        Raises:
            InvalidQuery: The source has no name, is not a file, or is empty.
            SynapseError: It changed while it was sent.
            ValidationError: The server refused it.
            InvalidResponse: What arrived isn't what was sent.
            ClientError: The server couldn't be reached, several times in a row.

        Example:
            >>> path = getfixture("tmp_path") / "hello.txt"
            >>> path.write_text("hello")
            5
            >>> getfixture("session").data_files.upload(path).size
            5
        """
        from synapse.transfer.upload import upload  # only who uploads needs it

        session, cls = self._context, self._resource
        row = upload(
            session.transport,
            cls.__schema__.path,
            source,
            name=name,
            chunk_size=chunk_size,
            chunked=chunked,
            progress=progress,
        )
        if row["id"] is not None:
            return session.identity.load(cls, [row])[0]
        made = cls.__new__(cls)  # nothing else can be the same
        cls.__set_context__(made, session)
        cls.__set_raw__(made, row)
        return made

    def verify_checksums(self, checksums: Iterable[str]) -> set[str]:
        """Ask which files the server has already. One request.

        Args:
            checksums: MD5 checksums in hex.

        Returns:
            Those of them that it has.

        Example:
            >>> getfixture("session").data_files.verify_checksums(["0" * 32])
            set()
        """
        path = f"{self._resource.__schema__.path}verify_checksums/"
        body = {"checksums": list(checksums)}
        answer = self._context.transport.request("POST", path, json=body, resource="data files")
        found = answer.get("checksums") if isinstance(answer, dict) else answer
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            raise InvalidResponse(
                200, "the answer is no list of checksums", response=answer, resource="data files"
            )
        return set(found)


@resource("data_files/", manager=DataFileManager, list_path=None)
class DataFile(Resource):
    """A file that was uploaded.

    Attributes:
        id: The file's id.
        checksum: The MD5 of its bytes, in hex.
        size: How many bytes.
        meta: What is kept with it.
        data_unit_id: The data unit that it is in, if it is in one.
        processing_status: How far the server's processing of it is.
        created: When it was uploaded.
    """

    objects: ClassVar[Root[DataFileManager]] = Root()

    id: int = field(read_only=True)
    checksum: str = field(read_only=True)
    size: int = field(read_only=True)
    meta: dict[str, Any] = field(read_only=True)
    data_unit_id: int | None = field(read_only=True)
    processing_status: str | None = field(read_only=True)
    created: datetime = field(read_only=True)
