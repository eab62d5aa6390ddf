"""The answer to one request, read whole and not decoded yet."""

from __future__ import annotations

from typing import Any

import attrs
import requests

from synapse.transport import decoding

__all__ = ["Answer"]


@attrs.frozen(eq=False, repr=False)
class Answer:
    """What came back.

    Attributes:
        response: The status and headers.
        content: The body's bytes.
        url: The URL that was asked, as messages may show it.
        resource: What was asked for, for messages.
        credentials: Where the credentials came from, for messages.
    """

    response: requests.Response
    content: bytes
    url: str
    resource: str | None
    credentials: str

    def json(self) -> Any:
        """Return the decoded body; `None` for 204 (no content).

        Raises:
            ClientError: The status isn't success.
            InvalidResponse: It is, but there is no JSON.
        """
        response, content = self.response, self.content
        status = response.status_code
        if not 200 <= status < 300:
            from synapse.transport import failures  # a script that never fails never loads it

            raise failures.refused(
                response,
                content,
                url=self.url,
                resource=self.resource,
                credentials=self.credentials,
            )
        if status == 204 and not content:
            return None
        try:
            return decoding.loads(content)
        except ValueError:
            from synapse.transport import failures

            raise failures.broken_answer(
                response, content, url=self.url, resource=self.resource
            ) from None
