"""How the process that started the server asks it for what only that process may have."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from synapse.emulator.errors import EmulatorError

_TIMEOUT = 30.0


def post(url: str, token: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Send an order to the server and give its answer.

    Args:
        url: The server's base URL.
        token: The control token that it was started with.
        path: The path of the order.
        body: What it says, as JSON can say it.

    Raises:
        EmulatorError: The server doesn't answer, or refused.
    """
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_TIMEOUT)
    try:
        connection.request(
            "POST",
            f"/{path}",
            json.dumps(body),
            {"Content-Type": "application/json", "Authorization": f"Token {token}"},
        )
        response = connection.getresponse()
        content = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise EmulatorError(f"The local backend does not answer: {error}.") from error
    finally:
        connection.close()
    if response.status != http.client.CREATED:
        raise EmulatorError(
            f"The local backend answered {response.status}: {content.decode(errors='replace')}"
        )
    answer: dict[str, Any] = json.loads(content)
    return answer
