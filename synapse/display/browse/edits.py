"""Changes that the widget makes: each can be saved, compared with the server, and undone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import attrs

from synapse.annotations import Annotation, Annotations, Group, Relation, write_document
from synapse.errors import UsageError

__all__ = ["AnnotationEdit", "Edit", "FieldEdit", "Swap", "TagEdit", "remove", "replace"]


@attrs.frozen
class Swap:
    """One annotation in the place of another.

    Attributes:
        at: Place of the annotation in the document.
        old: The annotation before; `None` for none.
        new: The annotation after; `None` for none.
    """

    at: int
    old: Annotation | None
    new: Annotation | None

    def invert(self) -> Swap:
        """Return the swap that undoes this one."""
        return Swap(self.at, self.new, self.old)


@attrs.frozen
class Edit(ABC):
    """One change of one object.

    Attributes:
        key: Id of the object.
        text: The change for people, such as `delete car`.
    """

    key: Any
    text: str

    @abstractmethod
    def save(self, one: Any) -> None:
        """Save the change on the server; nothing of the object stays changed on an error.

        Raises:
            UsageError: The object has unsaved changes, or was changed elsewhere.
            ClientError: The server refused or couldn't be reached.
        """

    @abstractmethod
    def invert(self) -> Edit:
        """Return the change that undoes this one."""


@attrs.frozen
class AnnotationEdit(Edit):
    """A change of annotations. Saving takes two requests: the newest document is changed.

    Attributes:
        swaps: The changed annotations.
    """

    swaps: tuple[Swap, ...]

    def save(self, one: Any) -> None:
        """Read the object, change the annotations, and save the document."""
        _refresh(one)
        before: Annotations = one.annotations
        after = _swap(before, self.swaps)
        if after is None:
            return
        document = write_document(Annotations(after, sizes=before.sizes), like=one.data)
        with one._tentatively({"data": document}):
            one.save()

    def invert(self) -> AnnotationEdit:
        """Return the change that puts the former annotations back."""
        return attrs.evolve(self, swaps=tuple(swap.invert() for swap in self.swaps))


@attrs.frozen
class FieldEdit(Edit):
    """A change of a field, such as the status. Saving takes two requests.

    Attributes:
        name: Name of the field.
        old: Value before, as shown to the person.
        new: Value after.
    """

    name: str
    old: Any
    new: Any

    def save(self, one: Any) -> None:
        """Read the object, compare the field, and save the new value."""
        _refresh(one)
        current = getattr(one, self.name)
        if current == self.new:
            return
        if current != self.old:
            raise UsageError(
                f"{one._label()}: the {self.name} is {str(current)!r} now, and was "
                f"{str(self.old)!r} when you saw it. Look at the object again, then decide."
            )
        with one._tentatively({self.name: self.new}):
            one.save()

    def invert(self) -> FieldEdit:
        """Return the change that puts the former value back."""
        return attrs.evolve(self, old=self.new, new=self.old)


@attrs.frozen
class TagEdit(Edit):
    """A tag that is added or removed. Saving takes one request.

    Attributes:
        tag: Id of the tag.
        is_added: Whether the tag is added.
    """

    tag: Any
    is_added: bool

    def save(self, one: Any) -> None:
        """Add or remove the tag."""
        if self.is_added:
            one.tag(self.tag)
        else:
            one.untag(self.tag)

    def invert(self) -> TagEdit:
        """Return the change that removes the tag, or adds the tag again."""
        return attrs.evolve(self, is_added=not self.is_added)


def _refresh(one: Any) -> None:
    """Read the object, so that changes of others stay; refuse an object with unsaved changes."""
    one.refresh()
    names = ", ".join(one.changes)
    if names:
        raise UsageError(
            f"{one._label()} has changes of a cell that are not saved: {names}. Call save() or "
            "revert() on the object, then save the widget's change again."
        )


def _is_same(one: Annotation, other: Annotation) -> bool:
    return (one.medium, one.id) == (other.medium, other.id)


def _swap(before: Sequence[Annotation], swaps: Sequence[Swap]) -> list[Annotation] | None:
    """Return the changed annotations; `None` if nothing is left to change.

    Raises:
        UsageError: An annotation isn't as it was shown.
    """
    changed: dict[int, Annotation | None] = {}
    added: list[Swap] = []
    for swap in swaps:
        new = swap.new
        if swap.old is None:
            if new is not None and new not in before:
                added.append(swap)
            continue
        place = _find(before, swap)
        if place is not None:
            changed[place] = new
        elif new is not None and new in before:
            continue  # an earlier attempt was stored, although its response was lost
        elif new is None and not any(_is_same(each, swap.old) for each in before):
            continue
        else:
            raise UsageError(
                f"The annotation {swap.old.label or swap.old.id!r} was changed elsewhere since "
                "it was shown. Look at the object again, then repeat the change."
            )
    if not changed and not added:
        return None
    after = [changed.get(place, each) for place, each in enumerate(before)]
    kept = [each for each in after if each is not None]
    for swap in sorted(added, key=lambda one: one.at):
        if swap.new is not None:
            kept.insert(swap.at, swap.new)
    return kept


def _find(before: Sequence[Annotation], swap: Swap) -> int | None:
    if 0 <= swap.at < len(before) and before[swap.at] == swap.old:
        return swap.at
    return next((place for place, each in enumerate(before) if each == swap.old), None)


def replace(annotations: Sequence[Annotation], old: Annotation, new: Annotation) -> list[Swap]:
    """Return the swaps that put an annotation in the place of another."""
    return [Swap(_place(annotations, old), old, new)]


def remove(annotations: Sequence[Annotation], old: Annotation) -> list[Swap]:
    """Return the swaps that delete an annotation, and every mention in groups and relations."""
    swaps = [Swap(_place(annotations, old), old, None)]
    if not old.id or sum(_is_same(each, old) for each in annotations) > 1:
        return swaps  # others have the id, so the mentions may mean them
    for place, each in enumerate(annotations):
        if each.medium != old.medium or each == old:
            continue
        if isinstance(each, Relation) and old.id in (each.start_id, each.end_id):
            swaps.append(Swap(place, each, None))
        elif isinstance(each, Group) and old.id in each.members:
            members = tuple(member for member in each.members if member != old.id)
            swaps.append(Swap(place, each, attrs.evolve(each, members=members)))
    return swaps


def _place(annotations: Sequence[Annotation], wanted: Annotation) -> int:
    places = (place for place, each in enumerate(annotations) if each == wanted)
    return next(places, len(annotations))
