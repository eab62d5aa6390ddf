"""The fixtures of the pytest plugin; tests/behaviour/test_pytest_plugin.py runs pytest itself."""

from __future__ import annotations

import pytest

import synapse
from synapse.emulator import Emulator
from synapse.emulator.errors import EmulatorError
from synapse.orm import session_base
from synapse.testing.tenants import EmulatorTenant


def test_the_session_is_the_default_one(
    synapse_session: synapse.Session, synapse_emulator: EmulatorTenant
) -> None:
    assert session_base.default() is synapse_session
    assert synapse_session.projects.count() == 0
    assert str(synapse_session.key[0]).rstrip("/") == synapse_emulator.url


def test_a_missing_dependency_fails_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from synapse.testing import plugin

    def refuse(self: Emulator) -> None:
        raise EmulatorError("Install the extra emulator.")

    monkeypatch.setattr(Emulator, "start", refuse)
    backend = plugin.synapse_backend.__wrapped__()  # type: ignore[attr-defined]

    with pytest.raises(pytest.fail.Exception, match=r"^Install the extra emulator\.$"):
        next(backend)
