"""The agent's error responses."""

from __future__ import annotations

from typing import Any

from synapse.errors import ClientError

__all__ = ["Refusal", "translate_error"]


class Refusal(Exception):
    """An error response.

    Args:
        status: The HTTP status.
        problem: The fault: a sentence, or a mapping of fields to their problems.
    """

    def __init__(self, status: int, problem: str | dict[str, Any]) -> None:
        super().__init__(status, problem)
        self.status = status
        self.body: dict[str, Any] = {"detail": problem} if isinstance(problem, str) else problem
        self.headers = {"Retry-After": "1"} if status == 429 else {}
        self.headers = {"Retry-After": "1"} if status == 429 else {}


def translate_error(error: ClientError) -> Refusal:
    """Return the agent's response when the backend refused or is away.

    The backend's refusal of a request concerns the agent's caller, too. The refusal of the agent's
    own token doesn't: a 401 would make the caller check the wrong token.
    """
    if error.status_code in (400, 404, 409, 422) and isinstance(error.response, dict):
        return Refusal(error.status_code, error.response)
    if error.status_code in (400, 403, 404, 409, 422):
        return Refusal(error.status_code, f"The backend: {error.detail}")
    if error.status_code == 401:
        return Refusal(502, f"The backend doesn't take the agent's or the user's token: {error}")
    return Refusal(503, f"The backend can't be asked: {error}")
