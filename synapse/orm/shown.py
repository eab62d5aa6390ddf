"""Results to look at: HTML in a notebook, text everywhere else."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol

import attrs

from synapse._internal.described import Described, Description, cut

__all__ = ["Browser", "Shown"]


def _choose(
    bundle: dict[str, Any], include: Collection[str] | None, exclude: Collection[str] | None
) -> dict[str, Any]:
    """Return the representations that Jupyter asks for."""
    return {
        kind: content
        for kind, content in bundle.items()
        if (not include or kind in include) and kind not in (exclude or ())
    }


@attrs.frozen(repr=False, eq=False)
class Shown(Described):
    """Output of `show()` and `head()`, which a notebook displays. Displaying makes no request.

    Attributes:
        text: The output as text, for terminals.
        html: The output as HTML, for notebooks: one string without scripts and foreign addresses.
        requests: Number of requests that were sent for the output.
    """

    text: str
    html: str
    requests: int

    def __repr__(self) -> str:
        return self.text

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        return _choose({"text/plain": self.text, "text/html": self.html}, include, exclude)

    def _describe(self) -> Description:
        fields = [("text", self.text), ("requests", str(self.requests))]
        return Description("Shown", fields=fields)


class _BrowserState(Protocol):
    """The state behind a widget."""

    @property
    def query(self) -> Any: ...
    @property
    def current(self) -> Any: ...
    @property
    def place(self) -> tuple[int, int]: ...
    @property
    def history(self) -> list[str]: ...
    @property
    def unsaved(self) -> list[str]: ...


class Browser(Described):
    """Widget of `browse()`, which a notebook displays while the kernel runs.

    Displaying makes no request; the first picture is fetched when the widget is there.

    Args:
        state: The state behind the widget.
        widget: The widget.

    Attributes:
        widget: The ipywidgets widget, to put into a layout of other widgets.
    """

    __slots__ = ("_state", "widget")

    def __init__(self, state: _BrowserState, widget: Any) -> None:
        self._state = state
        self.widget = widget

    @property
    def current(self) -> Any:
        """The object that the widget shows, or `None` if the query is empty.

        One request if the object isn't in memory any more.
        """
        return self._state.current

    @property
    def history(self) -> list[str]:
        """The saved changes that can be undone, oldest first. Makes no request."""
        return self._state.history

    @property
    def unsaved(self) -> list[str]:
        """The changes that could not be saved, with the reasons. Makes no request."""
        return self._state.unsaved

    def close(self) -> None:
        """Remove the widget from the notebook. Saved changes stay. Makes no request."""
        self.widget.close()

    def __repr__(self) -> str:
        position, total = self._state.place
        place = f"{position + 1:,} of {total:,}" if total else "empty"
        return f"<Browser of {cut(repr(self._state.query), 200)}: {place}>"

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> Any:
        """Return the widget's representation; without a kernel, the text is what remains."""
        bundle = self.widget._repr_mimebundle_()
        data, *metadata = bundle if isinstance(bundle, tuple) else (bundle,)
        data = _choose({**(data or {}), "text/plain": repr(self)}, include, exclude)
        return (data, *metadata) if metadata else data

    def _describe(self) -> Description:
        note = "The widget needs a running kernel: run the cell again."
        return Description("Browser", fields=[("query", repr(self._state.query))], notes=[note])
