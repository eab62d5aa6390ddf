"""Copies of a request's headers are independent, and as good as those of the library."""

from __future__ import annotations

from requests.structures import CaseInsensitiveDict

from synapse.transport.request_headers import RequestHeaders


def test_a_copy_is_independent() -> None:
    headers = RequestHeaders({"X-One": "1"})

    copied = headers.copy()
    copied["x-one"] = "2"
    copied["X-Two"] = "2"

    assert dict(headers) == {"X-One": "1"}
    assert dict(copied) == {"x-one": "2", "X-Two": "2"}
    assert isinstance(copied.copy(), RequestHeaders)


def test_a_copy_equals_that_of_the_library() -> None:
    pairs = {"X-One": "1", "Accept": "*/*"}

    assert RequestHeaders(pairs).copy() == CaseInsensitiveDict(pairs).copy()


def test_names_as_sent_and_in_small_letters() -> None:
    headers = RequestHeaders({"X-One": "1", "Accept": "*/*"})

    assert list(headers.pairs()) == [("X-One", "1"), ("Accept", "*/*")]
    assert headers.lowered_names() >= {"x-one", "accept"}
