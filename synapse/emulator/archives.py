"""What is read from the zip of a plugin's release."""

import importlib.util
import json
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

#: How much is read of a file inside, and how large a configuration may get.
_MOST = 1 << 20

# What parsers raise for a document that is none.
_UNREADABLE = (ValueError, TypeError, ArithmeticError, AttributeError, LookupError, RecursionError)


class BadArchive(ValueError):
    """It is no zip, or what is in it can't be read; the message is for people."""


@dataclass(frozen=True)
class Archive:
    """A release's own account of itself."""

    config: dict[str, Any]
    readme: str


def read_archive(file: IO[bytes]) -> Archive:
    """Read the configuration and the description at the top of a zip.

    Raises:
        BadArchive: It isn't a zip, or the configuration is no object.
    """
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            return Archive(_config(archive), _read(archive, "README.md").decode(errors="replace"))
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError) as error:
        raise BadArchive("The file is not a zip.") from error
    except RuntimeError as error:  # a password
        raise BadArchive("The zip is encrypted.") from error
    finally:
        file.seek(0)


def _config(archive: zipfile.ZipFile) -> dict[str, Any]:
    text = _read(archive, "config.yaml")
    if text and importlib.util.find_spec("yaml"):
        yaml = importlib.import_module("yaml")
        return _parsed("config.yaml", lambda: yaml.safe_load(text), yaml.YAMLError)
    text = _read(archive, "config.json")
    return _parsed("config.json", lambda: json.loads(text)) if text else {}


def _parsed(name: str, load: Callable[[], Any], *errors: type[Exception]) -> dict[str, Any]:
    try:
        document = _plain(load())
    except _UNREADABLE + errors as error:
        raise BadArchive(f"{name} cannot be read.") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise BadArchive(f"{name} is not an object.")
    return document


def _plain(document: Any) -> Any:
    """Make JSON of what YAML can say; a few of its references can stand for gigabytes."""
    parts: list[str] = []
    size = 0
    encoder = json.JSONEncoder(default=str, allow_nan=False, ensure_ascii=False)
    for part in encoder.iterencode(document):
        size += len(part)
        if size > _MOST:
            raise ValueError("too large")
        parts.append(part)
    return json.loads("".join(parts).encode())  # half of a surrogate pair is refused here


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        info = archive.getinfo(name)
    except KeyError:
        return b""
    with archive.open(info) as stream:
        content = stream.read(_MOST + 1)
    if len(content) > _MOST:
        raise BadArchive(f"{name} is too large.")
    return content.replace(b"\x00", b"")
