"""Documents that a server answers as a pointer."""

from __future__ import annotations

from typing import Any

import pytest

from synapse import Session
from synapse.errors import BadRequest, NotFound
from synapse.orm.payloads import find_pointer, has_expired


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ({"mode": "presigned", "presigned_url": "https://s/1", "size": 9}, "https://s/1"),
        ({"mode": "inline", "truncated": True, "presigned_url": "https://s/1"}, "https://s/1"),
        ({"mode": "inline", "truncated": False, "presigned_url": "https://s/1"}, None),
        ({"mode": "presigned", "presigned_url": None}, None),
        ({"mode": "presigned"}, None),
        ({"presigned_url": "https://s/1"}, None),
        ({"annotations": {}}, None),
        ([], None),
        (None, None),
        ("presigned", None),
    ],
)
def test_pointers(value: Any, url: str | None) -> None:
    assert find_pointer(value) == url


def test_refusals_of_a_storage() -> None:
    assert has_expired(BadRequest(400, "expired"))
    assert has_expired(NotFound(404, "gone"))
    assert not has_expired(NotFound(418, "teapot"))


class TestReading:
    """Two servers: the configured one, and a storage on another port."""

    @pytest.fixture
    def storage(self, other_server: Any) -> Any:
        return other_server

    @pytest.fixture
    def session(self, server: Any, token: str) -> Any:
        with Session(server.url, token, retries=0, lazy="allow") as session:
            yield session

    def point(self, server: Any, storage: Any, path: str = "doc?signature=s") -> None:
        pointer = {"mode": "presigned", "presigned_url": f"{storage.url}{path}", "size": 9}
        server.reply(200, {"id": 5, "status": "pending", "data": pointer})

    def test_one_request_without_a_token(
        self, server: Any, storage: Any, session: Session, token: str
    ) -> None:
        self.point(server, storage)
        storage.reply(200, {"n": 1})
        task = session.tasks.get(5)
        assert storage.requests == []
        assert task.data == {"n": 1}
        assert task.data == {"n": 1}
        assert not task.is_changed
        (request,) = storage.requests
        assert request.target.endswith("/doc?signature=s")
        assert token not in repr(request.headers)

    def test_an_expired_url_is_renewed(self, server: Any, storage: Any, session: Session) -> None:
        self.point(server, storage, "old")
        storage.reply(403, {"detail": "Request has expired"})
        self.point(server, storage, "new")
        storage.reply(200, {"n": 2})
        assert session.tasks.get(5).data == {"n": 2}
        assert [request.target for request in storage.requests] == ["/old", "/new"]

    def test_a_storage_that_refuses_again(
        self, server: Any, storage: Any, session: Session
    ) -> None:
        for path in ("old", "new"):
            self.point(server, storage, path)
            storage.reply(404, {"detail": "Not found"})
        with pytest.raises(NotFound, match="data of Task 5"):
            session.tasks.get(5).data  # noqa: B018 - reading sends the request

    def test_an_edited_document(self, server: Any, storage: Any, session: Session) -> None:
        self.point(server, storage)
        storage.reply(200, {"n": 1})
        task = session.tasks.get(5)
        assert task.data is not None
        task.data["n"] = 2
        assert task.changes == {"data": {"n": 2}}
