"""The folders of this user for state and caches, on every operating system."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from synapse.errors import ConfigurationError

__all__ = ["expand_home", "find_home", "find_user_folder", "make_private"]


def find_home() -> Path:
    """Return the user's home folder."""
    # Path.home() raises for a user without a home. Here the ~ stays, and the root before the ~
    # keeps the folder from being one below the current folder.
    return Path(os.sep, os.path.expanduser("~"))  # noqa: PTH111 - see above


def expand_home(path: str | os.PathLike[str]) -> Path:
    """Return a user's path with the home folder for a `~` at the beginning.

    Shells expand a `~` only outside quotes, and systems never: `"~/data"` would be a folder of that
    name below the current one.
    """
    # Path.expanduser() raises for a name that is no user's, such as "~$report.docx".
    text = os.fspath(path)
    expanded = Path(os.path.expanduser(text))  # noqa: PTH111 - it doesn't raise
    if expanded.parts[:1] != ("~",):
        return expanded
    if text.startswith("~"):  # a user without a home
        return find_home().joinpath(*expanded.parts[1:])
    return expanded.absolute()  # "./~", which stays what it is


def find_user_folder(variable: str, unix: str) -> Path:
    """Return the folder for a kind of files. Creates nothing.

    Args:
        variable: Environment variable with another folder, such as `XDG_STATE_HOME`.
        unix: Folder below the home on Unix; macOS and Windows have one for all kinds.
    """
    home = find_home()
    if root := os.environ.get(variable):
        return expand_home(root)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    return home / unix


def make_private(folder: Path) -> Path:
    """Create a folder that only this user can read and fill.

    Raises:
        ConfigurationError: The folder belongs to someone else, or can't be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = folder.lstat()
        if os.name == "posix":
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
                raise ConfigurationError(
                    f"The folder {folder} belongs to another user, or is a link, so its files "
                    "can't be trusted. Remove it, or set XDG_CACHE_HOME to a folder of your own."
                )
            if status.st_mode & 0o077:
                folder.chmod(0o700)
    except OSError as error:
        raise ConfigurationError(
            f"The folder {folder} can't be created: {error}. Set XDG_CACHE_HOME to a folder of "
            "your own."
        ) from None
    return folder
