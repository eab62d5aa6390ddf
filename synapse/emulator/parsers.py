"""Reading of request bodies."""

import io
import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework import parsers
from rest_framework.exceptions import ParseError


class JSONParser(parsers.JSONParser):
    """DRF's JSON parser, which also refuses two unusable kinds of documents.

    The first is nested too deeply; the second has half of a surrogate pair, which can neither be
    stored nor repeated in an error.
    """

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read()
        try:
            document = super().parse(io.BytesIO(body), media_type, parser_context)
            if b"\\ud" in body.lower():  # bytes that are UTF-8 have no surrogates of their own
                json.dumps(document, ensure_ascii=False).encode()
        except RecursionError as error:
            raise ParseError("JSON parse error - the document is nested too deeply") from error
        except UnicodeEncodeError as error:
            raise ParseError("JSON parse error - the text has half of a surrogate pair") from error
        return document
