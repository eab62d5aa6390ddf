"""The widget in the notebook: anywidget's class around the model, made at the first use."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from types import new_class
from typing import TYPE_CHECKING, Any

from synapse._internal.lazy_import import load
from synapse.display.browse.keys import describe_keys
from synapse.display.browse.model import BrowserModel
from synapse.errors import MissingExtra
from synapse.orm.shown import Browser

if TYPE_CHECKING:
    from synapse.orm.query import Query

__all__ = ["browse"]


def browse(query: Query[Any]) -> Browser:
    """Return the widget of a query, see `Query.browse`."""
    cls = _make_class()
    model = BrowserModel(query)
    model.open()
    widget = cls(key_table=describe_keys())
    model.connect(lambda state, buffers: widget.send(state, buffers=buffers))
    widget.on_msg(lambda _widget, content, _buffers: model.handle(content))
    return Browser(model, widget)


@cache
def _make_class() -> Any:
    """Return the class of the widgets.

    Raises:
        MissingExtra: anywidget isn't installed.
    """
    try:
        base, traits = load("anywidget").AnyWidget, load("traitlets")
    except ImportError as error:
        raise MissingExtra("browse()", "widgets") from error
    folder = files("synapse.display.browse")
    body = {
        "_esm": folder.joinpath("browse.js").read_text(encoding="utf-8"),
        "_css": folder.joinpath("browse.css").read_text(encoding="utf-8"),
        # The model's own states go by messages: a notebook file would keep traits.
        "key_table": traits.List().tag(sync=True),
    }
    return new_class("BrowserWidget", (base,), exec_body=lambda names: names.update(body))
