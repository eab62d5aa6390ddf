"""The objects of a picture: annotations that show one thing, such as a box and its joints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b

import attrs

from synapse.annotations import Annotation, Box, Group, Keypoint, Mask, Polygon

__all__ = ["ImageObject", "find_objects", "make_stable_id"]


def make_stable_id(*parts: str | int) -> str:
    """Return an id of ten letters and digits that depends on the parts only.

    Annotations of files without ids keep their id from one reading to the next.

    Args:
        *parts: Place of the annotation, such as the picture's name and the row's number.
    """
    text = "\0".join(map(str, parts))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()


@attrs.frozen
class ImageObject:
    """Annotations that show one thing.

    Attributes:
        label: Name of the class: of the box, the outlines and the mask, else of the group.
        box: The box, if there is one.
        polygons: The outlines of the parts.
        keypoints: The joints.
        mask: The pixels, if there are some.
        group: The group that holds the annotations together.
    """

    label: str | None
    box: Box | None = None
    polygons: tuple[Polygon, ...] = ()
    keypoints: tuple[Keypoint, ...] = ()
    mask: Mask | None = None
    group: Group | None = None

    @property
    def annotations(self) -> tuple[Annotation, ...]:
        """The annotations, without the group."""
        found = (self.box, *self.polygons, self.mask, *self.keypoints)
        return tuple(each for each in found if each is not None)

    @property
    def id(self) -> str:
        """Id of the first annotation."""
        return self.annotations[0].id


def find_objects(annotations: Iterable[Annotation]) -> Iterator[ImageObject | Annotation]:
    """Yield the objects in the order of their first annotations, and whatever isn't part of one.

    The members of a group are one object if they have one class, and at most one box and one
    mask. Other groups are yielded as they are, and their members one by one.
    """
    everything = list(annotations)
    by_id = {each.id: each for each in everything if not isinstance(each, Group)}
    whole: dict[str, ImageObject] = {}
    others: set[str] = set()
    for group in everything:
        if isinstance(group, Group):
            members = [by_id[name] for name in group.members if name in by_id]
            found = _join(members, group)
            if found is None or any(each.id in whole for each in members):
                others.add(group.id)
            else:
                whole.update((each.id, found) for each in members)
    done: set[str] = set()
    for each in everything:
        if isinstance(each, Group):
            if each.id in others:
                yield each
        elif each.id in whole:
            found = whole[each.id]
            if found.id not in done:
                done.update(member.id for member in found.annotations)
                yield found
        else:
            yield _join([each], None) or each


def _join(members: Sequence[Annotation], group: Group | None) -> ImageObject | None:
    boxes = [each for each in members if isinstance(each, Box)]
    masks = [each for each in members if isinstance(each, Mask)]
    polygons = [each for each in members if isinstance(each, Polygon)]
    keypoints = [each for each in members if isinstance(each, Keypoint)]
    shapes = [*boxes, *polygons, *masks]
    labels = {each.label for each in shapes}
    is_whole = len(shapes) + len(keypoints) == len(members) > 0
    if not is_whole or len(boxes) > 1 or len(masks) > 1 or len(labels) > 1:
        return None
    return ImageObject(
        shapes[0].label if shapes else group.label if group else None,
        boxes[0] if boxes else None,
        tuple(polygons),
        tuple(keypoints),
        masks[0] if masks else None,
        group,
    )
