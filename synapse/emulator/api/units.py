"""Data units: files that belong together."""

import functools
import hashlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from django.db.models import QuerySet
from django.utils.http import RFC3986_SUBDELIMS
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.reverse import reverse

from synapse.emulator.api.base import BulkCreateMixin, DestroyMixin, ResourceSerializer
from synapse.emulator.api.collections import DataCollectionSerializer
from synapse.emulator.api.fields import DocumentField
from synapse.emulator.api.hidden_rows import hide_implicit_units
from synapse.emulator.api.related_values import RelatedValues
from synapse.emulator.api.unit_groups import DataUnitGroupSerializer, ensure_groups
from synapse.emulator.behaviour_answers import behaviour_of
from synapse.emulator.downloads import FILE_LINK
from synapse.emulator.files import find_blobs
from synapse.emulator.models import DataCollection, DataUnit, FileSpecification, UnitFile
from synapse.emulator.prepared_query import PreparedValues
from synapse.emulator.signed_links import compute_expiry, sign_link

_PATH_LENGTH = 1024
# Characters of a path that Django's `reverse` leaves as they are.
_SAFE = f"{RFC3986_SUBDELIMS}/~:@"
# The attribute of a request with the beginning of the URLs of files.
_ROOT = "_root_of_files"


def describe_files(unit: int | None, context: Any) -> dict[str, Any]:
    """Return the description of a unit's files, which `RelatedValues.fill` completes.

    Args:
        unit: The unit's id; None means no files.
        context: The context of the serializer that writes the response.
    """
    return {} if unit is None else RelatedValues.of(context).open(_load_files, dict)[unit]


def _load_files(units: Mapping[int, Any], request: Request) -> None:
    """Describe the files of units, by the names of their specifications."""
    links = FileLinks(request)
    shown = behaviour_of(request).checksums
    for unit, pk, path, size, md5, sha1, sha256, name, kind in _prepare_files().fetch(list(units)):
        units[unit][name] = {
            "url": links.build("unitfile", pk, sha256 or md5, path),
            "checksum": choose_checksum(shown, md5, sha1),
            "size": size,
            "path": path,
            "file_type": kind,
        }


@functools.cache
def _prepare_files() -> PreparedValues:
    files = UnitFile.objects.order_by("specification__index", "pk").values_list(
        "data_unit_id",
        "pk",
        "path",
        "blob__size",
        "blob__checksum",
        "blob__sha1",
        "blob__sha256",
        "specification__name",
        "specification__file_type",
    )
    return PreparedValues(files, "data_unit_id")


def choose_checksum(shown: str, md5: str, sha1: str) -> str:
    """Return a content's checksum of the kind that the server shows."""
    return sha1 if shown == "sha1" and sha1 else md5


class FileLinks:
    """The URLs of one response's files, good without a token for a while.

    Args:
        request: The request to answer.
    """

    def __init__(self, request: Request) -> None:
        self._root = _find_root(request)
        self._expires = compute_expiry(behaviour_of(request).file_url_lifetime)

    def build(self, model: str, pk: Any, key: str, path: str) -> str:
        """Return the URL of a content, valid while the row exists.

        Args:
            model: Name of the row's model.
            pk: The row's id.
            key: The content's :attr:`~synapse.emulator.models.Blob.key`.
            path: Path of the file; the last part is the name.
        """
        return f"{self._root}{_build_place(model, pk, key, path, self._expires)}"


# All links of a period are equal, and clients list the same rows often.
@functools.lru_cache(maxsize=4096)
def _build_place(model: str, pk: Any, key: str, path: str, expires: int) -> str:
    """Return the end of a file's URL."""
    place = quote(f"{key}/{_find_name(path) or key}", safe=_SAFE)
    return f"{place}?signature={sign_link(FILE_LINK, [model, pk, key], expires)}"


def build_file_url(owner: Any, path: str, request: Request) -> str:
    """Return the URL of the content of a row with a ``blob``."""
    return FileLinks(request).build(owner._meta.model_name, owner.pk, owner.blob.key, path)


def _find_name(path: str) -> str:
    """Return the last part of a path."""
    path = path.replace("\\", "/")
    name = path.rpartition("/")[2]
    return PurePosixPath(path).name if name in ("", ".") else name


def _find_root(request: Request) -> str:
    """Return the beginning of the URLs of files, once for each request."""
    root: str | None = request.__dict__.get(_ROOT)
    if root is None:
        url = reverse("file", kwargs={"key": "k", "name": "n"}, request=request)
        root = request.__dict__[_ROOT] = url.removesuffix("k/n")
    return root


class UnitFilesField(serializers.Field[Any, Any, Any, Any]):
    """``{specification: {"checksum", "path"}}`` in, ``{specification: {"url", ...}}`` out."""

    def get_attribute(self, instance: DataUnit) -> DataUnit:
        return instance

    def to_representation(self, value: DataUnit) -> dict[str, Any]:
        return describe_files(value.pk, self.context)

    def to_internal_value(self, data: Any) -> dict[str, dict[str, str]]:
        files = DocumentField().run_validation(data)
        if not isinstance(files, dict):
            raise serializers.ValidationError(
                f'Expected a dictionary of items but got type "{type(files).__name__}".'
            )
        problems = [
            problem for name, file in files.items() if (problem := _find_problem(name, file))
        ]
        if problems:
            raise serializers.ValidationError(problems)
        return {
            name: {"checksum": file["checksum"].lower(), "path": file.get("path") or ""}
            for name, file in files.items()
        }


def _find_problem(name: str, file: Any) -> str | None:
    if not isinstance(file, dict) or not isinstance(file.get("checksum"), str):
        return f'"{name}" must be an object with a "checksum".'
    path = file.get("path")
    if path is not None and not isinstance(path, str):
        return f'The path of "{name}" is not a valid string.'
    if path and len(path) > _PATH_LENGTH:
        return f'The path of "{name}" has more than {_PATH_LENGTH} characters.'
    return None


class DataUnitSerializer(ResourceSerializer):
    """A data unit; clients write checksums of files, and read URLs."""

    files = UnitFilesField()
    groups = serializers.ListField(
        child=serializers.CharField(max_length=255), required=False, write_only=True, max_length=20
    )

    class Meta(ResourceSerializer.Meta):
        model = DataUnit
        fields = (
            "id",
            "data_collection",
            "files",
            "meta",
            "groups",
            "group",
            "checksum",
            "can_generate_task",
            "created",
            "updated",
        )
        read_only_fields = ("checksum", "group")
        expandable_fields = {
            "data_collection": DataCollectionSerializer,
            "group": DataUnitGroupSerializer,
        }

    def prepare_bulk(self, items: list[dict[str, Any]]) -> None:
        collections = [row for row in self.context["related"][DataCollection].values() if row]
        specifications: dict[int, dict[str, FileSpecification]] = {
            row.pk: {} for row in collections
        }
        for row in FileSpecification.objects.filter(data_collection__in=collections):
            specifications[row.data_collection_id][row.name] = row
        documents = [item["files"] for item in items if isinstance(item.get("files"), dict)]
        files = [file for files in documents for file in files.values() if isinstance(file, dict)]
        sums = {file["checksum"].lower() for file in files if isinstance(file.get("checksum"), str)}
        self.context["specifications"] = specifications
        self.context["blobs"] = find_blobs(self.owner, sums)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        specifications = self.context["specifications"][attrs["data_collection"].pk]
        files = attrs["files"]
        problems = [
            f'The data collection has no file specification "{name}".'
            for name in files
            if name not in specifications
        ]
        problems += [
            f'The file for "{name}" is required.'
            for name, specification in specifications.items()
            if specification.is_required and name not in files
        ]
        problems += [
            f'No file with the checksum of "{name}" has been uploaded.'
            for name, file in files.items()
            if name in specifications and file["checksum"] not in self.context["blobs"]
        ]
        problems += [
            f'Several uploaded files have the checksum of "{name}". Send the SHA-256 instead.'
            for name, file in files.items()
            if self.context["blobs"].get(file["checksum"], file) is None
        ]
        if problems:
            raise serializers.ValidationError({"files": problems})
        return attrs

    def bulk_create(self, items: list[dict[str, Any]]) -> list[DataUnit]:
        documents = [item.pop("files") for item in items]
        for item, files in zip(items, documents, strict=True):
            item["checksum"] = compute_unit_checksum(files)
        paths = [
            (item["data_collection"].pk, tuple(item.pop("groups", None) or ())) for item in items
        ]
        groups = ensure_groups(self.owner, [path for path in paths if path[1]])
        for item, path in zip(items, paths, strict=True):
            item["group_id"] = groups.get(path)
        units: list[DataUnit] = super().bulk_create(items)
        found_blobs, specifications = self.context["blobs"], self.context["specifications"]
        UnitFile.objects.bulk_create(
            UnitFile(
                data_unit=unit,
                specification=specifications[unit.data_collection_id][name],
                blob=found_blobs[file["checksum"]],
                path=file["path"] or name,
            )
            for unit, files in zip(units, documents, strict=True)
            for name, file in files.items()
        )
        return units


def compute_unit_checksum(files: dict[str, dict[str, str]]) -> str:
    """Return a checksum over all files of a unit and their names."""
    lines = sorted(f"{name}\0{file['checksum']}\n" for name, file in files.items())
    return hashlib.md5("".join(lines).encode(), usedforsecurity=False).hexdigest()


class DataUnitViewSet(
    mixins.ListModelMixin, mixins.RetrieveModelMixin, BulkCreateMixin, DestroyMixin
):
    """``data_units/``."""

    serializer_class = DataUnitSerializer

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return super().filter_queryset(hide_implicit_units(queryset, self.request))
