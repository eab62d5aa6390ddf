"""Files of rows: clients send content, and read URLs."""

import base64
import binascii
import mimetypes
import re
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote

from django.core.files.base import ContentFile
from rest_framework import serializers

from synapse.emulator.api.units import build_file_url

_DATA_URI = re.compile(
    r"data:(?P<kind>[\w.+-]+/[\w.+-]+)?(?P<parameters>(;[\w.-]+=[^;,]*)*);base64,", re.ASCII
)
_NAME_LENGTH = 255


class StoredFileField(serializers.FileField):
    """The content of a row that has ``blob`` and ``filename``."""

    def get_attribute(self, instance: Any) -> Any:
        return instance

    def to_representation(self, value: Any) -> Any:
        if value.blob is None:
            return None
        return build_file_url(value, value.filename, self.context["request"])


class DataUriField(StoredFileField):
    """The same, where the content travels inside JSON."""

    default_error_messages = {
        "not_a_data_uri": "Expected a data URI in base64, such as data:text/plain;base64,aGk=.",
    }

    def to_internal_value(self, data: Any) -> Any:
        match = _DATA_URI.match(data) if isinstance(data, str) else None
        if match is None:
            self.fail("not_a_data_uri")
        try:
            content = base64.b64decode(data[match.end() :], validate=True)
        except (binascii.Error, ValueError):
            self.fail("not_a_data_uri")
        return super().to_internal_value(ContentFile(content, name=_choose_name(match)))


def shorten_filename(content: Any) -> str:
    """Return a received file's name, shortened to the column's length."""
    return str(content.name)[-_NAME_LENGTH:]


def _choose_name(match: re.Match[str]) -> str:
    parameters = dict(item.split("=", 1) for item in (match["parameters"] or "").split(";") if item)
    name = unquote(parameters.get("name", "")).replace("\x00", "")
    suffix = mimetypes.guess_extension(match["kind"] or "") or ".bin"
    return PurePosixPath(name.replace("\\", "/")).name or f"file{suffix}"
