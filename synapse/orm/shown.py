"""Results to look at: HTML in a notebook, text everywhere else."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import attrs

from synapse._internal.described import Described, Description

__all__ = ["Shown"]


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
        bundle = {"text/plain": self.text, "text/html": self.html}
        return {
            kind: content
            for kind, content in bundle.items()
            if (not include or kind in include) and kind not in (exclude or ())
        }

    def _describe(self) -> Description:
        fields = [("text", self.text), ("requests", str(self.requests))]
        return Description("Shown", fields=fields)
