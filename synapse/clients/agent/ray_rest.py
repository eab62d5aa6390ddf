"""Requests to the dashboard of a Ray head, with clear errors."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from synapse._internal.backoff import Backoff
from synapse._internal.redaction import hide, redacted
from synapse._internal.server_url import checked_url
from synapse._internal.yaml_values import write_as
from synapse.clients.base import BaseClient
from synapse.config import Secret, Settings, Timeout, TimeoutArgument
from synapse.errors import (
    BadRequest,
    ClientError,
    Conflict,
    InvalidResponse,
    NotFound,
    RequestTimeout,
)
from synapse.transport import Transport

__all__ = [
    "Concealed",
    "RayRest",
    "conceal_variables",
    "get_part",
    "hide_variables",
    "poll_until",
]

T = TypeVar("T")

_RAISED = re.compile(r"(?:[A-Za-z_][\w.]*)(?:Error|Exception|Exit|Interrupt|Warning)\b.*")
_MOST_SHOWN = 1000


class Concealed(dict[str, Any]):
    """Environment variables whose values don't show when printed.

    Example:
        >>> variables = Concealed(TOKEN="s3cret")
        >>> variables, variables["TOKEN"]
        ({'TOKEN': '***'}, 's3cret')
    """

    def __repr__(self) -> str:
        return repr(dict.fromkeys(self, "***"))

    __str__ = __repr__


write_as(Concealed, dict)


class RayRest(BaseClient):
    """Requests to the dashboard of a Ray head."""

    def __init__(
        self, base_url: str, token: str | None = None, *, timeout: TimeoutArgument = None
    ) -> None:
        credentials = {}
        if token is not None:
            credentials["ray_token"] = Secret(token, "the argument token")
        elif variable := os.environ.get("RAY_AUTH_TOKEN"):
            credentials["ray_token"] = Secret(variable, "the environment variable RAY_AUTH_TOKEN")
        settings = Settings(
            base_url=checked_url(base_url, "the argument base_url"),
            credentials=credentials,
            timeout=Timeout.of(timeout),
        )
        super().__init__(transport=Transport(settings))

    def _request_object(
        self, method: str, path: str, *, resource: str, **options: Any
    ) -> dict[str, Any]:
        """Return the JSON object that a request is answered with. One request."""
        return get_part(self._request_json(method, path, resource, options), dict, resource)

    def _request_list(
        self, method: str, path: str, *, resource: str, **options: Any
    ) -> list[dict[str, Any]]:
        """Return the JSON list of objects that a request is answered with. One request."""
        rows = get_part(self._request_json(method, path, resource, options), list, resource)
        return [get_part(row, dict, resource) for row in rows]

    def _request_json(self, method: str, path: str, resource: str, options: dict[str, Any]) -> Any:
        response = self._transport.fetch(method, path, resource=resource, **options)
        try:
            return conceal_variables(response.json())
        except ClientError as error:
            raise self._explain(error) from None

    def _request_text(self, method: str, path: str, *, resource: str, **options: Any) -> str:
        """Return the text that a request is answered with, possibly empty. One request."""
        options["headers"] = {"Accept": "*/*", **options.get("headers", {})}
        response = self._transport.fetch(method, path, resource=resource, **options)
        if not 200 <= response.response.status_code < 300:
            try:
                response.json()  # raises the refusal
            except ClientError as error:
                raise self._explain(error) from None
        return response.content.decode("utf-8", "replace")

    def _explain(self, error: ClientError) -> ClientError:
        """Return an error with Ray's reason: Ray refuses with text or a traceback, and a 500."""
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
            hint = "Pass another submission_id, or read the existing job with get_job()."
        elif status == 500 and "non-terminal state" in detail:
            kind, status = Conflict, 409
            hint = "Stop the job with stop_job() and wait for the end with wait_job()."
        elif status == 400:
            kind = BadRequest  # the state API's errors look like errors by field
        elif status in (401, 403):
            has_token = bool(self._transport.settings.credentials)
            hint = (
                f"The cluster refused the token from {self._transport.settings.source}."
                if has_token
                else "The cluster runs with RAY_AUTH_MODE=token. Pass RayClient(url, token=...)."
            )
        elif kind is NotFound:
            is_unknown_path = detail == "404: Not Found"
            hint = "Check base_url: the server isn't a Ray dashboard." if is_unknown_path else None
        explained = kind(
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
        explained.attempts, explained.elapsed = error.attempts, error.elapsed
        return explained


def last_line(text: str) -> str:
    r"""Return the message at the end of a traceback, on one line.

    Example:
        >>> last_line("Traceback (most recent call last):\n  ...\nValueError: No such job.")
        'No such job.'
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


# Exceptions whose name adds nothing to the message.
_PLAIN = {"Exception", "RuntimeError", "ValueError"}


def get_part(body: Any, form: type[T], resource: str, *keys: str) -> T:
    """Return the part of a response under some keys, if the part has the right type.

    Raises:
        InvalidResponse: The part is missing: the server isn't a Ray dashboard, or an old one.
    """
    for key in keys:
        body = body.get(key) if isinstance(body, dict) else None
    if not isinstance(body, form):
        reason = f"no {'.'.join(keys)}" if keys else f"not a {form.__name__}"
        raise InvalidResponse(
            200,
            f"the answer isn't from a Ray dashboard ({reason})",
            hint="Check base_url, and that Ray is 2.50 or newer.",
            resource=resource,
        )
    return body


def poll_until(
    fetch: Callable[[], dict[str, Any]],
    is_done: Callable[[dict[str, Any]], bool],
    *,
    timeout: float | None,
    longest_pause: float,
    resource: str,
    hint: str | None = None,
) -> dict[str, Any]:
    """Fetch a row until a condition holds, and return the row.

    Raises:
        RequestTimeout: The condition didn't hold in time; the message ends with `hint`.
    """
    start, backoff = time.monotonic(), Backoff(0.2, longest_pause, factor=1.5)
    while not is_done(row := fetch()):
        left = math.inf if timeout is None else start + timeout - time.monotonic()
        if left <= 0:
            raise RequestTimeout(
                408, f"still {row['status']} after {timeout:g} s", hint=hint, resource=resource
            )
        time.sleep(min(backoff.next(), left))
    return row


def conceal_variables(value: Any) -> Any:
    """Return Ray's JSON with each `env_vars` as `Concealed`."""
    if isinstance(value, dict):
        return {
            key: Concealed(item)
            if key == "env_vars" and isinstance(item, dict)
            else conceal_variables(item)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [conceal_variables(item) for item in value]
    return value


def hide_variables(values: Iterable[Any]) -> None:
    """Hide the values of environment variables in every message from now on."""
    for value in values:
        if isinstance(value, str):
            hide(value)
