"""Paths of downloaded files: `<unit id>/<name>`, the same in every run.

Two files of one unit may have one name, or names that some file system takes for one. Both then get
the name of their specification: `photo.image.png` and `photo.mask.png`.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping
from typing import Any

from synapse.transfer.filenames import LONGEST_NAME, safe_name

__all__ = ["folder_of", "names_of"]


def folder_of(unit: Any) -> str:
    """Return the name of a unit's folder."""
    return safe_name(str(unit), default="unit")


def names_of(files: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of a unit's files by specification, whatever the server calls them.

    Args:
        files: The server's records of the files, by specification.

    Example:
        >>> names_of({"image": {"path": "a/1.png"}, "mask": {"path": "b/1.PNG"}})
        {'image': '1.image.png', 'mask': '1.mask.PNG'}
        >>> names_of({"text": {"path": "../../hello.txt"}})
        {'text': 'hello.txt'}
    """
    names = {
        specification: _not_beside(safe_name(str(_path_of(file) or specification), default="file"))
        for specification, file in files.items()
    }
    counts = Counter(map(_folded, names.values()))
    taken = {_folded(name) for name in names.values() if counts[_folded(name)] == 1}
    for specification in sorted(names):
        name = names[specification]
        if counts[_folded(name)] == 1:
            continue
        number = 1
        while _folded(longer := _with(name, specification, number)) in taken:
            number += 1
        taken.add(_folded(longer))
        names[specification] = longer
    return names


def _not_beside(name: str) -> str:
    """Return a name that isn't that of a file which is only being written."""
    return f"_{name[1:]}" if name.startswith(".") and name.casefold().endswith(".part") else name


def _path_of(file: Any) -> Any:
    return file.get("path") if isinstance(file, Mapping) else None


def _folded(name: str) -> str:
    """Return a name as file systems see names that ignore case and composition."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _with(name: str, specification: str, number: int) -> str:
    stem, dot, suffix = name.rpartition(".")
    stem, ending = (stem, f"{dot}{suffix}") if stem else (name, "")
    middle = f".{safe_name(specification, longest=60)}{f'.{number}' if number > 1 else ''}"
    room = LONGEST_NAME - len(middle.encode()) - len(ending.encode())
    kept = stem.encode()[: max(room, 1)].decode("utf-8", "ignore")
    return safe_name(f"{kept}{middle}{ending}")
