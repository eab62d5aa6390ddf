"""Samples for training: rows of a query, with pictures and annotations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import IO, Any

import attrs

from synapse._internal.lazy_import import load
from synapse.annotations import Annotation, Annotations, read_document
from synapse.annotations.versions import natural_key
from synapse.errors import (
    ClientError,
    InvalidResponse,
    MissingExtra,
    SampleError,
    SynapseError,
    UnknownDocument,
    UsageError,
)
from synapse.formats.picture_frame import PictureFrame, choose_frame
from synapse.formats.pictures import SUFFIXES
from synapse.formats.report import FormatReport
from synapse.orm.pages import Rows
from synapse.orm.payloads import fetch_document, find_pointer, has_expired
from synapse.orm.query import Query
from synapse.transfer.checksum import is_checksum_of
from synapse.transfer.file_cache import FileCache

__all__ = ["PictureSample", "SampleReader", "SampleRow"]

# Statuses that say nothing about one file: without a valid token, or in an outage, all files fail.
_COMMON = {401, 408, 429}

SampleRow = dict[str, Any]
"""The part of a server's row that a sample needs, as JSON."""


@attrs.frozen
class PictureSample:
    """A picture and the annotations on it.

    Attributes:
        id: Id of the row.
        name: Name of the picture's file.
        size: Width and height in pixels, as stored.
        annotations: The annotations of the picture, in pixels as stored, cut at the edge.
    """

    id: int | str
    name: str
    size: tuple[int, int]
    annotations: Annotations


class SampleReader:
    """Reads the rows of a query as samples. Pickles, as queries do.

    Args:
        query: The query.
        file: Name of the file specification of the pictures; by default the first picture.
        mode: Pillow's mode of the pictures, such as `"RGB"`; `None` leaves them as stored.
        decode: Whether the pixels are decoded; otherwise pictures have a size only.

    Raises:
        UsageError: The query's objects have no files.
    """

    def __init__(
        self,
        query: Query[Any],
        file: str | None = None,
        mode: str | None = "RGB",
        *,
        decode: bool = True,
    ) -> None:
        schema = query._resource.__schema__
        if "files" not in schema.fields:
            raise UsageError(
                f"{schema.plural} have no files. Pass a query of tasks, assignments, ground truths "
                "or data units."
            )
        self.names = tuple(
            name for name in (schema.key, "files", "data", "project") if name in schema.fields
        )
        # A worker has no default session: bind the query to this one.
        bound = type(query)(query._resource, query._session, query._scope, query._state)
        self.query = bound.only(*self.names)
        self._file = file
        self._mode = mode
        self._must_decode = decode
        self._key = schema.key
        self._kind = schema.name.lower()

    def slim(self, rows: Iterable[dict[str, Any]]) -> Iterator[SampleRow]:
        """Yield rows with only the fields that samples need. Makes no request."""
        for row in Rows(self.query, self.names).of(rows):
            name, file, medium = _choose_file(row.get("files"), self._file)
            yield {
                "id": row[self._key],
                "project": row.get("project"),
                "file": name,
                **{key: file.get(key) for key in ("url", "checksum", "size", "path")},
                "media": medium,
                "data": row.get("data"),
            }

    def label(self, row: SampleRow) -> str:
        """Return the row's name for messages, such as `task 17, street.png`."""
        name = row["path"] or row["file"]
        return f"{self._kind} {row['id']}{f', {name}' if name else ''}"

    def read(self, row: SampleRow) -> tuple[Any, PictureSample]:
        """Return the picture and the sample of a row.

        One request for a picture that isn't in the cache, and one for a document that the server
        stores in a file. A signed URL that has expired costs two more.

        Raises:
            SampleError: The picture or the document is missing or damaged.
            MissingExtra: Pillow isn't installed.
            ClientError: The server couldn't be reached, or refused the token.
        """
        try:
            document = self._read_document(row)
            with self.open(row) as file:
                picture = self._decode(row, file)
                report = FormatReport()
                stated = document.sizes.get(row["media"][0]) if row["media"] else None
                frame = choose_frame(Path(file.name), stated, self.label(row), report)
        except (SynapseError, OSError) as error:
            raise self.explain(row, error) from error
        chosen = _choose_annotations(document, row["media"])
        frame = PictureFrame(frame.size or picture.size, frame.orientation)
        placed = frame.place(chosen, self.label(row), report, clip=True)
        size = frame.stored_size or picture.size
        return picture, PictureSample(row["id"], row["path"] or "", size, Annotations(placed))

    def explain(self, row: SampleRow, error: Exception) -> Exception:
        """Return the error of one sample for a fault that is this sample's own."""
        if isinstance(error, (MissingExtra, SampleError)) or not _is_own_fault(error):
            return error
        reason = str(error)
        if isinstance(error, ClientError) and error.status_code in (404, 410):
            reason = f"The file is gone (HTTP {error.status_code})."
        return SampleError(
            f"{self.label(row)}: {reason} Leave the {self._kind} out of the query, or pass "
            "on_error='skip'."
        )

    # -- Files -----------------------------------------------------------------------------------

    def open(self, row: SampleRow) -> IO[bytes]:
        """Open the picture's file in the cache. One request, or none for a file in the cache.

        Raises:
            SampleError: The row has no picture.
            ClientError: The file can't be fetched.
        """
        if not row["url"]:
            named = f"file {self._file!r}" if self._file else "picture"
            raise SampleError(
                f"{self.label(row)}: The server sent no {named}. Leave the {self._kind} out of the "
                "query, or pass file= or on_error='skip'."
            )
        cache = FileCache(self.query._session.transport)
        try:
            return cache.open(row["url"], row["checksum"], row["size"])
        except ClientError as error:
            fresh = self._refresh(row, row["url"], error)
            return cache.open(fresh["url"], fresh["checksum"], fresh["size"])

    def _refresh(self, row: SampleRow, url: str, error: ClientError) -> SampleRow:
        """Return a row with new signed URLs. One request.

        Raises:
            ClientError: The URL isn't a signed one that may have expired, or the row is gone.
        """
        if not has_expired(error) or "?" not in url:
            raise error
        query = self.query
        plain = type(query)(query._resource, query._session, query._scope)
        wanted: dict[str, Any] = {self._key: row["id"]}
        found = plain.filter(**wanted).only(*self.names)._read_row_pages()
        fresh = next(self.slim(chain.from_iterable(found)), None)
        if fresh is None:
            raise error
        return fresh

    def _read_document(self, row: SampleRow) -> Annotations:
        data = row["data"]
        if (url := find_pointer(data)) is not None:
            transport, name = self.query._session.transport, self.label(row)
            try:
                data = fetch_document(transport, url, name)
            except ClientError as error:
                data = self._refresh(row, url, error)["data"]
                if (url := find_pointer(data)) is not None:
                    data = fetch_document(transport, url, name)
        return read_document(data)

    # -- Pictures --------------------------------------------------------------------------------

    def _decode(self, row: SampleRow, file: IO[bytes]) -> Any:
        try:
            pillow = load("PIL.Image")
        except ImportError as error:
            raise MissingExtra("Pictures", "images") from error
        try:
            with pillow.open(file) as picture:
                if not self._must_decode:
                    return picture
                picture.load()
                is_deep = picture.mode.startswith(("I", "F")) and self._mode in ("RGB", "L")
                found = picture if self._mode in (None, picture.mode) else None
                if found is None and not is_deep:
                    found = picture.convert(self._mode)
        except Exception as error:  # Pillow's plugins raise whatever a damaged file leads to
            raise SampleError(
                f"{self.label(row)}: not a readable picture ({type(error).__name__}: {error}). "
                f"{self._check_copy(row, file)}"
            ) from error
        if found is None:
            raise SampleError(
                f"{self.label(row)}: the picture has more than 8 bits a pixel, which "
                f"mode={self._mode!r} would cut off. Pass mode=None, and convert it in transform=."
            )
        return found

    def _check_copy(self, row: SampleRow, file: IO[bytes]) -> str:
        """Remove a damaged copy from the cache; return the advice."""
        file.seek(0)
        blocks = iter(lambda: file.read(1 << 20), b"")
        if row["checksum"] and not is_checksum_of(row["checksum"], blocks):
            Path(file.name).unlink(missing_ok=True)
            return "The damaged copy in the cache is removed. Read the sample again."
        return f"Leave the {self._kind} out of the query, or pass on_error='skip'."


def _is_own_fault(error: Exception) -> bool:
    if isinstance(error, ClientError):
        status = error.status_code
        return isinstance(error, InvalidResponse) or (400 <= status < 500 and status not in _COMMON)
    return isinstance(error, UnknownDocument)


def _choose_file(files: Any, name: str | None) -> tuple[str, Mapping[str, Any], list[str]]:
    """Return the name of a row's picture, the file, and the names that the medium may have."""
    if not isinstance(files, Mapping):
        return "", {}, []
    pictures = [key for key in sorted(files, key=natural_key) if _is_picture(files[key])]
    chosen = name if name is not None else next(iter(pictures), None)
    file = files.get(chosen)
    if chosen is None or not isinstance(file, Mapping):
        return "", {}, []
    media = [chosen]
    if chosen in pictures:
        media.append(f"image_{pictures.index(chosen) + 1}")
    if len(pictures) == 1:
        media.append("")  # whatever the medium is called
    return chosen, file, media


def _is_picture(file: Any) -> bool:
    if not isinstance(file, Mapping):
        return False
    path = str(file.get("path") or str(file.get("url") or "").partition("?")[0])
    return file.get("file_type") == "image" or PurePosixPath(path).suffix.lower() in SUFFIXES


def _choose_annotations(document: Annotations, media: list[str]) -> list[Annotation]:
    """Return the annotations of a medium that has one of some names."""
    present = {each.medium for each in document}
    chosen = next((name for name in media if name in present), None)
    if chosen is None and "" in media:
        return [each for each in document if each.MEDIUM == "image"]
    return [each for each in document if each.medium in (chosen, None)]
