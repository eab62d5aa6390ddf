"""Walks by the server's links."""

from __future__ import annotations

from typing import Any

import pytest

from synapse import errors
from synapse.transport import Transport
from synapse.transport.cursor_pages import follow_links, read_by_cursor
from synapse.transport.page import ListRequest, Page
from synapse.transport.seen_ids import SeenIds

ROWS = [{"id": n, "status": n % 3} for n in range(1, 36)]


def request_for(transport: Transport, ordering: str) -> ListRequest:
    return ListRequest(transport, "sdk/tasks/", [("page_size", 10), ("ordering", ordering)])


@pytest.mark.parametrize("ordering", ["id", "-id", "status"])
def test_every_row_in_order(list_server: Any, ordering: str) -> None:
    server, transport = list_server(ROWS)
    pages = read_by_cursor(request_for(transport, ordering), 35)
    assert pages is not None
    walked = list(pages)
    reached = [row["id"] for page in walked for row in page.rows]
    expected = server._sort(ROWS, {"ordering": [f"{ordering},id"]})
    assert reached == [row["id"] for row in expected]
    assert [page.count for page in walked] == [35] * 4
    assert [query["pagination"] for query in server.queries] == [["cursor"]] * 4


def test_nothing_for_a_server_without_cursors(list_server: Any) -> None:
    server, transport = list_server(ROWS)
    server.has_cursors = False
    assert read_by_cursor(request_for(transport, "id"), 35) is None


def test_nothing_for_a_server_that_refuses_them(server: Any, transport: Transport) -> None:
    server.reply(400, {"pagination": ["Unknown."]})
    assert read_by_cursor(request_for(transport, "id"), 35) is None


def test_a_server_that_fails_is_an_error(server: Any, transport: Transport) -> None:
    server.reply(403, {"detail": "No."})
    with pytest.raises(errors.PermissionDenied):
        read_by_cursor(request_for(transport, "id"), 35)


def test_rows_that_come_again_are_given_once(server: Any, transport: Transport) -> None:
    seen = SeenIds()
    seen.unseen([{"id": 1}, {"id": 2}])
    server.reply(body={"next": None, "results": [{"id": 2}, {"id": 3}]})
    first = Page(3, [{"id": 1}, {"id": 2}], "cursor=x")
    (rest,) = follow_links(request_for(transport, "id"), first, seen)
    assert (rest.rows, rest.count) == ([{"id": 3}], 3)


def test_links_in_a_circle_are_an_error(server: Any, transport: Transport) -> None:
    for _ in range(3):
        server.reply(body={"next": "?cursor=x", "results": [{"id": 1}]})
    seen = SeenIds()
    seen.add(1)
    with pytest.raises(errors.InvalidResponse, match="paging never ends"):
        list(follow_links(request_for(transport, "id"), Page(9, [], "cursor=x"), seen))
