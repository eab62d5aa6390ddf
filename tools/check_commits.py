"""Check the subjects of the commits since a recorded base.

A subject is at most 72 characters long, begins with a capital letter and has no full stop at its
end. Older commits are left as they are. Without git, or outside a checkout, nothing is checked.

    python tools/check_commits.py             # the commits after the base
    python tools/check_commits.py --message FILE   # the message in a file, as a hook
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

# The last commit before the rule, and its date.
BASE = "c8aadec907516621ddf52974f2b3a2aca7231cb3"
BASE_DATE = "2026-11-28T06:14:26+00:00"
LONGEST = 72

# Subjects that git writes by itself.
_AUTOMATIC = ("Merge ", 'Revert "', "fixup! ", "squash! ")


def find_faults(subject: str) -> list[str]:
    """Return the reasons for which a subject is refused."""
    if subject.startswith(_AUTOMATIC):
        return []
    faults = []
    if len(subject) > LONGEST:
        faults.append(f"{len(subject)} characters, {len(subject) - LONGEST} too many")
    if not subject[:1].isupper():
        faults.append("no capital letter at the start")
    if subject.endswith("."):
        faults.append("a full stop at the end")
    return faults


def list_subjects(root: Path = ROOT, base: str = BASE) -> list[tuple[str, str]] | None:
    """Return abbreviated hash and subject of each commit to check, or `None` without git.

    A shallow clone, or a history that was written anew, lacks the base. Its date decides there.
    """
    if not (root / ".git").exists() or _run_git(root, "rev-parse", "HEAD") is None:
        return None
    is_known = _run_git(root, "merge-base", "--is-ancestor", base, "HEAD") is not None
    span = [f"{base}..HEAD"] if is_known else [f"--since={BASE_DATE}", "HEAD"]
    output = _run_git(root, "log", "--no-merges", "--format=%h %s", *span) or ""
    rows = [line.partition(" ") for line in output.splitlines()]
    return [(commit, subject) for commit, _, subject in rows]


def _run_git(root: Path, *arguments: str) -> str | None:
    """Return git's output, or `None` if git is missing or fails."""
    try:
        result = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return result.stdout


def main(arguments: list[str]) -> int:
    """Print the refused subjects; return 1 if there is one."""
    if arguments[:1] == ["--message"]:
        lines = Path(arguments[1]).read_text(encoding="utf-8").splitlines()
        subjects = [("this commit", lines[0] if lines else "")]
    else:
        found = list_subjects()
        if found is None:
            print("commit subjects: not checked, because this is not a git checkout")
            return 0
        subjects = found
    refused = [
        f"{commit}: {subject!r}: {', '.join(faults)}"
        for commit, subject in subjects
        if (faults := find_faults(subject))
    ]
    print(*refused, sep="\n", end="\n" if refused else "")
    print(f"commit subjects: {len(subjects)} checked, {len(refused)} refused")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
