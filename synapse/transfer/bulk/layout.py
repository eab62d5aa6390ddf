"""Paths of downloaded files: `<unit id>/<name>`, the same in every run.

Two files of one unit may have the same name, or names that some file system treats as the same.
Both then get the name of their specification: `photo.image.png` and `photo.mask.png`.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import Any

from synapse.transfer.filenames import LONGEST_NAME, safe_name

__all__ = ["build_file_names", "build_folder_name"]


def build_folder_name(unit: Any) -> str:
    """Return the name of a unit's folder."""
    return safe_name(str(unit), default="unit")


def build_file_names(files: Mapping[str, Any]) -> dict[str, str]:
    """Return safe and distinct names for a unit's files, by specification.

    Args:
        files: The server's rows of the files, by specification.

    Example:
        >>> build_file_names({"image": {"path": "a/1.png"}, "mask": {"path": "b/1.PNG"}})
        {'image': '1.image.png', 'mask': '1.mask.PNG'}
        >>> build_file_names({"text": {"path": "../../hello.txt"}})
        {'text': 'hello.txt'}
    """
    names = {specification: _build_name(specification, row) for specification, row in files.items()}
    counts = Counter(map(_fold, names.values()))
    taken = {_fold(name) for name in names.values() if counts[_fold(name)] == 1}
    for specification in sorted(names):
        name = names[specification]
        if counts[_fold(name)] == 1:
            continue
        number = 1
        while _fold(longer := _insert_specification(name, specification, number)) in taken:
            number += 1
        taken.add(_fold(longer))
        names[specification] = longer
    return names


def _build_name(specification: str, row: Any) -> str:
    path = row.get("path") if isinstance(row, Mapping) else None
    name = safe_name(str(path or specification), default="file")
    # `.NAME.part` is reserved for incomplete downloads.
    is_part = name.startswith(".") and name.casefold().endswith(".part")
    return f"_{name[1:]}" if is_part else name


def _fold(name: str) -> str:
    """Return a name without differences in case and composition."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _insert_specification(name: str, specification: str, number: int) -> str:
    stem, dot, suffix = name.rpartition(".")
    stem, ending = (stem, f"{dot}{suffix}") if stem else (name, "")
    middle = f".{safe_name(specification, longest=60)}{f'.{number}' if number > 1 else ''}"
    room = LONGEST_NAME - len(middle.encode()) - len(ending.encode())
    start = stem.encode()[: max(room, 1)].decode("utf-8", "ignore")
    return safe_name(f"{start}{middle}{ending}")
