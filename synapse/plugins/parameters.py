"""Check an action's parameters against its JSON Schema (draft 2020-12).

Example:
    >>> schema = {"properties": {"epochs": {"type": "integer"}}, "required": ["epochs"]}
    >>> problems(schema, {"epochs": "many"})
    {'epochs': ["'many' is not of type 'integer'"]}
    >>> problems(schema, {})
    {'epochs': ['It is missing.']}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any

from synapse.errors import MissingExtra
from synapse.plugins.mapping_reader import near

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

__all__ = ["WHOLE", "can_check", "problems", "schema_problems"]

#: The path of what is wrong with the whole, as Django REST framework calls it.
WHOLE = "non_field_errors"

_MOST = 50
_LONGEST = 200


def can_check() -> bool:
    """Return whether jsonschema is installed."""
    return find_spec("jsonschema") is not None


def problems(schema: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the mistakes in parameters.

    Args:
        schema: The action's `parameters`.
        params: The parameters, as plain JSON values.

    Returns:
        The reasons for the path of each value, such as `layers.0.size`; empty without mistakes.

    Raises:
        MissingExtra: jsonschema isn't installed.
    """
    validator = _validator(schema)
    found: dict[str, list[str]] = {}
    try:
        for error in islice(validator.iter_errors(dict(params)), _MOST):
            for path, reason in _told(error):
                found.setdefault(path or WHOLE, []).append(reason)
    except RecursionError:
        return {WHOLE: ["They, or the schema, are nested too deeply."]}
    except Exception as error:
        # A schema that was never checked can fail in any way, a reference that leads nowhere too.
        return {WHOLE: [f"The action's schema can't be used: {_cut(str(error))}"]}
    return found


def schema_problems(schema: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the mistakes in a schema; empty without jsonschema.

    Returns:
        The reasons for the path of each key.
    """
    if not can_check():
        return {}
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    found: dict[str, list[str]] = {}
    try:
        checker = Draft202012Validator(Draft202012Validator.META_SCHEMA)
        for error in islice(checker.iter_errors(dict(schema)), _MOST):
            inner = best_match([error])
            # Of the ways to say it, such as a type or a list of types, the one with the words.
            inner = next((one for one in inner.context or () if one.validator == "enum"), inner)
            path = ".".join(map(str, inner.absolute_path))
            reason = _said(inner)
            if reason not in found.setdefault(path, []):
                found[path].append(reason)
        if not found:
            found.update(_lost_references(schema))
    except RecursionError:
        return {"": ["It is nested too deeply."]}
    return found


def _validator(schema: Mapping[str, Any]) -> Draft202012Validator:
    try:
        from jsonschema import Draft202012Validator
        from referencing import Registry
    except ImportError as error:
        raise MissingExtra("Checking parameters", "plugins") from error
    # An empty registry: by default a reference to elsewhere would be downloaded.
    return Draft202012Validator(dict(schema), registry=Registry())


def _told(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Return the path of an error, down to a missing or unknown key."""
    path = [str(step) for step in error.absolute_path]
    value: Any = error.validator_value
    schema: Any = error.schema
    instance: Any = error.instance
    if error.validator == "required":
        # One error for each missing key, which only its message names.
        for key in value:
            if error.message.startswith(f"{key!r} is a required"):
                yield ".".join([*path, str(key)]), "It is missing."
    elif error.validator == "additionalProperties" and value is False:
        known = schema.get("properties", {})
        patterns = schema.get("patternProperties", {})
        for key in instance:
            if key not in known and not any(re.search(pattern, key) for pattern in patterns):
                yield ".".join([*path, key]), f"There is no such parameter{near(key, known)}"
    else:
        yield ".".join(path), _said(error)


def _said(error: ValidationError) -> str:
    """Return an error's message, with a suggestion for a word outside an enumeration."""
    hint = ""
    instance: Any = error.instance
    words: Any = error.validator_value
    if error.validator == "enum" and isinstance(instance, str):
        hint = near(instance, [word for word in words if isinstance(word, str)]).rstrip(".")
    return f"{_cut(error.message)}{hint}"


def _lost_references(schema: Mapping[str, Any]) -> dict[str, list[str]]:
    """Find the references that lead nowhere, or elsewhere."""
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    resolver = Registry().resolver_with_root(DRAFT202012.create_resource(dict(schema)))
    return {
        ".".join(path): [f"The reference leads nowhere here: {_cut(reference)}"]
        for path, reference in _references(schema, ())
        if not _leads_somewhere(resolver, reference)
    }


def _leads_somewhere(resolver: Any, reference: str) -> bool:
    try:
        resolver.lookup(reference)
    except Exception:  # referencing has its own, and passes on those of what it looks into
        return False
    return True


def _references(part: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(part, Mapping):
        for key, value in part.items():
            if key == "$ref" and isinstance(value, str):
                yield (*path, key), value
            elif key not in ("const", "enum", "default", "examples"):
                yield from _references(value, (*path, str(key)))
    elif isinstance(part, list):
        for position, value in enumerate(part):
            yield from _references(value, (*path, str(position)))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
