"""Annotations of a resource that has an annotation document."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol, overload

from synapse._internal.lazy_import import load
from synapse.errors import UnknownDocument

if TYPE_CHECKING:
    from synapse.annotations import Annotation, Annotations

__all__ = ["DocumentAnnotations", "write_annotations"]


class _HasDocument(Protocol):
    """A resource with a document."""

    data: Any

    def _label(self) -> str: ...


class DocumentAnnotations:
    """The annotations of a resource's document, as an attribute.

    Reading makes no request beyond that of `data`; each reading parses the document. Assigning
    annotations changes `data`, which `save()` sends.
    """

    @overload
    def __get__(self, resource: None, owner: type) -> DocumentAnnotations: ...
    @overload
    def __get__(self, resource: _HasDocument, owner: type) -> Annotations: ...
    def __get__(
        self, resource: _HasDocument | None, owner: type
    ) -> Annotations | DocumentAnnotations:
        if resource is None:
            return self
        try:
            found: Annotations = load("synapse.annotations").read_document(resource.data)
            return found
        except UnknownDocument as error:
            raise UnknownDocument(f"{resource._label()}: {error}") from None

    def __set__(self, resource: _HasDocument, value: Iterable[Annotation]) -> None:
        resource.data = write_annotations(resource, value)


def write_annotations(resource: _HasDocument, annotations: Iterable[Annotation]) -> dict[str, Any]:
    """Return a resource's document with these annotations.

    Makes no request beyond that of `data`, whose other parts stay.

    Raises:
        FieldValueError: An element isn't an annotation.
        UnknownDocument: The former document has an unknown form.
    """
    write = load("synapse.annotations").write_document
    try:
        document: dict[str, Any] = write(annotations, like=resource.data)
    except UnknownDocument as error:
        raise UnknownDocument(f"{resource._label()}: {error}") from None
    return document
