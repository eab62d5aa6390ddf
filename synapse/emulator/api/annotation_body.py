"""Read the body of ``annotate_task_data/``."""

from typing import Any

from rest_framework import serializers

from synapse.emulator.api.fields import DocumentField

_SCHEMA = "dm_schema_v1"
_PARTS = ("annotations", "annotationsData")


def read_annotation(body: Any, schema: str | None) -> tuple[dict[str, Any], bool]:
    """Return a body's document, and whether the document is a draft.

    Args:
        body: The document, or the envelope `{"action": "submit" or "save", "data": document}`.
        schema: The document's schema; None checks documents that claim to be `dm_schema_v1`.

    Raises:
        serializers.ValidationError: The envelope, the document or the schema is wrong.
    """
    document, is_draft, name = body, False, "non_field_errors"
    if isinstance(body, dict) and body.keys() == {"action", "data"}:
        choice = serializers.ChoiceField(choices=("submit", "save"))
        is_draft = _validate("action", choice, body["action"]) == "save"
        document, name = body["data"], "data"
    document = _validate(name, DocumentField(), document)
    if not isinstance(document, dict):
        raise serializers.ValidationError({name: ["Invalid data. Expected a dictionary."]})
    if schema is None:
        schema = _SCHEMA if document.keys() >= set(_PARTS) else "any"
    if _validate("schema", serializers.ChoiceField(choices=("any", _SCHEMA)), schema) == _SCHEMA:
        problems = [problem for part in _PARTS for problem in _find_problems(document, part)]
        if problems:
            raise serializers.ValidationError({name: problems})
    return document, is_draft


def _validate(name: str, field: serializers.Field[Any, Any, Any, Any], value: Any) -> Any:
    try:
        return field.run_validation(value)
    except serializers.ValidationError as error:
        raise serializers.ValidationError({name: error.detail}) from error


def _find_problems(document: dict[str, Any], part: str) -> list[str]:
    """Return the deviations of a part from ``{medium: [{"id": text, ...}, ...]}``."""
    media = document.get(part)
    if not isinstance(media, dict):
        return [f'{_SCHEMA}: "{part}" must be an object of lists by medium.']
    return [
        f'{_SCHEMA}: "{part}" of "{medium}" must be a list of objects with an "id".'
        for medium, items in media.items()
        if not isinstance(items, list)
        or any(not isinstance(item, dict) or not isinstance(item.get("id"), str) for item in items)
    ]
