"""An action of this SDK, in the same folder."""

from typing import Any


def run(context: Any) -> dict[str, Any]:
    """Return the parameters."""
    context.progress(1, 1)
    return {"own": dict(context.params)}
