"""Find the arguments by which a refused folder can be uploaded.

Patterns come from examples: a picture, and the files of other specifications whose names have the
same core, see `find_core`. An argument is suggested only if an upload with this argument would find
units with all required files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path
from zlib import crc32

from synapse.errors import UsageError
from synapse.transfer.bulk.file_listing import FileListing
from synapse.transfer.bulk.path_patterns import IgnoredFiles
from synapse.transfer.bulk.specification_matcher import Matcher, find_core
from synapse.transfer.bulk.upload_item import ItemFile, Specification
from synapse.transfer.filenames import fold

__all__ = ["LayoutSample"]

# Files of a sample.
_MAX_FILES = 2000
_MAX_EXAMPLES = 5
_MAX_RANKS = 3
_MAX_IGNORED = 6
_WILDCARDS = re.compile(r"[*?\\]")
_LABELS = re.compile(r"label(?!studio)|class|mask", re.IGNORECASE)

Patterns = tuple[tuple[str, str], ...]


class LayoutSample:
    """A sample of a folder's files that reveals the layout: all files of some cores.

    Args:
        files: Relative paths of the folder's files, of any number.
    """

    def __init__(self, files: Iterable[str]) -> None:
        self._every = 1
        self.files: list[str] = []
        for name in files:
            if self._is_chosen(name):
                self.files.append(name)
            if len(self.files) > _MAX_FILES:
                self._every *= 2
                self.files = [each for each in self.files if self._is_chosen(each)]
        self.files.sort()

    def _is_chosen(self, name: str) -> bool:
        return crc32(os.fsencode(_find_core(name))) % self._every == 0

    def suggest(self, matcher: Matcher) -> str | None:
        """Return the argument by which the files form complete units, or `None`.

        Args:
            matcher: The matcher that found incomplete units.
        """
        ignored, names = self._find_ignored(matcher)
        patterns = None if matcher.is_told else self._find_patterns(matcher.specifications)
        if patterns and len({name for _, name in patterns}) > names:
            return f"match={dict(patterns)!r}"
        return f"ignore={ignored!r}" if ignored else None

    def suggest_match(self, specifications: Sequence[Specification]) -> str | None:
        """Return the argument `match` by which the files form complete units, or `None`."""
        patterns = self._find_patterns(specifications)
        return f"match={dict(patterns)!r}" if patterns else None

    def _find_patterns(self, specifications: Sequence[Specification]) -> Patterns | None:
        best: tuple[int, int, int] = (0, 0, 0)
        chosen = None
        least = _count_main(self.files, specifications) / 2
        for patterns in _iterate_patterns(self.files, specifications):
            units = _count_units(self.files, Matcher(specifications, dict(patterns)))
            named = sum(fold(name) in fold(text) for text, name in patterns)
            score = (len(patterns), named, units)
            if units >= max(least, 1) and score > best:
                best, chosen = score, patterns
        return chosen

    def _find_ignored(self, matcher: Matcher) -> tuple[list[str], int]:
        """Return the entries without complete units, and the largest number of a unit's files."""
        try:
            complete, incomplete = _split_units(self.files, matcher)
        except UsageError:  # several specifications are possible
            return [], 0
        if not complete or not incomplete:
            return [], 0
        names = [name for unit in complete for name in unit]
        used = {part for name in names for part in _list_parents(name)}
        entries = dict.fromkeys(
            _find_top(name, used) for unit in incomplete for name in sorted(unit)
        )
        if len(entries) > _MAX_IGNORED or any(map(_WILDCARDS.search, entries)):
            return [], 0
        main = _choose_main(matcher.specifications).name
        # A picture that lacks a file is a mistake, not something to leave out.
        if any(name in entries and _is_main(name, main, matcher) for name in self.files):
            return [], 0
        ignored = IgnoredFiles(entries)
        left = [
            name
            for name in self.files
            if not any(
                ignored.covers(part, is_folder=False) for part in [*_list_parents(name), name]
            )
        ]
        units = _count_units(left, matcher)
        return (list(entries), max(map(len, complete))) if units else ([], 0)


def _count_units(files: Iterable[str], matcher: Matcher) -> int:
    """Return the number of units that files form; 0 if one lacks a file, or a file is lost."""
    listing = _build_listing(files, matcher)
    try:
        if listing.doubtful:
            return 0
        listing.check([] if matcher.is_single else matcher.required)
        return sum(1 for _ in listing)
    except UsageError:
        return 0
    finally:
        listing.close()


def _build_listing(files: Iterable[str], matcher: Matcher) -> FileListing:
    listing = FileListing(Path())
    places = ((name, matcher.place(name, name)) for name in files)
    listing.fill(
        (place, ItemFile(place.specification, name, name), False)
        for name, place in places
        if place is not None
    )
    listing.settle()
    return listing


def _split_units(files: Iterable[str], matcher: Matcher) -> tuple[list[list[str]], list[list[str]]]:
    """Return the files of complete units, and those of others."""
    complete: list[list[str]] = []
    incomplete: list[list[str]] = []
    listing = _build_listing(files, matcher)
    for _, unit in listing:
        names = [file.specification for file in unit]
        is_complete = len(set(names)) == len(names) and set(matcher.required) <= {*names}
        (complete if is_complete else incomplete).append([file.name for file in unit])
    listing.close()
    return complete, incomplete


def _list_parents(name: str) -> list[str]:
    return [name[: match.start()] for match in re.finditer("/", name)]


def _find_top(name: str, used: set[str]) -> str:
    """Return the highest folder above a file without a used file, or the file."""
    return next((part for part in _list_parents(name) if part not in used), name)


def _iterate_patterns(
    files: Sequence[str], specifications: Sequence[Specification]
) -> Iterator[Patterns]:
    """Yield candidates for `match`, the most specific pattern first."""
    matcher = Matcher(specifications)
    main = _choose_main(specifications)
    others = [each.name for each in specifications if each is not main]
    by_core: dict[str, list[str]] = {}
    for name in files:
        by_core.setdefault(_find_core(name), []).append(name)
    examples = [name for name in files if _is_main(name, main.name, matcher)]
    step = max(len(examples) // _MAX_EXAMPLES, 1)
    seen: set[Patterns] = set()
    for example in examples[::step][:_MAX_EXAMPLES]:
        relatives = by_core[_find_core(example)]
        options = product(range(_MAX_RANKS), (False, True), (False, True), (False, True))
        for rank, is_long, is_narrow, extension in options:
            found: dict[str, str] = {}
            for name in others:
                partners = _rank_partners(example, relatives, name, matcher)
                if partners[rank : rank + 1] or (partners and rank):
                    pair = _make_pair(
                        example, partners[min(rank, len(partners) - 1)], is_long, is_narrow
                    )
                    if pair is not None and found.setdefault(pair[0], main.name) == main.name:
                        found.setdefault(pair[1], name)
            patterns = tuple(
                sorted(
                    ((_generalize(key) if extension else key, name) for key, name in found.items()),
                    key=lambda item: -len(item[0].replace("*", "")),
                )
            )
            if len(patterns) > 1 and len(dict(patterns)) == len(patterns) and patterns not in seen:
                seen.add(patterns)
                yield patterns


def _choose_main(specifications: Sequence[Specification]) -> Specification:
    return min(specifications, key=lambda each: (not each.is_primary, not each.is_required))


def _count_main(files: Iterable[str], specifications: Sequence[Specification]) -> int:
    matcher, name = Matcher(specifications), _choose_main(specifications).name
    return len({_find_core(file) for file in files if _is_main(file, name, matcher)})


def _find_core(name: str) -> str:
    stem = name.rpartition("/")[2]
    stem = stem.partition(".")[0] or stem
    return find_core(fold(stem))


def _is_main(name: str, specification: str, matcher: Matcher) -> bool:
    try:
        place = matcher.place(name, name)
    except UsageError:  # several specifications are possible
        return matcher.accepts(specification, name)
    return place is not None and place.specification == specification and not place.is_doubtful


def _rank_partners(
    example: str, names: Sequence[str], specification: str, matcher: Matcher
) -> list[str]:
    """Return the files that may belong to an example, the most likely one first."""
    folders = example.split("/")[:-1]

    def rank(name: str) -> tuple[object, ...]:
        others = name.split("/")[:-1]
        head, tail = _count_equal(folders, others)
        text = fold(name)
        has_name = fold(specification) in text
        return (-head - tail, not has_name, not _LABELS.search(text), name)

    able = [name for name in names if name != example and matcher.accepts(specification, name)]
    return sorted(able, key=rank)


def _count_equal(one: Sequence[str], other: Sequence[str]) -> tuple[int, int]:
    """Return the number of equal parts at the begin and at the end."""
    tail = 0
    while tail < min(len(one), len(other)) and one[-1 - tail] == other[-1 - tail]:
        tail += 1
    head = 0
    while head < min(len(one), len(other)) - tail and one[head] == other[head]:
        head += 1
    return head, tail


def _make_pair(one: str, other: str, is_long: bool, is_narrow: bool) -> tuple[str, str] | None:
    """Return the patterns of two files of a unit.

    Args:
        one: Path of one file.
        other: Path of the other one.
        is_long: Whether the patterns begin with the shared folders.
        is_narrow: Whether words that both names share stay in the patterns.
    """
    if _WILDCARDS.search(one + other):
        return None
    *folders, name = one.split("/")
    *other_folders, other_name = other.split("/")
    head, tail = _count_equal(folders, other_folders)
    middle = folders[head : len(folders) - tail]
    other_middle = other_folders[head : len(other_folders) - tail]
    shared = folders[:head] if is_long else []
    if middle and len(middle) == len(other_middle):
        middle[0], other_middle[0] = _vary(middle[0], other_middle[0])
    below = ["**"] if tail and (middle or other_middle) else []
    core = _find_core(one)
    core = core if is_narrow else _find_shared(name, other_name, core)
    patterns = [
        "/".join([*shared, *between, *below, last])
        for between, last in (
            (middle, _star(name, core)),
            (other_middle, _star(other_name, core)),
        )
    ]
    return None if patterns[0] == patterns[1] else (patterns[0], patterns[1])


def _find_shared(one: str, other: str, core: str) -> str:
    """Return what two names share: all of `a.jpg` and `a.jpg.json`, else whole words.

    Args:
        one: A name.
        other: The name of a file of the same unit.
        core: The least that both share.
    """
    one, other = fold(one), fold(other)
    if other.startswith(f"{one}."):
        return one
    stems = [name.rpartition(".")[0] for name in (one, other)]
    shared = os.path.commonprefix(stems)  # noqa: RUF071 - of letters, not of folders
    while shared and not all(re.match(r"[ _.-]|$", stem[len(shared) :]) for stem in stems):
        shared = shared[:-1]
    return shared if core in shared else core


def _vary(one: str, other: str) -> tuple[str, str]:
    """Return `*` for a folder whose name the other one goes on with: `train`, `trainannot`."""
    if other.startswith(one):
        return "*", f"*{other[len(one) :]}"
    if one.startswith(other):
        return f"*{one[len(other) :]}", "*"
    return one, other


def _star(name: str, core: str) -> str:
    """Return a name with `*` for the part that it shares with other files."""
    start = fold(name).find(core)
    return name if start < 0 else f"{name[:start]}*{name[start + len(core) :]}"


def _generalize(pattern: str) -> str:
    """Return a pattern for any extension."""
    folder, found, name = pattern.rpartition("/")
    return f"{folder}{found}{name.partition('.')[0]}.*"
