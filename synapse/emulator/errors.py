"""Errors of starting the local backend."""

import importlib.util

from synapse._internal.installation import install_command


class EmulatorError(RuntimeError):
    """The local backend could not be started or reached."""


_REQUIRED = (
    "django",
    "rest_framework",
    "rest_flex_fields",
    "drf_chunked_upload",
    "django_filters",
    "dj_database_url",
    "waitress",
    "psutil",
    "yaml",
    "jsonschema",
)


def require_extra() -> None:
    """Check, without imports, that the ``emulator`` extra is installed.

    Raises:
        EmulatorError: A library is missing; the message says how to install the extra.
    """
    missing = [name for name in _REQUIRED if not _is_installed(name)]
    if missing:
        raise EmulatorError(
            f"The local backend needs {', '.join(missing)}, which is not installed: "
            f"{install_command('emulator')}"
        )


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # a module that was blocked or made by hand has no spec
        return False
