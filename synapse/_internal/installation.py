"""The origin of this installation, and the commands that install extras.

Package indexes have the platform's own package under this distribution's name. A command that names
the distribution alone would install that one, so commands name the place that this package came
from, or the libraries of the extra.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from synapse._internal.redaction import redacted

if TYPE_CHECKING:
    from importlib.metadata import Distribution

__all__ = [
    "describe_installation",
    "describe_repair",
    "find_foreign_files",
    "find_unmet",
    "install_command",
    "list_extras",
    "list_other_distributions",
    "warn_about_mixed_files",
]

_NAME = "synapse-sdk"
_MARK = "synapse/_version.py"
_ROOT = Path(__file__).resolve().parents[2]
# Content of the package for older scripts. The platform's package has the same import name.
_OLD_NAMES = frozenset({"__init__.py", "__pycache__", "clients", "exceptions.py", "py.typed"})
_EXTRA = re.compile(r"""(?:\s+and\s+)?\bextra\s*==\s*["']([^"']+)["']""")
_OLDER_PYTHON = re.compile(r"""python_version\s*<\s*["'](\d+)\.(\d+)["']""")
_DISTRIBUTION_NAME = re.compile(r"[A-Za-z0-9._-]+")


def install_command(extra: str) -> str:
    """Return the command that installs an extra, for how this package was installed.

    Example:
        >>> "cli" in install_command("cli") or "typer" in install_command("cli")
        True
    """
    distribution = _own_distribution()
    program = _program(distribution)
    if _is_checkout(_ROOT):
        return f"{program} -e {_quote(f'{_ROOT}[{extra}]')}"
    if distribution is not None:
        if path := _local_path(distribution):
            return f"{program} {_quote(f'{path}[{extra}]')}"
        if url := _repository_url(distribution):
            return f"{program} {_quote(f'{_NAME}[{extra}] @ {url}')}"
    requirements = list_extras().get(extra, ())
    if not requirements:
        return f"install this SDK again with the extra {extra!r}, from the same source as before"
    return f"{program} {' '.join(map(_quote, find_unmet(requirements) or requirements))}"


def describe_installation() -> str:
    """Return where this package came from, in a few words."""
    distribution = _own_distribution()
    if _is_checkout(_ROOT):
        return f"the checkout {_ROOT}"
    if distribution is None:
        return f"files that no installer knows, in {_ROOT}"
    url = _direct_url(distribution).get("url")
    if not url:
        return f"a package index, in {_ROOT}"
    return f"{_file_path(url) or redacted(str(url))}, in {_ROOT}"


def list_extras() -> dict[str, tuple[str, ...]]:
    """Return the requirements of each extra, as pip takes them.

    A checkout is asked itself, since the metadata of an editable installation may be older.
    """
    if _is_checkout(_ROOT):
        return _read_setup(_ROOT / "setup.cfg")
    distribution = _own_distribution()
    extras: dict[str, list[str]] = {}
    for line in (distribution.requires if distribution is not None else None) or ():
        requirement, _, marker = line.partition(";")
        if found := _EXTRA.search(marker):
            rest = _EXTRA.sub("", marker).strip().removeprefix("(").removesuffix(")")
            kept = f"{requirement.strip()}; {rest}" if rest else requirement.strip()
            extras.setdefault(found[1], []).append(kept)
    return {name: tuple(requirements) for name, requirements in extras.items()}


def find_unmet(requirements: Iterable[str]) -> list[str]:
    """Return the requirements that this environment lacks, or meets with another version.

    Versions are compared if the library `packaging` is installed.
    """
    return [one for one in requirements if not _is_met(one)]


def list_other_distributions() -> list[str]:
    """Return the installed distributions of this name that aren't this package, with versions."""
    return [
        f"{_NAME} {one.version} in {one.locate_file('')}"
        for one in _distributions()
        if not _is_own(one)
    ]


def find_foreign_files(folder: Path) -> list[str]:
    """Return the modules in the folder `synapse_sdk` that aren't this package's.

    Args:
        folder: The folder.
    """
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:  # inside a zip
        return []
    return [
        entry.name
        for entry in entries
        if entry.name not in _OLD_NAMES
        and not entry.name.startswith(".")
        and (entry.name.endswith(".py") or entry.is_dir())
    ]


def warn_about_mixed_files(folder: Path) -> None:
    """Warn if the folder `synapse_sdk` has files of the platform's package, too.

    Args:
        folder: The folder.
    """
    if foreign := find_foreign_files(folder):
        warnings.warn(
            f"{folder} has files of two packages: this SDK's, and {', '.join(foreign[:5])} of "
            f"another one. {describe_repair(folder)}",
            RuntimeWarning,
            stacklevel=3,
        )


def describe_repair(folder: Path) -> str:
    """Return the steps that separate two packages which share the folder `synapse_sdk`."""
    return (
        f"Run `pip uninstall {_NAME}` until nothing is left, delete {folder}, and install this "
        "SDK again. The platform's package needs an environment of its own."
    )


# -- Distributions -------------------------------------------------------------------------------


def _distributions() -> Iterator[Distribution]:
    from importlib.metadata import distributions  # slow to import, and rarely needed

    seen: set[str] = set()
    for one in distributions(name=_NAME):
        place = str(one.locate_file(""))
        # A path that is listed twice gives each distribution twice.
        if (key := f"{place} {one.version}") not in seen:
            seen.add(key)
            yield one


def _own_distribution() -> Distribution | None:
    return next((one for one in _distributions() if _is_own(one)), None)


def _is_own(distribution: Distribution) -> bool:
    path = _file_path(_direct_url(distribution).get("url"))
    if path is not None and (path / _MARK).is_file():
        return True
    return any(str(file) == _MARK for file in distribution.files or ())


def _direct_url(distribution: Distribution) -> dict[str, Any]:
    """Return the content of `direct_url.json`; nothing for a package from an index."""
    try:
        document: Any = json.loads(distribution.read_text("direct_url.json") or "{}")
    except ValueError:
        return {}
    is_mapping = isinstance(document, dict)
    return cast("dict[str, Any]", document) if is_mapping else {}


def _file_path(url: Any) -> Path | None:
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme != "file":
        return None
    from urllib.request import url2pathname  # slow to import, and rarely needed

    return Path(url2pathname(parts.path))


def _local_path(distribution: Distribution) -> Path | None:
    """Return the folder, wheel or archive that was installed, if the file still exists."""
    path = _file_path(_direct_url(distribution).get("url"))
    return path if path is not None and (path.is_file() or _is_checkout(path)) else None


def _repository_url(distribution: Distribution) -> str | None:
    """Return the URL of the installed commit, if the URL has no password."""
    document = _direct_url(distribution)
    info: Any = document.get("vcs_info")
    url = str(document.get("url"))
    if not info or redacted(url) != url:
        return None
    part = f"#subdirectory={document['subdirectory']}" if "subdirectory" in document else ""
    return f"{info.get('vcs')}+{url}@{info.get('commit_id')}{part}"


def _is_checkout(folder: Path) -> bool:
    return (folder / "setup.cfg").is_file() and (folder / "synapse" / "_synapse_sdk").is_dir()


def _program(distribution: Distribution | None) -> str:
    installer = distribution.read_text("INSTALLER") if distribution is not None else None
    return "uv pip install" if (installer or "").strip() == "uv" else "pip install"


def _quote(text: str) -> str:
    return shlex.quote(text) if os.name == "posix" else f'"{text}"'


# -- Requirements --------------------------------------------------------------------------------


def _read_setup(path: Path) -> dict[str, tuple[str, ...]]:
    from configparser import ConfigParser

    parser = ConfigParser()
    parser.read(path, encoding="utf-8")
    return {
        name: tuple(dict.fromkeys(map(_compact, filter(None, text.splitlines()))))
        for name, text in parser["options.extras_require"].items()
    }


def _compact(requirement: str) -> str:
    """Return a requirement without the blanks before its versions."""
    name, separator, marker = requirement.partition(";")
    return f"{name.replace(' ', '')}{separator}{marker}"


def _is_met(requirement: str) -> bool:
    from importlib.metadata import PackageNotFoundError, version

    try:
        from packaging.requirements import Requirement
    except ImportError:
        found = _OLDER_PYTHON.search(requirement)
        if found and sys.version_info >= (int(found[1]), int(found[2])):
            return True
        name = _DISTRIBUTION_NAME.match(requirement)
        text = name[0] if name else requirement
        parsed = None
    else:
        parsed = Requirement(requirement)
        if parsed.marker is not None and not parsed.marker.evaluate():
            return True
        text = parsed.name
    try:
        present = version(text)
    except PackageNotFoundError:
        return False
    return parsed is None or parsed.specifier.contains(present, prereleases=True)
