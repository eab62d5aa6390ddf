"""The agent's error responses, and those that it makes of the backend's."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.agent.http_errors import Refusal, translate_error
from synapse.errors import AuthenticationError, ClientError, ConnectionFailed


def make_error(status: int, response: Any = None) -> ClientError:
    return ClientError(status, "it went wrong", response=response)


def test_sentence_becomes_the_detail() -> None:
    refusal = Refusal(404, "The agent has no job 7.")

    assert refusal.status == 404
    assert refusal.body == {"detail": "The agent has no job 7."}


def test_problems_of_fields_are_the_body() -> None:
    refusal = Refusal(400, {"action": ["Not a valid string."]})

    assert refusal.body == {"action": ["Not a valid string."]}


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_backends_refusal_passes_through(status: int) -> None:
    refusal = translate_error(make_error(status, {"action": ["No such action."]}))

    assert refusal.status == status
    assert refusal.body == {"action": ["No such action."]}


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
@pytest.mark.parametrize("response", [None, "<html>", ["a", "b"]])
def test_refusal_without_a_json_object_names_the_backend(status: int, response: Any) -> None:
    error = make_error(status, response)

    refusal = translate_error(error)

    assert refusal.status == status
    assert refusal.body == {"detail": f"The backend: {error.detail}"}


def test_missing_permission_hides_the_backends_fields() -> None:
    refusal = translate_error(make_error(403, {"detail": "No.", "secret": "value"}))

    assert refusal.status == 403
    assert "secret" not in refusal.body


def test_refused_token_is_not_the_callers_fault() -> None:
    error = AuthenticationError(401, "Invalid token.", response={"detail": "Invalid token."})

    refusal = translate_error(error)

    assert refusal.status == 502
    assert "doesn't take the agent's or the user's token" in refusal.body["detail"]


@pytest.mark.parametrize(
    "error",
    [
        ConnectionFailed(503, "connection refused"),
        make_error(500, {"detail": "boom"}),
        make_error(502),
        make_error(408),
        make_error(413, {"detail": "too large"}),
        make_error(429, {"detail": "slow down"}),
    ],
    ids=lambda error: str(error.status_code),
)
def test_other_failures_are_an_unavailable_backend(error: ClientError) -> None:
    refusal = translate_error(error)

    assert refusal.status == 503
    assert refusal.body == {"detail": f"The backend can't be asked: {error}"}
