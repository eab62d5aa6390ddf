"""Output to look at."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.orm.shown import Browser, Shown


def test_output_is_html_or_text() -> None:
    shown = Shown("a  b", "<b>a</b>", 3)

    assert repr(shown) == "a  b"
    assert shown._repr_mimebundle_() == {"text/plain": "a  b", "text/html": "<b>a</b>"}
    assert list(shown._repr_mimebundle_(include=["text/html"])) == ["text/html"]
    assert list(shown._repr_mimebundle_(exclude=["text/html"])) == ["text/plain"]
    assert dict(shown._describe().fields)["requests"] == "3"


class State:
    query = "<TaskManager>"
    current = None
    history = ["Task 1: delete car"]
    unsaved: list[str] = []
    place = (0, 0)


class Widget:
    def __init__(self, bundle: Any) -> None:
        self.bundle = bundle
        self.is_closed = False

    def _repr_mimebundle_(self) -> Any:
        return self.bundle

    def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize(
    ("bundle", "rest"), [(({"view": 1, "text/plain": "x"}, {"meta": 2}), [{"meta": 2}]), (None, [])]
)
def test_browser_is_the_widget_or_its_text(bundle: Any, rest: Any) -> None:
    browser = Browser(State(), Widget(bundle))

    shown = browser._repr_mimebundle_()
    data, *others = shown if isinstance(shown, tuple) else (shown,)
    assert data["text/plain"] == repr(browser) == "<Browser of '<TaskManager>': empty>"
    assert data.get("view") == (1 if bundle else None)
    assert others == rest
    chosen = browser._repr_mimebundle_(include=["text/plain"])
    assert list(chosen[0] if rest else chosen) == ["text/plain"]


def test_browser_asks_its_state() -> None:
    browser = Browser(State(), Widget(None))

    assert (browser.current, browser.history, browser.unsaved) == (None, State.history, [])
    assert "running kernel" in browser._describe().notes[0]
    browser.close()
    assert browser.widget.is_closed
