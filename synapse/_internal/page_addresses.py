"""Addresses of the platform's pages, by a template of the user's."""

from __future__ import annotations

from string import Formatter
from typing import Any
from urllib.parse import quote, urlsplit

from synapse.errors import ConfigurationError

__all__ = ["check_template", "fill_template"]

_NAMES = ("kind", "id", "project", "tenant")
_EXAMPLE = "https://app.example.com/{kind}/{id}"


def check_template(template: Any, source: str) -> str | None:
    """Return a checked template, or `None` without one.

    Args:
        template: An address with `{id}`, and perhaps `{kind}`, `{project}` and `{tenant}`.
        source: Origin of the template, for messages.

    Raises:
        ConfigurationError: The template isn't an address of the web, or has other names.

    Example:
        >>> check_template("https://app.example.com/{kind}/{id}", "the argument web_url")
        'https://app.example.com/{kind}/{id}'
    """
    if not template:
        return None
    problem = _find_problem(template)
    if problem:
        raise ConfigurationError(
            f"The template of pages from {source} can't be used: {problem}. Give an address such "
            f"as {_EXAMPLE}."
        )
    return str(template)


def _find_problem(template: Any) -> str | None:
    try:
        parts = list(Formatter().parse(template))
        address = urlsplit(template)
        host = address.hostname
    except (TypeError, ValueError):
        return "it isn't a template"
    names = [(name, spec, conversion) for _, name, spec, conversion in parts if name is not None]
    unknown = [name for name, spec, conversion in names if name not in _NAMES or spec or conversion]
    if unknown:
        return f"it has {{{unknown[0]}}}, and may have {', '.join(f'{{{n}}}' for n in _NAMES)}"
    if not any(name == "id" for name, _, _ in names):
        return "it has no {id}"
    if address.scheme not in ("http", "https") or not host or "{" in address.netloc:
        return "it must begin with http:// or https:// and name a host"
    if address.username is not None or address.password is not None:
        return "it must not carry a user or password"
    return None


def fill_template(template: str, **values: Any) -> str | None:
    """Return the address of a page, or `None` if a value of the template isn't known.

    Example:
        >>> fill_template("https://app.example.com/{kind}/{id}", kind="tasks", id="a/b")
        'https://app.example.com/tasks/a%2Fb'
    """
    used = {name for _, name, _, _ in Formatter().parse(template) if name}
    if any(values.get(name) is None for name in used):
        return None
    return template.format(**{name: quote(str(values[name]), safe="") for name in used})
