"""The classes that can be looked at."""

from __future__ import annotations

from synapse.orm import registry
from synapse.resources.showing import ShowMixin


def test_classes_with_files_or_annotations_can_be_shown() -> None:
    with_files = {cls for cls in registry.declared() if "files" in cls.__schema__.fields}
    annotated = {cls for cls in registry.declared() if hasattr(cls, "annotations")}

    own = {cls for cls in with_files | annotated if cls.__module__.startswith("synapse.")}
    assert {cls for cls in own if not issubclass(cls, ShowMixin)} == set()
