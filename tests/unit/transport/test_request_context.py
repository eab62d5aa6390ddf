"""A request with everything that talking about it needs."""

from __future__ import annotations

import requests

from synapse.transport.request_context import RequestContext


def make_context(**headers: str) -> RequestContext:
    """Return the context of a request."""
    request = requests.Request("GET", "http://h/api/tasks/1/?q=1", headers=headers).prepare()
    shown, resource = "http://h/api/tasks/1/", "Task 1"
    return RequestContext(request, (1, 2), shown, resource, hides=False, deadline=None)


def test_describes_the_request_without_its_query() -> None:
    assert make_context(**{"X-Request-ID": "abc"}).describe() == {
        "method": "GET",
        "url": "http://h/api/tasks/1/",
        "path": "/api/tasks/1/",
        "request_id": "abc",
        "resource": "Task 1",
    }


def test_other_hosts_get_no_id() -> None:
    assert make_context().request_id is None


def test_begins_with_the_first_attempt() -> None:
    assert (make_context().attempt, make_context().is_watched) == (1, False)
