"""How the process that started the server asks it for what only that process may have."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from synapse.emulator.errors import EmulatorError

_TIMEOUT = 30.0


def ask(
    url: str, token: str, method: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Send an order to the server and give its answer.

    Args:
        url: The server's base URL.
        token: The control token that it was started with.
        method: The HTTP method.
        path: The path of the order.
        body: What it says, as JSON can say it.

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
