"""Single responses with a part of a file."""

from __future__ import annotations

from typing import Any

import pytest

from synapse.errors import InvalidResponse
from synapse.transfer.range_request import request_range
from synapse.transport import Transport


def test_whole_file(server: Any, transport: Transport) -> None:
    server.reply(200, b"abcdef", headers={"ETag": '"one"'})

    with request_range(transport, "/a") as response:
        assert (response.start, response.total, response.validator) == (0, 6, '"one"')
        assert b"".join(response.blocks()) == b"abcdef"

    assert "range" not in server.last.headers


def test_rest_of_a_file(server: Any, transport: Transport) -> None:
    server.reply(206, b"def", headers={"Content-Range": "bytes 3-5/6", "ETag": '"one"'})

    with request_range(transport, "/a", start=3, validator='"one"') as response:
        assert (response.start, response.total) == (3, 6)
        assert b"".join(response.blocks()) == b"def"

    assert server.last.headers["range"] == "bytes=3-"
    assert server.last.headers["if-range"] == '"one"'


def test_weak_tag_is_replaced_by_the_date(server: Any, transport: Transport) -> None:
    date = "Sat, 28 Nov 2026 07:00:00 GMT"
    server.reply(200, b"a", headers={"ETag": 'W/"one"', "Last-Modified": date})

    with request_range(transport, "/a") as response:
        assert response.validator == date


@pytest.mark.parametrize("content_range", ["bytes 2-5/6", "bytes */6", ""])
def test_part_from_another_byte_is_refused(
    server: Any, transport: Transport, content_range: str
) -> None:
    server.reply(206, b"def", headers={"Content-Range": content_range})

    with (
        pytest.raises(InvalidResponse, match="doesn't begin at byte 3"),
        request_range(transport, "/a", start=3),
    ):
        pass


def test_part_that_ends_early_is_refused(server: Any, transport: Transport) -> None:
    server.reply(206, b"de", headers={"Content-Range": "bytes 3-5/6"})

    with (
        pytest.raises(InvalidResponse, match="ends at byte 5 of 6"),
        request_range(transport, "/a", start=3) as response,
    ):
        list(response.blocks())
