"""A local Synapse backend: the platform's HTTP API on this machine.

>>> from synapse.emulator import Emulator  # imports no Django; the server is a child process
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synapse.emulator.process import Emulator

__all__ = ["Emulator"]

if not TYPE_CHECKING:
    # Hidden from type checkers, which would otherwise accept the import of any name.
    def __getattr__(name: str) -> Any:
        # Not at import: the server's own modules live in this package and don't need the child.
        if name == "Emulator":
            from synapse.emulator.process import Emulator

            return Emulator
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
