"""Faults that tests arm in the local backend. Nothing here imports Django."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from typing_extensions import Self

from synapse.emulator.errors import EmulatorError


@dataclass(frozen=True)
class Kind:
    """The options of one kind of fault."""

    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


_MOST = float(1 << 31)

#: Every kind of fault, by name.
KINDS: Mapping[str, Kind] = {
    "slow": Kind(needs=("seconds",)),
    "429": Kind(takes=("retry_after",)),
    "503": Kind(takes=("retry_after",)),
    "500": Kind(),
    "html": Kind(takes=("status",)),
    "empty": Kind(),
    "drip": Kind(needs=("seconds",)),
    "cut": Kind(),
    "cut-headers": Kind(),
    "lost": Kind(),
    "reset": Kind(),
    "refused-before": Kind(),
}


def build_fault(
    kind: str | int,
    *,
    count: int,
    method: str | None,
    path: str | None,
    after: int,
    tenant: str | None,
    **options: Any,
) -> dict[str, Any]:
    """Build the body that arms a fault.

    Raises:
        EmulatorError: The kind doesn't exist, or doesn't take these options.
    """
    name = str(kind)
    if name not in KINDS:
        raise EmulatorError(f"Fault {name!r} does not exist. Use one of {', '.join(KINDS)}.")
    values = {option: value for option, value in options.items() if value is not None}
    for option in KINDS[name].needs:
        if option not in values:
            raise EmulatorError(f"The fault {name!r} needs {option}.")
    for option in values:
        if option not in KINDS[name].needs + KINDS[name].takes:
            raise EmulatorError(f"The fault {name!r} does not accept {option}.")
    _validate_number("count", count, int, 1)
    _validate_number("after", after, int, 0)
    _validate_number("seconds", values.get("seconds", 0), (int, float), 0)
    _validate_number("status", values.get("status", 200), int, 200, 599)
    if not isinstance(values.get("retry_after"), str):
        _validate_number("retry_after", values.get("retry_after", 0), (int, float), 0)
    target = {"method": method, "path": path, "tenant": tenant}
    return {
        "kind": name,
        "count": count,
        "after": after,
        **{key: value for key, value in target.items() if value is not None},
        **values,
    }


def _validate_number(name: str, value: Any, kinds: Any, least: float, most: float = _MOST) -> None:
    is_number = isinstance(value, kinds) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not least <= value <= most:
        noun = "a whole number" if kinds is int else "a number"
        limit = f"from {least} to {most:g}" if most < _MOST else f"from {least}"
        raise EmulatorError(f"{name} is {value!r}. Pass {noun} {limit}.")


class Fault:
    """An armed fault of the local backend.

    As a context manager, the fault ends with the block, whether used up or not.
    """

    def __init__(self, kind: str, ask: Callable[[str], dict[str, Any]]) -> None:
        self.kind = kind
        self._ask = ask

    @property
    def served(self) -> int:
        """Number of responses spoilt so far (one request)."""
        count: int = self._ask("GET")["served"]
        return count

    def clear(self) -> None:
        """Remove the rest of the fault (one request)."""
        self._ask("DELETE")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.kind!r}>"
