"""Requests from the process that started the server to the admin endpoints."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from synapse.emulator.errors import EmulatorError

_TIMEOUT = 30.0


def send_admin_request(
    url: str, token: str, method: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Send an admin request and return the response.

    Args:
        url: The server's base URL.
        token: The server's control token.
        method: The HTTP method.
        path: Path of the endpoint.
        body: The body, as JSON values.

    Raises:
        EmulatorError: The server doesn't answer, or refused.
    """
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_TIMEOUT)
    try:
        connection.request(
            method,
            f"/{path}",
            None if body is None else json.dumps(body),
            {"Content-Type": "application/json", "Authorization": f"Token {token}"},
        )
        response = connection.getresponse()
        content = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise EmulatorError(f"The local backend does not answer: {error}.") from error
    finally:
        connection.close()
    if not 200 <= response.status < 300:
        raise EmulatorError(
            f"The local backend answered {response.status}: {content.decode(errors='replace')}"
        )
    answer: dict[str, Any] = json.loads(content) if content else {}
    return answer
