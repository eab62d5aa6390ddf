"""The profile file: addresses and credentials, kept between runs.

The file contains tokens, so only the owner may read it.
"""

from __future__ import annotations

import errno
import json
import os
import select
import stat
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from synapse._internal.private_files import open_private
from synapse._internal.user_folders import expand_home, find_home
from synapse.errors import ConfigurationError

__all__ = [
    "delete_profile",
    "login_path",
    "profile_path",
    "read_login",
    "read_profile",
    "read_profiles",
    "read_token_file",
    "run_token_command",
    "save_profile",
]

_MAX_BYTES = 1 << 20
# Seconds for another login to write the file, and between two looks.
_WAIT = 10.0
_PAUSE = 0.02
_LONGEST_TOKEN = 64 * 1024
# Seconds for the writer of a pipe.
_LONGEST_PIPE = 10.0
# Before each try: a file that is being replaced in place is empty for a moment.
_PAUSES = (0.0, 0.05, 0.2)
_PLATFORM_URL = "https://api.synapse.sh"


def profile_path() -> Path:
    """Return where the profile file is looked for."""
    root = os.environ.get("XDG_CONFIG_HOME")
    folder = expand_home(root) if root else find_home() / ".config"
    return folder / "synapse" / "config.toml"


def read_profile(name: str | None) -> Mapping[str, Any]:
    """Read one profile; a missing default profile is empty.

    Raises:
        ConfigurationError: The file can't be read, is readable by others, or lacks the profile.
    """
    path = profile_path()
    document = _read_document(path)
    if document is None:
        if name is None:
            return {}
        raise ConfigurationError(f"The profile [{name}] was asked for, but {path} does not exist.")
    section = document.get(name or "default")
    if section is None and name is None:
        return {}
    if not isinstance(section, dict):
        named = [f"[{key}]" for key, value in document.items() if isinstance(value, dict)]
        known = ", ".join(named) or "none"
        raise ConfigurationError(f"{path} has no profile [{name or 'default'}]; it has {known}.")
    return section


def read_profiles() -> dict[str, Mapping[str, Any]]:
    """Read every profile of the file, by name; nothing without a file.

    Raises:
        ConfigurationError: The file can't be read, or is readable by others.
    """
    document = _read_document(profile_path()) or {}
    return {name: values for name, values in document.items() if isinstance(values, dict)}


def _read_document(path: Path) -> dict[str, Any] | None:
    """Read the file; `None` without one.

    Raises:
        ConfigurationError: The file can't be read, or is readable by others.
    """
    try:
        content, mode = _read_small_file(path)
        text = content.decode()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"The profile file {path} can't be read: {error}") from None
    if os.name == "posix" and mode & 0o077:
        raise ConfigurationError(
            f"The profile file {path} has tokens, and others on this machine can read it: "
            f"chmod 600 {path}"
        )
    return _parse_toml(text, path)


def _read_small_file(path: Path) -> tuple[bytes, int]:
    """Return a file's content and mode, without waiting for a pipe or reading a device.

    Raises:
        OSError: The file can't be read, is too large, or isn't a file.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            raise OSError("not a regular file")
        with os.fdopen(os.dup(descriptor), "rb") as file:
            content = file.read(_MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > _MAX_BYTES:
        raise OSError(f"larger than {_MAX_BYTES // 1024} KiB")
    return content, mode


def login_path() -> Path:
    """Return the file in which the platform's own client keeps a login."""
    return find_home() / ".synapse" / "config.json"


def read_login() -> Mapping[str, str]:
    """Read the login of the platform's own client, in the words of a profile.

    Returns:
        `base_url`, one token, and `tenant` if the login has one; nothing without a login.

    Raises:
        ConfigurationError: The file can't be read, or isn't a JSON object.
    """
    path = login_path()
    try:
        document = json.loads(_read_small_file(path)[0])
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ConfigurationError(f"The login in {path} can't be read: {error}") from None
    except (ValueError, RecursionError):  # its message may quote a token
        document = None
    if not isinstance(document, dict):
        raise ConfigurationError(
            f"The login in {path} is not valid JSON. Log in again, or give base_url and api_token."
        )
    login = {"base_url": document.get("host") or _PLATFORM_URL}
    # A user's token is for a client without an access token.
    if token := document.get("access_token"):
        login["api_token"] = token
    elif token := document.get("user_token"):
        login["authorization_token"] = token
    if tenant := document.get("tenant"):
        login["tenant"] = tenant
    return login


def save_profile(name: str, values: Mapping[str, str]) -> Path:
    """Write a profile into a file that nobody else can read.

    Other profiles in the file stay unchanged; comments are lost.

    Args:
        name: The profile's name.
        values: `base_url`, `api_token` or `token_command`, and `tenant`.

    Returns:
        The file's path.

    Raises:
        ConfigurationError: The existing file can't be read, has values that can't be written again,
            or can't be written.
    """
    return _change_document(lambda document: document.update({name: dict(values)}))


def delete_profile(name: str) -> Path:
    """Remove a profile from the file; other profiles stay unchanged, comments are lost.

    Returns:
        The file's path.

    Raises:
        ConfigurationError: The file can't be read, has values that can't be written again, or
            can't be written.
    """
    return _change_document(lambda document: document.pop(name, None))


def _change_document(change: Callable[[dict[str, Any]], object]) -> Path:
    """Read the file, change the content and write it in one step."""
    path = profile_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # A link stays one: otherwise the file behind would keep a token that was removed.
        real = path.resolve()
        beside = real.with_name(f".{real.name}.new")
        with _lock(real.with_name(f".{real.name}.lock")):
            try:
                document = _parse_toml(_read_small_file(real)[0].decode(), path)
            except FileNotFoundError:
                document = {}
            change(document)
            text = _as_toml(document)
            beside.unlink(missing_ok=True)  # of a login that was killed
            try:
                with open_private(beside, "x") as file:
                    file.write(text)
                beside.replace(real)
            except BaseException:
                beside.unlink(missing_ok=True)  # it has a token
                raise
    except (OSError, UnicodeError, RuntimeError) as error:
        raise ConfigurationError(f"The profile file {path} can't be written: {error}") from None
    return path


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Let one process at a time change the profile file.

    Raises:
        OSError: Another process holds the lock for long, or the folder can't be written.
    """
    # Few processes write profiles, so few import this.
    from synapse._internal.file_lock import LocksUnsupported, acquire_lock, release_lock

    until = time.monotonic() + _WAIT
    try:
        while (descriptor := acquire_lock(path)) is None:
            if time.monotonic() > until:
                raise OSError(f"another login holds {path}")
            time.sleep(_PAUSE)  # a lock of another process tells nobody of its end
    except LocksUnsupported:
        descriptor = None
    try:
        yield
    finally:
        if descriptor is not None:
            with suppress(OSError):
                path.unlink()  # those who wait look again
            release_lock(descriptor)


def run_token_command(command: Any, source: str) -> str:
    """Run the token command and return the first line of the output."""
    import shlex  # few have such a command, and importing these costs more than the rest
    import subprocess

    try:
        arguments = shlex.split(command) if isinstance(command, str) else command
    except ValueError as error:
        raise ConfigurationError(
            f"token_command of {source} is not a valid command line: {error}."
        ) from None
    is_list = isinstance(arguments, list) and all(isinstance(part, str) for part in arguments)
    if not is_list or not arguments:
        raise ConfigurationError(f"token_command of {source} is a command line, or a list of it.")
    try:
        done = subprocess.run(  # noqa: S603 - the user's own file names it, and no shell is used
            arguments, capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(
            f"token_command of {source} can't be run: {type(error).__name__}."
        ) from None
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines:
        why = done.stderr.strip().splitlines()[-1:] or ["it printed nothing"]
        raise ConfigurationError(
            f"token_command of {source} failed (exit code {done.returncode}): {why[0]}"
        )
    return lines[0].strip()


def read_token_file(path: str | os.PathLike[str]) -> str:
    """Return the token in a file, such as a mounted secret, without blanks around it.

    Raises:
        ConfigurationError: The file can't be read, or has too much for a token.
    """
    text = ""
    for pause in _PAUSES:
        time.sleep(pause)  # a program that rotates the secret may be writing the file
        try:
            content = _read_start(expand_home(path))
        except OSError as error:
            raise ConfigurationError(
                f"The token file {path} can't be read: {error.strerror}. Correct the path, or the "
                "rights of the file."
            ) from None
        if len(content) > _LONGEST_TOKEN:
            raise ConfigurationError(
                f"The token file {path} has more than {_LONGEST_TOKEN:,} bytes. Pass the path of a "
                "file with nothing but the token."
            )
        text = content.decode("utf-8-sig", "replace").strip()
        if text:
            break
    return text


def _read_start(path: Path) -> bytes:
    """Return a file's bytes up to one more than a token may have; a pipe gets a limited time.

    Raises:
        OSError: The file can't be read, or a pipe's writer takes too long.
    """
    until = time.monotonic() + _LONGEST_PIPE
    content = b""
    # Without the opener, a pipe without a writer would block the session for ever.
    with open(path, "rb", buffering=0, opener=_open_at_once) as file:
        while len(content) <= _LONGEST_TOKEN:
            part = file.read(_LONGEST_TOKEN + 1 - len(content))
            if part is None:  # a pipe whose writer hasn't written yet
                left = max(0.0, until - time.monotonic())
                if not select.select([file], [], [], left)[0]:
                    raise TimeoutError(errno.ETIMEDOUT, "nobody writes to the pipe")
                continue
            if not part:
                break
            content += part
    return content


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _as_toml(document: Mapping[str, Any]) -> str:
    """Write sections of plain values, the only content of a profile file.

    Raises:
        ConfigurationError: A section has other values, which would be lost.
    """
    plain = {key: value for key, value in document.items() if not isinstance(value, Mapping)}
    sections = [_as_lines(plain)] if plain else []
    for name, values in document.items():
        if isinstance(values, Mapping):
            sections.append(f"[{_as_toml_text(name)}]\n{_as_lines(values)}")
    return "\n".join(sections)


def _as_lines(values: Mapping[str, Any]) -> str:
    return "".join(f"{_as_toml_text(key)} = {_as_toml_text(values[key])}\n" for key in values)


def _as_toml_text(value: Any) -> str:
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, (str, int)) for item in items):
        raise ConfigurationError(
            f"The profile file {profile_path()} has values that would be lost, as only texts, "
            "whole numbers and lists of them can be written: change it by hand."
        )
    # A JSON text is a TOML one, except for half a surrogate pair and this control character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _parse_toml(text: str, path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        try:
            import tomli as tomllib
        except ImportError:
            raise ConfigurationError(
                f"Reading {path} on Python 3.10 needs the package tomli: pip install tomli, or set "
                "SYNAPSE_BASE_URL and SYNAPSE_API_TOKEN instead."
            ) from None
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also for a number of too many digits
        # The parser's message has a position, never the text of the line with the token.
        raise ConfigurationError(f"{path} is not valid TOML: {error}") from None
