"""Check an action's parameters against a JSON Schema (draft 2020-12).

Example:
    >>> schema = {"properties": {"epochs": {"type": "integer"}}, "required": ["epochs"]}
    >>> find_problems(schema, {"epochs": "many"})
    {'epochs': ["'many' is not of type 'integer'"]}
    >>> find_problems(schema, {})
    {'epochs': ['Missing.']}
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any

from synapse._internal.deprecation import deprecated_names
from synapse._internal.own_modules import build_command
from synapse.errors import MissingExtra
from synapse.plugins.mapping_reader import did_you_mean

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

__all__ = ["WHOLE", "can_check", "find_problems", "find_problems_here", "find_schema_problems"]

#: Path of a problem with all parameters together, as in Django REST framework.
WHOLE = "non_field_errors"

# Patterns can backtrack for years, references can double at each level, and the comparison of all
# pairs of items takes hours.
_UNBOUNDED = frozenset({"pattern", "patternProperties", "uniqueItems", "$ref", "$dynamicRef"})
_CPU_SECONDS = 2
_SECONDS = 20.0
_TOO_LONG = (
    f"The check took more than {_CPU_SECONDS} s: a pattern, a reference or uniqueItems of the "
    "action's schema grows without bound with these values. Simplify the schema."
)
# On a slow machine, loading the library alone may take seconds, so it comes before the limit.
_CHILD = """
import json, math, time
given = json.load(sys.stdin)
from synapse.plugins.parameters import find_problems_here
find_problems_here({}, {})
try:
    import resource
    limit = int(sys.argv[1]) + math.ceil(time.process_time())
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except ImportError:
    pass
print(json.dumps(find_problems_here(given["schema"], given["params"])))
"""
_MAX_PROBLEMS = 50
_MAX_LENGTH = 200


def can_check() -> bool:
    """Return whether jsonschema is installed."""
    return find_spec("jsonschema") is not None


def find_problems(schema: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the mistakes in parameters.

    Args:
        schema: The action's `parameters`.
        params: The parameters, as plain JSON values.

    Returns:
        The reasons for the path of each value, such as `layers.0.size`; empty without mistakes.

    Raises:
        MissingExtra: jsonschema isn't installed.
    """
    if _may_run_long(schema):
        return _find_in_child(schema, params)
    return find_problems_here(schema, params)


def find_problems_here(
    schema: Mapping[str, Any], params: Mapping[str, Any]
) -> dict[str, list[str]]:
    """Return the mistakes in parameters, however long that takes in this process.

    Raises:
        MissingExtra: jsonschema isn't installed.
    """
    validator = _validator(schema)
    problems: dict[str, list[str]] = {}
    try:
        for error in islice(validator.iter_errors(dict(params)), _MAX_PROBLEMS):
            for path, reason in _locate(error):
                problems.setdefault(path or WHOLE, []).append(reason)
    except RecursionError:
        return {WHOLE: ["The parameters, or the schema, are nested too deeply."]}
    except Exception as error:
        # A schema that nobody checked can fail in any way.
        return {WHOLE: [f"The action's schema can't be used: {_shorten(str(error))}"]}
    return problems


def _may_run_long(part: Any) -> bool:
    """Return whether a schema has keywords whose time isn't bounded by the sizes."""
    if isinstance(part, Mapping):
        return not _UNBOUNDED.isdisjoint(part) or any(map(_may_run_long, part.values()))
    return isinstance(part, list) and any(map(_may_run_long, part))


def _find_in_child(schema: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the mistakes, found by a process that is ended if it takes too long.

    A thread couldn't be ended, and a regular expression would stop all others meanwhile.
    """
    _validator(schema)  # raises without jsonschema
    content = json.dumps({"schema": dict(schema), "params": dict(params)})
    try:
        child = subprocess.run(  # noqa: S603 - this package, by this interpreter
            build_command(_CHILD, str(_CPU_SECONDS)),
            input=content.encode(),
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
        problems: dict[str, list[str]] = json.loads(child.stdout)
    except (subprocess.SubprocessError, OSError, ValueError) as error:
        if isinstance(error, subprocess.TimeoutExpired) or getattr(error, "returncode", 0) < 0:
            return {WHOLE: [_TOO_LONG]}
        return {WHOLE: [f"The parameters can't be checked: {_shorten(str(error))}"]}
    return problems


def find_schema_problems(schema: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the mistakes in a schema; empty without jsonschema.

    Returns:
        The reasons for the path of each key.
    """
    if not can_check():
        return {}
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    problems: dict[str, list[str]] = {}
    try:
        checker = Draft202012Validator(Draft202012Validator.META_SCHEMA)
        for error in islice(checker.iter_errors(dict(schema)), _MAX_PROBLEMS):
            inner = best_match([error])
            # Prefer the alternative with the list of words.
            inner = next((e for e in inner.context or () if e.validator == "enum"), inner)
            path = ".".join(map(str, inner.absolute_path))
            reason = _message(inner)
            if reason not in problems.setdefault(path, []):
                problems[path].append(reason)
        if not problems:
            problems.update(_find_broken_references(schema))
    except RecursionError:
        return {"": ["Nested too deeply."]}
    return problems


def _validator(schema: Mapping[str, Any]) -> Draft202012Validator:
    try:
        from jsonschema import Draft202012Validator
        from referencing import Registry
    except ImportError as error:
        raise MissingExtra("Checking parameters", "plugins") from error
    # An empty registry, because the default one downloads external references.
    return Draft202012Validator(dict(schema), registry=Registry())


def _locate(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Return the path of an error, down to a missing or unknown key."""
    path = [str(step) for step in error.absolute_path]
    value: Any = error.validator_value
    schema: Any = error.schema
    instance: Any = error.instance
    if error.validator == "required":
        # One error for each missing key, which only its message names.
        for key in value:
            if error.message.startswith(f"{key!r} is a required"):
                yield ".".join([*path, str(key)]), "Missing."
    elif error.validator == "additionalProperties" and value is False:
        known = schema.get("properties", {})
        patterns = schema.get("patternProperties", {})
        for key in instance:
            if key not in known and not any(re.search(pattern, key) for pattern in patterns):
                yield ".".join([*path, key]), f"Unknown parameter{did_you_mean(key, known)}"
    else:
        yield ".".join(path), _message(error)


def _message(error: ValidationError) -> str:
    """Return an error's message, with a suggestion for a word outside an enumeration."""
    hint = ""
    instance: Any = error.instance
    words: Any = error.validator_value
    if error.validator == "enum" and isinstance(instance, str):
        hint = did_you_mean(instance, [word for word in words if isinstance(word, str)]).rstrip(".")
    return f"{_shorten(error.message)}{hint}"


def _find_broken_references(schema: Mapping[str, Any]) -> dict[str, list[str]]:
    """Find references without a target inside the schema."""
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    resolver = Registry().resolver_with_root(DRAFT202012.create_resource(dict(schema)))
    return {
        ".".join(path): [f"The reference leads nowhere: {_shorten(reference)}"]
        for path, reference in _references(schema, ())
        if not _resolves(resolver, reference)
    }


def _resolves(resolver: Any, reference: str) -> bool:
    try:
        resolver.lookup(reference)
    except Exception:  # referencing has no common base for its errors
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


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_LENGTH else f"{text[: _MAX_LENGTH - 3]}..."


__getattr__ = deprecated_names(
    __name__,
    {"problems": "find_problems", "schema_problems": "find_schema_problems"},
    since="0.2",
    removed_in="1.0",
)
