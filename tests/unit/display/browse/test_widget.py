"""The class of the widget, by anywidget if the extra is installed."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import synapse
from synapse.display.browse import widget
from synapse.errors import MissingExtra


def test_missing_extra_is_named_before_any_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anywidget", None)
    widget._make_class.cache_clear()

    with synapse.Session("http://127.0.0.1:9", "no-token") as session:
        with pytest.raises(MissingExtra, match=r"pip install .*\[widgets\]'"):
            session.tasks.browse()
        assert session.request_count == 0
    widget._make_class.cache_clear()


def test_class_has_the_files_of_the_package() -> None:
    pytest.importorskip("anywidget")
    cls: Any = widget._make_class()

    assert cls is widget._make_class()
    made = cls(key_table=[{"action": "next"}])
    assert "render({ model, el })" in made._esm
    assert ".synapse-browser" in made._css
    assert made.get_state("key_table") == {"key_table": [{"action": "next"}]}
    assert len(made._esm) + len(made._css) < 60_000
    made.close()
