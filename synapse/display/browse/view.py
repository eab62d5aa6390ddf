"""The object that the widget shows: the picture, and the annotations with their numbers."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from synapse.annotations import Annotation, Annotations
from synapse.display import markup
from synapse.display.browse.choices import ClassChoices, ProjectChoices, TagChoices
from synapse.display.browse.scene import make_area, make_shapes
from synapse.display.contents import (
    find_known,
    find_link,
    find_own,
    load_annotations,
    load_files,
)
from synapse.display.previews import Preview, find_kind, make_preview
from synapse.errors import SynapseError

__all__ = ["ObjectView"]

# Pixels of the picture's longer side, and its bytes.
_LONGEST, _ROOM = 1_600, 400 * 1024


class ObjectView:
    """One object as shown.

    Attributes:
        one: The object, or `None`.
        files: The files that can be shown, by name.
        file: Place of the shown file.
        preview: The preview of the file.
        annotations: The annotations of the whole document.
        refs: The annotations of the file by their numbers in the widget.
        classes: The classes of the object's project.
        picture: Number of the picture; each one that is shown has another.
        tag_choices: The tags to choose of, once they were asked for.
    """

    def __init__(self) -> None:
        self.picture = 0
        self.tags = TagChoices()
        self._projects = ProjectChoices()
        self._next_ref = 0
        self._clear()

    def _clear(self) -> None:
        self.one: Any = None
        self.files: list[tuple[str, Any]] = []
        self.file = 0
        self.preview = Preview()
        self.annotations = Annotations()
        self.refs: dict[int, Annotation] = {}
        self.classes = ClassChoices([])
        self.tag_choices: list[dict[str, Any]] | None = None
        self._note = ""

    def show(self, one: Any, file: int = 0) -> None:
        """Show an object.

        One request for a picture that isn't in the cache, and one for a project that isn't loaded.

        Args:
            one: The object, or `None` for none.
            file: Place of the file.
        """
        self._clear()
        self.picture += 1
        self.one = one
        if one is None:
            return
        self.files, self.file = load_files(one), file
        self.classes = self._projects.read(one)
        if self.files:
            name, found = self.files[file]
            self.preview = make_preview(one._session.transport, name, found, _LONGEST, _ROOM)
        self.show_again()

    def show_again(self) -> None:
        """Show the annotations that the session knows of now; each keeps the number."""
        if self.one is None:
            return
        self.annotations, self._note = load_annotations(self.one)
        kinds = [find_kind(name, file) for name, file in self.files]
        before: dict[Any, list[int]] = {}
        for ref, each in self.refs.items():
            before.setdefault((each.medium, each.id), []).append(ref)
        self.refs = {}
        for each in find_own(self.annotations, kinds, self.file):
            same = before.get((each.medium, each.id))
            if same:
                self.refs[same.pop(0)] = each
            else:
                self._next_ref += 1
                self.refs[self._next_ref] = each

    def offer_tags(self) -> None:
        """Read the tags to choose of. Two requests."""
        self.tag_choices = self.tags.load(self.one)

    def describe(self) -> dict[str, Any]:
        """Return the object as JSON.

        Two requests if the object has tags whose names aren't loaded.
        """
        one, preview = self.one, self.preview
        own = list(self.refs.values())
        known = self.annotations.sizes.get(own[0].medium or "") if own else None
        area = make_area(preview, own, known)
        place = area if preview.is_fixed else None
        shapes, omitted = make_shapes(self.refs, place, self.classes.find)
        notes = [note for note in (self._note, preview.note) if note]
        if omitted:
            notes.append(f"… and {omitted:,} annotations more, not drawn.")
        width, height = area.full_size if area is not None else (0, 0)
        status = find_known(one, "status") if one is not None else None
        return {
            "object": None if one is None else one._key,
            "title": "" if one is None else markup.clean(one._label(), 120),
            "link": find_link(one) if one is not None else None,
            "status": None if status is None else markup.clean(status, 40),
            "tags": self._describe_tags(),
            "tag_choices": self.tag_choices,
            "file": markup.clean(preview.name, 120),
            "file_number": self.file,
            "files": len(self.files),
            "picture": self.picture,
            "media_type": preview.picture.media_type if preview.picture else None,
            "width": width,
            "height": height,
            "text": markup.clean(preview.text, 2_000) if preview.text else "",
            "shapes": shapes,
            "classes": self.classes.describe(),
            "notes": [markup.clean(note, 300) for note in notes],
        }

    def _describe_tags(self) -> list[dict[str, Any]] | None:
        if self.one is None or not hasattr(self.one, "tag"):
            return None
        keys = self.one.tag_ids
        if keys and not self.tags.is_loaded(self.one):
            with suppress(SynapseError):  # the ids remain
                self.tags.load(self.one)
        return [{"id": key, "name": markup.clean(self.tags.name(key), 80)} for key in keys]
