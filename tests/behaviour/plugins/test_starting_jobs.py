"""Start jobs: local checks, and the number of requests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from synapse import Plugin, Session
from synapse.errors import UsageError, ValidationError
from synapse.testing import assert_num_requests
from synapse.testing.tenants import EmulatorTenant


@pytest.fixture
def released(plugin: Plugin, folder: Any) -> Plugin:
    """The plugin with its release 1.0.0."""
    plugin.release("1.0.0", folder.path)
    return plugin


@pytest.fixture
def elsewhere(emulator: EmulatorTenant, released: Plugin) -> Plugin:
    """The same plugin in another session, which knows nothing of its releases."""
    return emulator.session().plugins.get(released.code)


def test_the_first_run_asks_for_the_release(elsewhere: Plugin) -> None:
    session = elsewhere._session
    before = session.transport.request_count
    job = elsewhere.run("say", params={"text": "hello"})
    assert session.transport.request_count - before == 2
    elsewhere.run("say", params={"text": "hello"})
    assert session.transport.request_count - before == 3
    assert (job.action, job.params) == ("say", {"text": "hello"})


def test_who_released_it_knows_it(session: Session, released: Plugin) -> None:
    with assert_num_requests(session, 1):
        released.run("say", params={"text": "hello"})


def test_an_unknown_action(session: Session, released: Plugin) -> None:
    # One request: what is known may be out of date.
    with assert_num_requests(session, 1), pytest.raises(UsageError) as caught:
        released.run("sya", params={"text": "hello"})

    assert str(caught.value) == (
        f"Plugin {released.id}, release 1.0.0: The plugin has no action 'sya'; did you mean 'say'? "
        "It has: say, fail."
    )
    with pytest.raises(UsageError, match=r"Pass the action's name\. The plugin has: say, fail\."):
        released.run()
    assert released.jobs.count() == 0


def test_an_agents_token_is_not_sent_as_its_id(session: Session, released: Plugin) -> None:
    with assert_num_requests(session, 0), pytest.raises(UsageError) as caught:
        released.run("say", params={"text": "hello"}, agent="0c41d7secret")

    assert "session.agents.get(token)" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_what_is_called_otherwise_elsewhere(released: Plugin) -> None:
    job: Any = released.run("say", params={"text": "hello"})

    with pytest.raises(AttributeError, match=r"use stop\(\)"):
        job.cancel()
    with pytest.raises(AttributeError, match=r"use follow\(\)"):
        job.tail()


def test_parameters_that_do_not_fit(session: Session, released: Plugin) -> None:
    with assert_num_requests(session, 1), pytest.raises(ValidationError) as caught:
        released.run("say", params={"txt": "hello", "times": "3"})

    assert caught.value.status_code == 400
    assert caught.value.fields == {
        "params": {
            "txt": ["Unknown parameter; did you mean 'text'?"],
            "text": ["Missing."],
            "times": ["'3' is not of type 'integer'"],
        }
    }
    assert "text: Missing." in str(caught.value)
    assert "No job was started." in str(caught.value)
    assert released.jobs.count() == 0


def test_parameters_that_are_no_mapping(session: Session, released: Plugin) -> None:
    with assert_num_requests(session, 0), pytest.raises(UsageError, match="Pass a mapping"):
        released.run("say", params=["hello"])  # type: ignore[arg-type]


def test_the_only_action_needs_no_name(plugin: Plugin, folder: Any) -> None:
    folder.configure(actions={"say": {"entrypoint": "echo.say:run"}})
    plugin.release("1.0.0", folder.path)

    assert plugin.run(params={"text": "x"}).action == "say"


def test_a_newer_release_is_noticed(released: Plugin, elsewhere: Plugin, folder: Any) -> None:
    folder.configure(version="1.1.0", actions={"tell": {"entrypoint": "echo.say:run"}})
    elsewhere.release("1.1.0", folder.path)

    # What was known doesn't have it: it is asked for again.
    assert released.run("tell", params={"text": "x"}).action == "tell"


def test_what_the_server_refuses_is_asked_for_again(
    released: Plugin, elsewhere: Plugin, folder: Any
) -> None:
    folder.configure(version="1.1.0", actions={"tell": {"entrypoint": "echo.say:run"}})
    elsewhere.release("1.1.0", folder.path)

    with pytest.raises(ValidationError) as caught:
        released.run("say", params={"text": "x"})
    assert "action" in caught.value.fields
    with pytest.raises(UsageError, match=r"release 1\.1\.0: The plugin has no action 'say'"):
        released.run("say", params={"text": "x"})


def test_the_server_checks_again(
    released: Plugin, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValidationError) as caught:
        session.client.run_plugin(released.id, {"action": "say", "params": {"text": 1}})
    assert caught.value.fields == {"params": {"text": ["1 is not of type 'string'"]}}

    # Without jsonschema, it alone checks.
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with assert_num_requests(session, 1), pytest.raises(ValidationError) as caught:
        released.run("say", params={"text": 1})
    assert caught.value.fields == {"params": {"text": ["1 is not of type 'string'"]}}


def test_a_plugin_without_a_release_takes_anything(plugin: Plugin) -> None:
    job = plugin.run("anything", params={"x": object.__name__})

    assert (job.status, job.action) == ("queued", "anything")


def test_a_release_is_kept_for_one_plugin_only(
    released: Plugin, session: Session, tmp_path: Path
) -> None:
    other = session.plugins.create(code="other", name="Other")

    assert other.run("anything").action == "anything"
