"""Requests to the dashboard of a Ray head, and what its refusals mean."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from synapse._internal.redaction import hide, redacted
from synapse.clients.base import BaseClient
from synapse.config import Secret, Settings, Timeout, TimeoutArgument, checked_url
from synapse.errors import BadRequest, ClientError, Conflict, InvalidResponse, NotFound
from synapse.transport import Transport

__all__ = ["Concealed", "RayRest", "conceal", "hide_variables", "part"]

T = TypeVar("T")

_RAISED = re.compile(r"(?:[A-Za-z_][\w.]*)(?:Error|Exception|Exit|Interrupt|Warning)\b.*")
_MOST_SHOWN = 1000


class Concealed(dict[str, Any]):
    """Environment variables that are there, but aren't shown: they may be secrets.

    Example:
        >>> variables = Concealed(TOKEN="s3cret")
        >>> variables, variables["TOKEN"]
        ({'TOKEN': '***'}, 's3cret')
    """

    def __repr__(self) -> str:
        return repr(dict.fromkeys(self, "***"))

    __str__ = __repr__


class RayRest(BaseClient):
    """Requests to the dashboard of a Ray head."""

    def __init__(
        self, base_url: str, token: str | None = None, *, timeout: TimeoutArgument = None
    ) -> None:
        credentials = {}
        if token is not None:
            credentials["ray_token"] = Secret(token, "the argument token")
        elif found := os.environ.get("RAY_AUTH_TOKEN"):
            credentials["ray_token"] = Secret(found, "the environment variable RAY_AUTH_TOKEN")
        settings = Settings(
            base_url=checked_url(base_url, "the argument base_url"),
            credentials=credentials,
            timeout=Timeout.of(timeout),
        )
        super().__init__(transport=Transport(settings))

    def _ask(self, method: str, path: str, *, resource: str, **options: Any) -> dict[str, Any]:
        """Make a request whose answer is a JSON object. One request."""
        found = self._json(method, path, resource, options)
        return part(found, dict, resource)

    def _ask_list(
        self, method: str, path: str, *, resource: str, **options: Any
    ) -> list[dict[str, Any]]:
        """Make a request whose answer is a JSON list of objects. One request."""
        found = part(self._json(method, path, resource, options), list, resource)
        return [part(one, dict, resource) for one in found]

    def _json(self, method: str, path: str, resource: str, options: dict[str, Any]) -> Any:
        answer = self._transport.fetch(method, path, resource=resource, **options)
        try:
            return conceal(answer.json())
        except ClientError as error:
            raise self._meant(error) from None

    def _send(self, method: str, path: str, *, resource: str, **options: Any) -> str:
        """Make a request whose answer is text, or nothing at all. One request."""
        options["headers"] = {"Accept": "*/*", **options.get("headers", {})}
        answer = self._transport.fetch(method, path, resource=resource, **options)
        if 200 <= answer.response.status_code < 300:
            return answer.content.decode("utf-8", "replace")
        try:
            answer.json()
        except ClientError as error:
            raise self._meant(error) from None
        raise AssertionError("a refusal raises")

    def _meant(self, error: ClientError) -> ClientError:
        """Say what Ray means: it refuses in plain text, often by a traceback and with a 500."""
        if isinstance(error.response, Mapping):
            detail = error.response.get("msg") or error.response.get("error") or error.detail
        elif isinstance(error.response, str) and "<html" not in error.response[:200].lower():
            detail = last_line(error.response)
        else:
            detail = error.detail
        detail = redacted(str(detail))[:_MOST_SHOWN] or error.detail
        kind, status, hint = type(error), error.status_code, error.hint
        if status in (400, 500) and "already exists" in detail:
            kind, status = Conflict, 409
            hint = "Give another submission_id, or get_job() the one that is there."
        elif status == 500 and "non-terminal state" in detail:
            kind, status = Conflict, 409
            hint = "Stop it with stop_job(), and wait_job() for its end."
        elif status == 400:
            kind = BadRequest  # what looks like errors by field is an answer of the state API
        elif status in (401, 403):
            has_token = bool(self._transport.settings.credentials)
            hint = (
                f"The token came from {self._transport.settings.source}; it isn't the cluster's."
                if has_token
                else "The cluster runs with RAY_AUTH_MODE=token: give RayClient(url, token=...)."
            )
        elif kind is NotFound:
            unknown = detail == "404: Not Found"
            hint = "Check base_url: it isn't a Ray dashboard's." if unknown else None
        meant = kind(
            status,
            detail,
            fields=error.fields if kind is type(error) else None,
            request_id=error.request_id,
            method=error.method,
            url=error.url,
            hint=hint,
            response=error.response,
            resource=error.resource,
        )
        meant.attempts, meant.elapsed = error.attempts, error.elapsed
        return meant


def last_line(text: str) -> str:
    r"""Return what a traceback ends with: the exception's message, which may have several lines.

    Example:
        >>> last_line("Traceback (most recent call last):\n  ...\nValueError: There is no job.")
        'There is no job.'
    """
    lines = text.strip().splitlines()
    if not text.lstrip().startswith("Traceback "):
        return " ".join(" ".join(lines).split())
    for number in range(len(lines) - 1, -1, -1):
        if _RAISED.fullmatch(lines[number]):
            raised = " ".join(" ".join(lines[number:]).split())
            name, _, message = raised.partition(": ")
            return message if message and name.rpartition(".")[2] in _PLAIN else raised
    return lines[-1].strip()


# Exceptions whose name adds nothing to what they say.
_PLAIN = {"Exception", "RuntimeError", "ValueError"}


def part(found: Any, form: type[T], resource: str, *keys: str) -> T:
    """Return a part of an answer.

    Args:
        found: The answer.
        form: What the part must be.
        resource: What was asked for, for messages.
        *keys: Where it is.

    Raises:
        InvalidResponse: There is no such part: this isn't a Ray dashboard, or another Ray.
    """
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, form):
        what = f"no {'.'.join(keys)}" if keys else f"not a {form.__name__}"
        raise InvalidResponse(
            200,
            f"the answer isn't what a Ray dashboard sends: {what}",
            hint="Check base_url, and that Ray is 2.50 or newer.",
            resource=resource,
        )
    return found


def conceal(value: Any) -> Any:
    """Return Ray's JSON with every `env_vars` in it as one that doesn't show its values."""
    if isinstance(value, dict):
        return {
            key: Concealed(one) if key == "env_vars" and isinstance(one, dict) else conceal(one)
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [conceal(one) for one in value]
    return value


def hide_variables(values: Iterable[Any]) -> None:
    """Have no message show the values of environment variables that are about to be sent."""
    for value in values:
        if isinstance(value, str):
            hide(value)
