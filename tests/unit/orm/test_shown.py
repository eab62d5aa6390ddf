"""Output to look at."""

from __future__ import annotations

from synapse.orm.shown import Shown


def test_output_is_html_or_text() -> None:
    shown = Shown("a  b", "<b>a</b>", 3)

    assert repr(shown) == "a  b"
    assert shown._repr_mimebundle_() == {"text/plain": "a  b", "text/html": "<b>a</b>"}
    assert list(shown._repr_mimebundle_(include=["text/html"])) == ["text/html"]
    assert list(shown._repr_mimebundle_(exclude=["text/html"])) == ["text/plain"]
    assert dict(shown._describe().fields)["requests"] == "3"
