"""The user of the session's token."""

from __future__ import annotations

from .conftest import ScriptedSession


def test_the_sessions_own_user(scripted: ScriptedSession) -> None:
    scripted.reply({"id": 3, "username": "ada", "email": None, "name": "Ada", "tenant": "t"})

    user = scripted.session.users.me()

    assert (user.id, user.username, user.email) == (3, "ada", None)
    assert scripted.requests == [("GET", "/users/me/")]
