"""The parts of an object that are shown: previews of files, and annotations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from synapse._internal.page_addresses import fill_template
from synapse.annotations import Annotation, Annotations, read_document
from synapse.annotations.versions import natural_key
from synapse.display.bundle import is_small
from synapse.display.previews import Preview, choose_files, find_kind, make_preview
from synapse.errors import SynapseError
from synapse.orm import registry
from synapse.orm.description import find_related, known_value
from synapse.orm.fields import MISSING, ids_of
from synapse.orm.payloads import fetch_document, find_pointer

__all__ = [
    "Content",
    "choose_size",
    "find_files_path",
    "find_known",
    "find_link",
    "find_own",
    "load_annotations",
    "load_content",
    "load_files",
]


@attrs.frozen
class Content:
    """The parts of an object that are drawn."""

    annotations: Annotations
    previews: Sequence[tuple[str, Preview]]  # with the kind of the file
    more_files: int = 0
    note: str = ""


def find_files_path(cls: Any) -> str | None:
    """Return the relation to a class with files, `""` for the class itself; `None` without."""
    schema = cls.__schema__
    if "files" in schema.fields:
        return ""
    for name, field in schema.fields.items():
        target = field.declared.target
        is_one = target is not None and not field.declared.is_many and hasattr(cls, "annotations")
        if is_one and "files" in registry.get(str(target)).__schema__.fields:
            return str(name)
    return None


def load_files(one: Any) -> list[tuple[str, Any]]:
    """Return the files of an object that can be shown.

    One request if the files aren't loaded.
    """
    path = find_files_path(type(one))
    if path is None:
        return []
    owner = one if path == "" else getattr(one, path)
    return choose_files(owner.files) if owner is not None else []


def find_known(one: Any, name: str) -> Any:
    """Return the JSON value of a field, or `None`. Makes no request."""
    field = type(one).__schema__.fields.get(name)
    value = MISSING if field is None else known_value(field, one)
    return None if value is MISSING else value


def load_content(one: Any, *, longest: int, room: int, most: int) -> Content:
    """Return what is drawn of an object; faults are notes."""
    path = find_files_path(type(one))
    owner = one if path == "" else find_related(one, path or "")
    chosen = choose_files(find_known(owner, "files")) if owner is not None else []
    transport = one._session.transport
    previews = [
        (find_kind(name, file), make_preview(transport, name, file, longest, room))
        for name, file in chosen[:most]
    ]
    annotations, note = load_annotations(one)
    return Content(annotations, previews, max(0, len(chosen) - most), note)


def load_annotations(one: Any) -> tuple[Annotations, str]:
    """Return the known annotations of an object, and the reason for none.

    One request if the document is stored elsewhere.
    """
    document = find_known(one, "data") if hasattr(type(one), "annotations") else None
    try:
        url = find_pointer(document)
        if url is not None:
            document = fetch_document(one._session.transport, url, f"data of {one._label()}")
        if is_small(document):
            return read_document(document), ""
    except SynapseError as error:
        return Annotations(), str(error)
    return Annotations(), "There are too many annotations to draw."


def find_own(annotations: Annotations, kinds: Sequence[str], at: int) -> list[Annotation]:
    """Return the annotations of one file: those of the medium.

    Args:
        annotations: All annotations.
        kinds: Kind of each file, such as `image`.
        at: Place of the file.
    """
    media = sorted({each.medium or "" for each in annotations}, key=natural_key)
    if kinds:
        same = [medium for medium in media if medium.startswith(f"{kinds[at]}_")]
        media = same or media
        at = kinds[:at].count(kinds[at]) if same else at
    medium = media[at] if at < len(media) else None
    return [each for each in annotations if (each.medium or "") == medium]


def choose_size(
    preview: Preview, known: tuple[int, int] | None
) -> tuple[tuple[float, float] | None, int]:
    """Return the size of a picture as shown, and the orientation of its annotations' pixels.

    Documents count pixels as stored, or as shown: the size that the document has decides.
    """
    if preview.size is None:
        return known, 1
    shown = preview.size
    stored = (shown[1], shown[0]) if preview.orientation > 4 else shown
    if known is None or known == stored:
        return shown, preview.orientation
    return known, 1


def find_link(one: Any) -> str | None:
    """Return the address of an object's page on the platform, if the session has a template."""
    settings = one._session.transport.settings
    if settings.web_url is None:
        return None
    schema = type(one).__schema__
    project = one._key if schema.name == "Project" else ids_of(find_known(one, "project"))
    return fill_template(
        settings.web_url,
        kind=schema.plural,
        id=one._key,
        project=getattr(project, "_key", project),
        tenant=settings.tenant,
    )
