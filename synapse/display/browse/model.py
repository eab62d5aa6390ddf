"""The state of the widget, without a browser: messages come in, states go out.

Each change is saved at once, so nothing is lost when the kernel stops. A change that can't be
saved stays in the state with the reason, until it is saved again or given up.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from synapse._internal.validate import is_int
from synapse.annotations import Annotation
from synapse.display import markup
from synapse.display.browse import edits
from synapse.display.browse.edits import AnnotationEdit, Edit, FieldEdit, TagEdit
from synapse.display.browse.view import ObjectView
from synapse.display.browse.walk import Walk
from synapse.display.contents import find_files_path
from synapse.errors import SynapseError, UsageError

if TYPE_CHECKING:
    from synapse.orm.query import Query

__all__ = ["BrowserModel"]

_MOST_STEPS, _MOST_UNSAVED, _MOST_ANSWERED = 1_000, 200, 1_000
_LONGEST_ID = 80

Message = Mapping[str, Any]
Send = Callable[[dict[str, Any], list[bytes]], object]


@attrs.define
class _Unsaved:
    """A change that could not be saved."""

    edit: Edit
    error: str


class BrowserModel:
    """The state of one widget.

    Args:
        query: The objects to look at.

    Raises:
        UsageError: The class has no files to look at.
    """

    def __init__(self, query: Query[Any]) -> None:
        cls = query._resource
        if find_files_path(cls) is None:
            raise UsageError(
                f"browse() shows objects with files, such as tasks; {cls.__schema__.plural} have "
                "none. Use head() for a table."
            )
        # Kernels handle messages in other threads than cells.
        self._lock = threading.RLock()
        self._query = query
        self._status: str | None = None
        self._walk = Walk(query)
        self._view = ObjectView()
        self._history: deque[Edit] = deque(maxlen=_MOST_STEPS)
        self._unsaved: OrderedDict[str, _Unsaved] = OrderedDict()
        self._answered: OrderedDict[str, None] = OrderedDict()
        self._sent_picture = 0
        self._send: Send = _send_nowhere
        self._statuses = _find_statuses(cls)
        self._can_edit = _is_editable(cls, "data") and hasattr(cls, "annotations")

    def connect(self, send: Send) -> None:
        """Send the states by a function, which gets the state and the bytes of the picture."""
        self._send = send

    def open(self) -> None:
        """Read the first page. One request."""
        with self._lock:
            self._walk.open()

    @property
    def query(self) -> Query[Any]:
        """The query whose objects are shown."""
        return self._query

    @property
    def current(self) -> Any:
        """The object that is shown, or `None`. One request if the object isn't in memory."""
        with self._lock:
            return self._walk.find_current()

    @property
    def place(self) -> tuple[int, int]:
        """Position of the object, from 0, and the number of objects."""
        return self._walk.position, self._walk.total

    @property
    def history(self) -> list[str]:
        """The saved changes that can be undone, oldest first."""
        with self._lock:
            return [self._describe_edit(edit) for edit in self._history]

    @property
    def unsaved(self) -> list[str]:
        """The changes that could not be saved, with the reasons."""
        with self._lock:
            return [
                f"{self._describe_edit(each.edit)}: {each.error}" for each in self._unsaved.values()
            ]

    # -- Messages ----------------------------------------------------------------------------

    def handle(self, message: Any) -> None:
        """Handle a message, and send the new state. Never raises.

        Args:
            message: The message: a mapping with `kind`, `id` and arguments.
        """
        with self._lock:
            name = message.get("id") if isinstance(message, Mapping) else None
            known = isinstance(name, str) and len(name) <= _LONGEST_ID
            reply: dict[str, Any] = {"answers": name if known else None, "note": "", "error": ""}
            try:
                reply["note"] = self._dispatch(message, name if known else None)
            except SynapseError as error:
                reply["error"] = _explain(error)
            except Exception as error:  # a fault must not leave the person without an answer
                reply["error"] = _explain(error)
            is_open = isinstance(message, Mapping) and message.get("kind") == "open"
            self._report(reply, with_picture=is_open)

    def _dispatch(self, message: Any, name: str | None) -> str:
        kind = message.get("kind") if isinstance(message, Mapping) else None
        handler = _HANDLERS.get(kind) if isinstance(kind, str) else None
        if handler is None or name is None:
            raise UsageError("The widget sent an unknown message. Run the cell again.")
        if name in self._answered:
            return ""  # sent twice, because the first answer was late
        self._answered[name] = None
        while len(self._answered) > _MOST_ANSWERED:
            self._answered.popitem(last=False)
        return handler(self, message) or ""

    def _report(self, reply: dict[str, Any], *, with_picture: bool) -> None:
        buffers: list[bytes] = []
        try:
            state = self._describe()
        except Exception as error:  # as above
            state = {"title": "", "shapes": [], "error": _explain(error)}
        picture = self._view.preview.picture
        if picture is not None and (with_picture or self._view.picture != self._sent_picture):
            buffers = [picture.content]
            self._sent_picture = self._view.picture
        text = reply["error"] or state.get("error", "")
        self._send({**state, **reply, "error": text, "kind": "state"}, buffers)

    def _open(self, _message: Message) -> None:
        if self._view.one is None:
            self._show()

    def _go(self, message: Message) -> str:
        to, position = message.get("to"), _read_int(message, "position")
        note = ""
        if to in ("next", "previous"):
            if not self._walk.step(1 if to == "next" else -1):
                note = f"This is the {'last' if to == 'next' else 'first'} object."
        elif to in ("first", "last"):
            self._walk.jump(0 if to == "first" else self._walk.total - 1)
        elif position is not None:
            self._walk.jump(position)
        else:
            raise UsageError("The number isn't a whole number. Type a number from 1.")
        self._show_other()
        return note

    def _go_on_file(self, _message: Message) -> None:
        if len(self._view.files) > 1:
            self._show(file=(self._view.file + 1) % len(self._view.files))

    def _filter(self, message: Message) -> None:
        status = message.get("status")
        if status is not None and status not in self._statuses:
            raise UsageError(f"The status must be one of {', '.join(self._statuses)}, or none.")
        query = self._query.filter(status=status) if status is not None else self._query
        walk = Walk(query)
        walk.open()
        self._walk, self._status = walk, status
        self._show()

    def _offer_tags(self, message: Message) -> None:
        self._require(message)
        self._view.offer_tags()

    def _delete(self, message: Message) -> str:
        one, each = self._require(message), self._require_annotation(message)
        swaps = edits.remove(self._view.annotations, each)
        return self._save(message, AnnotationEdit(one._key, f"delete {_name(each)}", tuple(swaps)))

    def _relabel(self, message: Message) -> str:
        one, each = self._require(message), self._require_annotation(message)
        label = self._view.classes.relabel(each, message.get("class"))
        if label == each.label:
            return f"The class is {label!r} already."
        swaps = edits.replace(self._view.annotations, each, attrs.evolve(each, label=label))
        text = f"relabel {_name(each)} as {label}"
        return self._save(message, AnnotationEdit(one._key, text, tuple(swaps)))

    def _accept(self, message: Message) -> str:
        return self._judge(message, "completed")

    def _reject(self, message: Message) -> str:
        word = "rejected" if "rejected" in self._statuses else "in_progress"
        return self._judge(message, word)

    def _judge(self, message: Message, status: str) -> str:
        one = self._require(message)
        if status not in self._statuses:
            raise UsageError(f"{one._label()} has no status to change.")
        old = str(one.status)
        if old == status:
            return f"The status is {status} already."
        return self._save(
            message, FieldEdit(one._key, f"set status {status}", "status", old, status)
        )

    def _tag(self, message: Message) -> str:
        one, tag = self._require(message), _read_int(message, "tag")
        if tag is None or not hasattr(one, "tag"):
            raise UsageError("This is not a tag of the object. Open the list of tags again.")
        is_added = tag not in one.tag_ids
        text = f"{'tag' if is_added else 'untag'} {self._view.tags.name(tag)}"
        return self._save(message, TagEdit(one._key, text, tag, is_added))

    def _undo(self, _message: Message) -> str:
        if not self._history:
            return "Nothing to undo."
        edit = self._history[-1]
        edit.invert().save(self._walk.find(edit.key))
        self._history.pop()
        self._walk.note_change()
        self._walk.move_to(edit.key)
        self._show_other()
        return f"Undone: {self._describe_edit(edit)}."

    def _retry(self, message: Message) -> str:
        wanted = message.get("change")
        names = [name for name in self._unsaved if wanted is None or name == wanted]
        errors = [self._apply(self._unsaved[name].edit, name) for name in names]
        refused = next(filter(None, errors), None)
        if refused is not None:
            raise refused
        return f"{len(names):,} saved." if names else "Every change is saved."

    def _discard(self, message: Message) -> str:
        unsaved = self._unsaved.pop(str(message.get("change")), None)
        return "" if unsaved is None else f"Given up: {self._describe_edit(unsaved.edit)}."

    # -- Changes -----------------------------------------------------------------------------

    def _require(self, message: Message) -> Any:
        """Return the shown object, if the message means that one.

        Raises:
            UsageError: The message means another object.
        """
        one = self._view.one
        if one is None or message.get("object") != one._key:
            raise UsageError("Another object is shown now, so nothing was changed. Try again.")
        return one

    def _require_annotation(self, message: Message) -> Annotation:
        if not self._can_edit:
            raise UsageError("The annotations of such objects can't be changed.")
        ref = _read_int(message, "ref")
        each = None if ref is None else self._view.refs.get(ref)
        if each is None:
            raise UsageError("The annotation is no longer there. Select another one.")
        return each

    def _save(self, message: Message, edit: Edit) -> str:
        if len(self._unsaved) >= _MOST_UNSAVED:
            raise UsageError(
                f"{_MOST_UNSAVED} changes are not saved yet. Save them again or give them up first."
            )
        refused = self._apply(edit, str(message["id"]))
        if refused is not None:
            raise refused
        return f"Saved: {self._describe_edit(edit)}."

    def _apply(self, edit: Edit, name: str) -> Exception | None:
        """Save a change; if that fails, keep the change, and return the reason."""
        refused: Exception | None = None
        try:
            edit.save(self._walk.find(edit.key))
        except Exception as error:  # also a fault must not lose the change
            refused = error
            self._unsaved[name] = _Unsaved(edit, _explain(error))
        else:
            self._unsaved.pop(name, None)
            self._history.append(edit)
            self._walk.note_change()
        self._view.show_again()
        return refused

    def _describe_edit(self, edit: Edit) -> str:
        schema = self._query._resource.__schema__
        return markup.clean(f"{schema.label(edit.key)}: {edit.text}", 200)

    def _show_other(self) -> None:
        """Show the cursor's object, if another one is shown."""
        if self._view.one is not None and self._view.one._key == self._walk.key:
            self._view.show_again()
        else:
            self._show()

    def _show(self, file: int = 0) -> None:
        self._view.show(self._walk.find_current(), file)

    def _describe(self) -> dict[str, Any]:
        """Return the state as JSON."""
        return {
            **self._view.describe(),
            "position": self._walk.position,
            "total": self._walk.total,
            "statuses": self._statuses,
            "filter": self._status,
            "can_edit": self._can_edit,
            "undo": self._describe_edit(self._history[-1]) if self._history else None,
            "unsaved": [
                {"id": name, "text": self._describe_edit(each.edit), "error": each.error}
                for name, each in self._unsaved.items()
            ],
        }


_HANDLERS: dict[str, Callable[[BrowserModel, Message], str | None]] = {
    "open": BrowserModel._open,
    "go": BrowserModel._go,
    "file": BrowserModel._go_on_file,
    "filter": BrowserModel._filter,
    "tags": BrowserModel._offer_tags,
    "delete": BrowserModel._delete,
    "relabel": BrowserModel._relabel,
    "accept": BrowserModel._accept,
    "reject": BrowserModel._reject,
    "tag": BrowserModel._tag,
    "undo": BrowserModel._undo,
    "retry": BrowserModel._retry,
    "discard": BrowserModel._discard,
}


def _send_nowhere(state: dict[str, Any], buffers: list[bytes]) -> None:
    """Drop a state: no widget is connected."""


def _read_int(message: Message, name: str) -> int | None:
    value = message.get(name)
    return int(value) if is_int(value) and value is not None else None


def _explain(error: Exception) -> str:
    text = str(error) if isinstance(error, SynapseError) else f"{type(error).__name__}: {error}"
    return markup.clean(text, 600)


def _name(each: Annotation) -> str:
    return each.label or each.tool or type(each).__name__


def _is_editable(cls: Any, name: str) -> bool:
    field = cls.__schema__.fields.get(name)
    return hasattr(cls, "save") and field is not None and not field.declared.read_only


def _find_statuses(cls: Any) -> list[str]:
    """Return the statuses that an object of a class can get."""
    if not _is_editable(cls, "status"):
        return []
    choice = cls.__schema__.fields["status"].choice
    return [member.value for member in choice] if choice is not None else []
