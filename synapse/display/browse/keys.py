"""The keys of the widget: the one table for handler, help and manual."""

from __future__ import annotations

from typing import Any

import attrs

__all__ = ["KEYS", "KeyBinding", "describe_keys", "make_key_table"]

_SHOWN = {
    "ArrowLeft": "←",
    "ArrowRight": "→",
    "ArrowUp": "↑",
    "ArrowDown": "↓",
    "Escape": "Esc",
}
_DIGITS = tuple("123456789")


@attrs.frozen
class KeyBinding:
    """The keys of one action.

    Attributes:
        action: Name of the action.
        keys: Keys by the names of the browser's `KeyboardEvent.key`, with `Shift+` or `Ctrl+`.
        text: Effect of the action.
        is_range: Whether the keys are a row of digits, shown as the first and the last.
    """

    action: str
    keys: tuple[str, ...]
    text: str
    is_range: bool = False

    @property
    def shown(self) -> tuple[str, ...]:
        """The keys as the help shows them."""
        return tuple("+".join(_SHOWN.get(part, part) for part in _split(key)) for key in self.keys)


KEYS: tuple[KeyBinding, ...] = (
    KeyBinding("next", ("ArrowRight", "n"), "Go to the next object"),
    KeyBinding("previous", ("ArrowLeft", "p"), "Go to the previous object"),
    KeyBinding("first", ("Home",), "Go to the first object"),
    KeyBinding("last", ("End",), "Go to the last object"),
    KeyBinding("number", ("g",), "Go to the object with a number"),
    KeyBinding("file", ("v",), "View the next file of the object"),
    KeyBinding("select_next", ("Tab",), "Select the next annotation"),
    KeyBinding("select_previous", ("Shift+Tab",), "Select the previous annotation"),
    KeyBinding("delete", ("Delete", "Backspace"), "Delete the selected annotation"),
    KeyBinding("relabel", _DIGITS, "Give the selected annotation the class with this number", True),
    KeyBinding("classes", ("c",), "Choose a class of the list for the selected annotation"),
    KeyBinding("accept", ("a",), "Accept the object"),
    KeyBinding("reject", ("r",), "Reject the object"),
    KeyBinding("tags", ("t",), "Add a tag of the list, or remove the tag"),
    KeyBinding("undo", ("u", "Ctrl+z"), "Undo the last saved change"),
    KeyBinding("retry", ("s",), "Save again the changes that are not saved"),
    KeyBinding("filter", ("f",), "Show only the objects with a status"),
    KeyBinding(
        "toggle",
        tuple(f"Shift+{digit}" for digit in _DIGITS),
        "Hide or show the class with this number",
        True,
    ),
    KeyBinding("toggle_all", ("h",), "Hide or show all annotations"),
    KeyBinding("zoom_in", ("+", "="), "Zoom in"),
    KeyBinding("zoom_out", ("-",), "Zoom out"),
    KeyBinding("fit", ("0",), "Show the whole picture"),
    KeyBinding(
        "pan",
        ("Shift+ArrowLeft", "Shift+ArrowRight", "Shift+ArrowUp", "Shift+ArrowDown"),
        "Move the picture",
    ),
    KeyBinding("leave", ("Escape",), "Close the list, else deselect, else leave the widget"),
    KeyBinding("help", ("?",), "Show or hide this help"),
)


def _split(key: str) -> list[str]:
    """Return a key's modifiers and name; `+` is a name too."""
    modifiers, _, name = key.rpartition("+") if key != "+" else ("", "", "+")
    return [modifiers, name] if modifiers else [name]


def describe_keys() -> list[dict[str, Any]]:
    """Return the table as JSON, for the widget's handler and help."""
    return [
        {
            "action": each.action,
            "keys": list(each.keys),
            "shown": list(each.shown),
            "text": each.text,
            "range": each.is_range,
        }
        for each in KEYS
    ]


def make_key_table() -> str:
    """Return the table in Markdown, for the manual."""
    lines = ["| keys | effect |", "|---|---|"]
    for each in KEYS:
        shown = [f"`{key}`" for key in each.shown]
        keys = f"{shown[0]} to {shown[-1]}" if each.is_range else ", ".join(shown)
        lines.append(f"| {keys} | {each.text} |")
    return "\n".join(lines)
