"""The choices of a sync."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import attrs

from synapse.errors import UsageError

__all__ = ["OnChange", "SyncOptions"]

OnChange = Literal["new", "replace", "skip"]


def _validate(allowed: Sequence[Any]) -> Callable[[Any, Any, Any], None]:
    def validate(_: Any, field: Any, value: Any) -> None:
        if not any(value is one or (value == one and type(value) is type(one)) for one in allowed):
            names = ", ".join(map(repr, allowed))
            raise UsageError(f"{field.name}={value!r} is not valid. Pass one of {names}.")

    return validate


@attrs.frozen
class SyncOptions:
    """The choices of a sync, see `DataCollection.sync`."""

    key: str = "path"
    on_change: OnChange = attrs.field(
        default="new", validator=_validate(["new", "replace", "skip"])
    )
    annotations: str = attrs.field(default="move", validator=_validate(["move", "review"]))
    delete: bool | str = attrs.field(default=False, validator=_validate([False, True, "annotated"]))
    scope: str | None = attrs.field(default=None)
    max_delete: float = attrs.field(default=0.5)
    dry_run: bool = False

    @scope.validator
    def _check_scope(self, _: Any, value: Any) -> None:
        if value is None:
            return
        text = value.replace("\\", "/") if isinstance(value, str) else ""
        if not text.strip("./ ") or text.startswith(("/", "./", "../")) or text[1:3] == ":/":
            raise UsageError(
                f"scope={value!r} is not valid. Pass a folder below the source, such as 'berlin', "
                "or a pattern of the keys, such as '*.png'."
            )

    @max_delete.validator
    def _check_max_delete(self, _: Any, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise UsageError(
                f"max_delete={value!r} is not valid. Pass the largest part of the units that may "
                "be deleted, from 0 to 1."
            )

    def __attrs_post_init__(self) -> None:
        if self.annotations == "review" and self.on_change != "replace":
            raise UsageError(
                f"annotations='review' has no effect with on_change={self.on_change!r}, which "
                "moves no annotations. Pass on_change='replace' too."
            )
