"""Names of an export's files: safe, visible, and each given once."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from synapse.errors import UsageError
from synapse.formats.objects import make_stable_id
from synapse.formats.samples import Sample

__all__ = ["NameRegister", "check_split", "unhide"]


def check_split(sample: Sample, reserved: frozenset[str] = frozenset()) -> None:
    """Refuse a split whose name can't be a folder's or a file's.

    Args:
        sample: The sample.
        reserved: Names that the format uses for something else.

    Raises:
        UsageError: The name of the split isn't letters, digits, `.`, `-` and blanks.
    """
    split = sample.split
    if split is not None and (not re.fullmatch(r"\w[\w .-]*", split) or split in reserved):
        raise UsageError(
            f"{sample.name}: split={split!r} can't name a folder. Use train, val or test."
        )


def unhide(name: str) -> str:
    """Return a relative path of which no part is hidden: `.a.jpg` becomes `_a.jpg`."""
    return "/".join(re.sub(r"^\.", "_", part) for part in name.split("/"))


class NameRegister:
    """Gives each name once, whatever the case, in the order of the calls.

    Args:
        get_key: Returns the part of a path that has to be unique; by default the path.
    """

    def __init__(self, get_key: Callable[[str], str] = str) -> None:
        self._get_key = get_key
        self._taken: set[str] = set()

    def choose(self, path: str, source_id: int | str | None = None) -> str:
        """Return a path that is free, and take it.

        Args:
            path: The wished path.
            source_id: Id of the sample, for a name that doesn't depend on the order.
        """
        whole = PurePosixPath(path)
        endings = [whole.suffix.lower().lstrip(".") or "file"]
        if source_id is not None:
            endings.append(make_stable_id(source_id))
        chosen, number = path, 1
        while self._get_key(chosen).casefold() in self._taken:
            ending = endings.pop(0) if endings else str(number := number + 1)
            chosen = str(whole.with_name(f"{whole.stem}_{ending}{whole.suffix}"))
        self._taken.add(self._get_key(chosen).casefold())
        return chosen
