"""Read the zip of a plugin's release."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

from synapse.errors import BadArchive, PluginConfigError, UsageError
from synapse.plugins.archive import open_zip, read_entry
from synapse.plugins.config_file import find_config
from synapse.plugins.packaging import check_zip

__all__ = ["Archive", "InvalidRelease", "read_archive"]


class InvalidRelease(ValueError):
    """The zip can't be released; `reasons` are for people."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


@dataclass(frozen=True)
class Archive:
    """A release's own account of itself."""

    config: Mapping[str, Any]
    readme: str


def read_archive(file: IO[bytes], *, code: str | None, version: str | None) -> Archive:
    """Read the configuration and the description at the top of a zip.

    A configuration with actions is checked, because the backend runs the actions.

    Args:
        file: The zip.
        code: The required code of the plugin; None accepts any.
        version: The required version of the release; None accepts any.

    Raises:
        InvalidRelease: The file isn't a zip, or the configuration isn't an object, or has mistakes.
    """
    try:
        _, config = find_config(file)
        with open_zip(file) as archive:
            readme = read_entry(archive, "README.md") or b""
        check_zip(file, code=code, version=version)
    except PluginConfigError as error:
        raise InvalidRelease(_format_reasons(error)) from error
    except (BadArchive, UsageError) as error:
        raise InvalidRelease([str(error)]) from error
    return Archive(config, readme.replace(b"\x00", b"").decode(errors="replace"))


def _format_reasons(error: PluginConfigError) -> list[str]:
    return [
        f"{error.source}: {path}: {reason}" if path else f"{error.source}: {reason}"
        for path, reasons in error.problems.items()
        for reason in reasons
    ]
