"""Objects that a `with` block closes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Closing"]


class Closing:
    """Base class of objects that `with` closes at the end of the block, after errors too.

    A copy of such an object is the object: there is one set of connections, files or processes.
    """

    def close(self) -> None:
        """Release the connections, files or processes."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self
