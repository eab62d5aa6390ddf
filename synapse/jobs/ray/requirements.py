"""A release's requirements, in the form that Ray installs before a job."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

__all__ = ["adapt_requirements"]

_LISTED = "requirements.txt"
_MOST = 1 << 20
# Ray replaces this by the job's own folder; pip itself runs in another one.
_FOLDER = "${RAY_RUNTIME_ENV_CREATE_WORKING_DIR}"
_OPTION = re.compile(
    r"(?P<option>-r|-c|-f|--requirement|--constraint|--find-links)[ =]*(?P<path>.+)"
)
_PATH = re.compile(r"(?P<path>[^\[;\s]+)(?P<rest>.*)")
_COMMENT = re.compile(r"(^|\s)#.*$")


def adapt_requirements(requirements: Sequence[str], archive: Path, checksum: str) -> list[str]:
    """Return the lines for the `pip` of a `runtime_env`.

    Paths of files and folders in the release become paths of the job's folder on the node.

    Args:
        requirements: The configuration's list; the release's `requirements.txt` if empty.
        archive: The release's zip.
        checksum: The zip's checksum.

    Raises:
        OSError: The zip can't be read.
    """
    with zipfile.ZipFile(archive) as release:
        names = {posixpath.normpath(name) for name in release.namelist()}
        if not requirements and _LISTED in names:
            with release.open(_LISTED) as listed:
                text = listed.read(_MOST).decode("utf-8-sig", errors="replace")
            requirements = text.replace("\\\n", " ").splitlines()
    names |= {parent.as_posix() for name in names for parent in Path(name).parents}
    lines = [_COMMENT.sub("", line).strip() for line in requirements]
    made = [_rewrite_line(line, names) for line in lines if line]
    if any(_FOLDER in line for line in made):
        # Ray knows an environment again by these lines alone, whatever is in the files.
        made.append(f"# of the release {checksum}")
    return made


def _rewrite_line(line: str, names: set[str]) -> str:
    if option := _OPTION.fullmatch(line):
        return f"{option['option']} {_rewrite_path(option['path'].strip(), names)}"
    if named := _PATH.fullmatch(line):
        # A package may have the name of a folder: a path has a slash or is a file's, as for pip.
        path = named["path"]
        if "/" in path or path.endswith((".whl", ".zip", ".tar.gz")):
            return _rewrite_path(path, names) + named["rest"]
    return line


def _rewrite_path(path: str, names: set[str]) -> str:
    inside = posixpath.normpath(path)
    return posixpath.normpath(f"{_FOLDER}/{inside}") if inside in names else path
