"""Decide as git does which files of a folder a repository would leave out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path

import attrs

from synapse._internal.user_folders import expand_home, find_home

__all__ = [
    "RULES_FILE",
    "GitSettings",
    "Rule",
    "find_repository",
    "is_left_out",
    "parse_rules",
    "read_rules",
    "read_settings",
]

#: Name of the files with rules.
RULES_FILE = ".gitignore"

_BOM = b"\xef\xbb\xbf"
_WILDCARD = re.compile(rb"[*?\[\\]")
_CLASSES: dict[bytes, Callable[[bytes], bool]] = {
    b"alnum": bytes.isalnum,
    b"alpha": bytes.isalpha,
    b"blank": lambda one: one in b" \t",
    b"cntrl": lambda one: one < b" " or one == b"\x7f",
    b"digit": bytes.isdigit,
    b"graph": lambda one: b"!" <= one <= b"~",
    b"lower": bytes.islower,
    b"print": lambda one: b" " <= one <= b"~",
    b"punct": lambda one: b"!" <= one <= b"~" and not one.isalnum(),
    b"space": bytes.isspace,
    b"upper": bytes.isupper,
    b"xdigit": lambda one: one in b"0123456789abcdefABCDEF",
}
# Matches nothing.
_NEVER = rb"(?!)"
# Stars within a name, across folders up to a slash, and across everything; each with the form
# that takes the fewest characters.
_STAR = rb"[^/]*"
_FOLDERS = rb"(?:.*/)?"
_ANYTHING = rb".*"
_LAZY = {_STAR: rb"[^/]*?", _FOLDERS: rb"(?:.*?/)??", _ANYTHING: rb".*?"}


@attrs.frozen
class Rule:
    """One line of a file with rules.

    Attributes:
        is_ignoring: False for a line that takes files back in, with `!`.
        for_folders: True if only folders match.
        for_names: True if the last part of a path is compared, otherwise the whole path.
        pattern: The compiled pattern.
    """

    is_ignoring: bool
    for_folders: bool
    for_names: bool
    pattern: re.Pattern[bytes]

    def matches(self, path: bytes, *, is_folder: bool) -> bool:
        """Return whether the rule is about a path.

        Args:
            path: Path relative to the rule's folder.
            is_folder: Whether the path is a folder; a link to a folder is none.
        """
        if self.for_folders and not is_folder:
            return False
        text = path.rpartition(b"/")[2] if self.for_names else path
        return self.pattern.fullmatch(text) is not None


@attrs.frozen
class GitSettings:
    """Settings of git for a folder, beside the files with rules.

    Attributes:
        excludes: The user's file with rules for all repositories.
        ignores_case: Whether names are compared without regard to case.
        tracked: Tracked files below the folder, which no rule leaves out, and the folders above.
    """

    excludes: Path
    ignores_case: bool
    tracked: frozenset[bytes]


def parse_rules(content: bytes, *, ignores_case: bool = False) -> list[Rule]:
    """Return the rules of a file's content.

    Example:
        >>> [rule] = parse_rules(b"*.log")
        >>> rule.matches(b"a/b.log", is_folder=False)
        True
    """
    flags = re.DOTALL | (re.IGNORECASE if ignores_case else 0)
    rules = []
    for whole in content.removeprefix(_BOM).split(b"\n"):
        line = _trim(whole.removesuffix(b"\r").partition(b"\0")[0])
        if not line or line.startswith(b"#"):
            continue
        is_ignoring = not line.startswith(b"!")
        text = line if is_ignoring else line[1:]
        for_folders = text.endswith(b"/")
        text = text.removesuffix(b"/")
        for_names = b"/" not in text
        expression = _translate(text.removeprefix(b"/"), within_part=for_names)
        rules.append(Rule(is_ignoring, for_folders, for_names, re.compile(expression, flags)))
    return rules


def read_rules(path: Path, *, ignores_case: bool = False) -> list[Rule]:
    """Return the rules of a file; none if the file is missing, or a pipe or device."""
    if not path.is_file():
        return []
    return parse_rules(path.read_bytes(), ignores_case=ignores_case)


def find_repository(folder: Path) -> tuple[Path, Path] | None:
    """Return the top of the work tree around a folder, and git's own folder for it."""
    for top in (folder, *folder.parents):
        own = top / ".git"
        if own.is_file():  # another work tree of a repository, or a submodule
            text = own.read_text(encoding="utf-8", errors="surrogateescape").strip()
            own = top / text.removeprefix("gitdir:").strip()
            common = own / "commondir"
            if common.is_file():
                own = own / common.read_text(encoding="utf-8", errors="surrogateescape").strip()
        if (own / "HEAD").exists():
            return top, own
    return None


def read_settings(folder: Path) -> GitSettings:
    """Return what git says of a folder; the defaults where git isn't installed."""
    root = os.environ.get("XDG_CONFIG_HOME")
    excludes = (expand_home(root) if root else find_home() / ".config") / "git" / "ignore"
    if named := _ask_git(folder, "config", "--null", "--type=path", "--get", "core.excludesFile"):
        excludes = folder / os.fsdecode(named.removesuffix(b"\0"))
    case = _ask_git(folder, "config", "--null", "--type=bool", "--get", "core.ignoreCase")
    tracked = set()
    for name in _ask_git(folder, "ls-files", "--cached", "-z").split(b"\0"):
        while name and name not in tracked:
            tracked.add(name)
            name = name.rpartition(b"/")[0]
    return GitSettings(excludes, case == b"true\0", frozenset(tracked))


def is_left_out(
    path: bytes, rules: Sequence[tuple[bytes, Sequence[Rule]]], *, is_folder: bool
) -> bool:
    """Return whether rules leave a path out; the last matching rule decides.

    Args:
        path: Path relative to the top of the work tree.
        rules: The rules in force, the weakest first, each list with the path of the folder.
        is_folder: Whether the path is a folder.
    """
    for folder, listed in reversed(rules):
        for rule in reversed(listed):
            if rule.matches(path[len(folder) :], is_folder=is_folder):
                return rule.is_ignoring
    return False


def _ask_git(folder: Path, *arguments: str) -> bytes:
    """Return git's answer; nothing if git refuses, or isn't installed."""
    git = shutil.which("git")
    if git is None:
        return b""
    # The monitor is a program that a repository's own configuration names.
    command = [git, "-c", "core.fsmonitor=false", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)  # noqa: S603 - git, by arguments, not by a shell
    return done.stdout if done.returncode == 0 else b""


def _trim(line: bytes) -> bytes:
    r"""Remove spaces at the end, except an escaped one (`\ `)."""
    kept = line.rstrip(b" ")
    backslashes = len(kept) - len(kept.rstrip(b"\\"))
    return line[: len(kept) + 1] if backslashes % 2 and kept != line else kept


def _translate(pattern: bytes, *, within_part: bool) -> bytes:
    """Return a regular expression for a pattern; `within_part` for names without a slash."""
    found = _WILDCARD.search(pattern)
    if found is None:
        return re.escape(pattern) if pattern else _NEVER
    # As git does: the text before the first wildcard is compared on its own, so that the pattern
    # behind counts as a beginning.
    begin = 0 if within_part else found.start()
    tokens = list(_split_pattern(pattern[begin:], within_part=within_part))
    return _NEVER if _NEVER in tokens else re.escape(pattern[:begin]) + _join_groups(tokens)


def _split_pattern(pattern: bytes, *, within_part: bool) -> Iterator[bytes]:
    """Yield a regular expression for each star, and for each character that is compared."""
    at = 0
    while at < len(pattern):
        one = pattern[at : at + 1]
        if one == b"\\":
            yield re.escape(pattern[at + 1 : at + 2]) or _NEVER
            at += 2
        elif one == b"?":
            yield rb"[^/]"
            at += 1
        elif one == b"*":
            end = at + len(pattern[at:]) - len(pattern[at:].lstrip(b"*"))
            follower = pattern[end : end + 2]
            is_whole = at == 0 or pattern[at - 1 : at] == b"/"
            is_whole = is_whole and (follower[:1] in (b"", b"/") or follower == b"\\/")
            if within_part or end - at == 1 or not is_whole:
                yield _STAR
            elif follower[:1] == b"/":
                yield _FOLDERS
                end += 1
            else:
                yield _ANYTHING
            at = end
        elif one == b"[":
            expression, at = _translate_class(pattern, at)
            yield expression
        else:
            yield re.escape(one)
            at += 1


def _join_groups(tokens: Iterable[bytes]) -> bytes:
    """Return a regular expression whose time doesn't explode with the number of stars.

    A star is followed by a piece of fixed length: characters in a name, or names in a path. The
    first place that fits leaves most for the rest, so no later place is tried, except for the last
    star of a name, and of the path.
    """
    groups: list[list[bytes]] = [[]]
    for token in tokens:
        if token in (_FOLDERS, _ANYTHING):
            groups.append([])
        groups[-1].append(token)
    names = count()
    *others, last = [_join_names(group, names) for group in groups]
    return b"".join([*(_keep_first(each, names) for each in others), last])


def _join_names(tokens: Iterable[bytes], names: Iterator[int]) -> bytes:
    pieces: list[list[bytes]] = [[]]
    for token in tokens:
        if token in (_STAR, b"/"):
            pieces.append([])
        pieces[-1].append(token)
    texts: list[bytes] = []
    for piece, follower in zip(pieces, [*pieces[1:], []], strict=True):
        text = b"".join(piece)
        is_first = piece[:1] == [_STAR] == follower[:1]
        texts.append(_keep_first(text, names) if is_first else text)
    return b"".join(texts)


def _keep_first(expression: bytes, names: Iterator[int]) -> bytes:
    """Return an expression whose star takes the fewest characters, and never more."""
    for greedy, lazy in _LAZY.items():
        if expression.startswith(greedy):
            # An atomic group, as Python 3.10 can write one.
            name = b"g%d" % next(names)
            return b"(?=(?P<%s>%s%s))(?P=%s)" % (name, lazy, expression[len(greedy) :], name)
    return expression


def _translate_class(pattern: bytes, start: int) -> tuple[bytes, int]:
    """Return the regular expression of `[...]`, and the position behind."""
    at = start + 1
    is_negated = pattern[at : at + 1] in (b"!", b"^")
    at += is_negated
    members: set[int] = set()
    first, last = at, -1  # the last member, where a range may begin
    while at < len(pattern):
        one = pattern[at]
        if one == ord("]") and at > first:
            chosen = sorted((set(range(256)) - members if is_negated else members) - {ord("/")})
            if not chosen:
                return _NEVER, len(pattern)
            return b"[" + b"".join(b"\\x%02x" % member for member in chosen) + b"]", at + 1
        is_range = one == ord("-") and last >= 0 and pattern[at + 1 : at + 2] not in (b"", b"]")
        if pattern[at : at + 2] == b"[:":
            end = pattern.find(b"]", at + 2)
            is_class = end > at + 2 and pattern[end - 1 : end] == b":"
            name = pattern[at + 2 : end - 1]
            if end < 0 or (is_class and name not in _CLASSES):
                return _NEVER, len(pattern)
            if is_class:
                members |= {number for number in range(128) if _CLASSES[name](bytes([number]))}
                at, last = end + 1, -1
                continue
            # Without a ":" before the next "]", the "[" is a member as others are.
        at += is_range
        if pattern[at : at + 1] == b"\\":
            at += 1
        if at >= len(pattern):
            break
        members |= set(range(last if is_range else pattern[at], pattern[at] + 1))
        last = -1 if is_range else pattern[at]
        at += 1
    return _NEVER, len(pattern)
