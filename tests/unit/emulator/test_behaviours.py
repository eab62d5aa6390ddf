from __future__ import annotations

import pytest

from synapse.emulator.behaviours import (
    USUAL,
    Behaviour,
    BehaviourStore,
    ChangedBehaviour,
    validate_behaviour,
)
from synapse.emulator.errors import EmulatorError


def test_a_tenant_has_its_own_behaviour_or_the_general_one() -> None:
    store = BehaviourStore()
    assert store.find(lambda: pytest.fail("nothing depends on the tenant")) is USUAL
    store.set(None, {"max_page": 5})
    store.set("a", {"max_query": 10})
    store.set("a", {"checksums": "sha1"})
    assert store.find(lambda: "a") == Behaviour(max_query=10, checksums="sha1")
    assert store.find(lambda: "b") == store.find(lambda: None) == Behaviour(max_page=5)
    store.clear("a")
    assert store.find(lambda: "a") == Behaviour(max_page=5)
    store.clear(None)
    store.clear("never set")
    assert store.find(lambda: "a") == USUAL


def test_an_unknown_behaviour_is_refused() -> None:
    validate_behaviour({"max_page": 1})
    with pytest.raises(EmulatorError, match=r"Behaviour .maxpage. does not exist"):
        validate_behaviour({"maxpage": 1})


def test_a_changed_behaviour_ends_with_the_block() -> None:
    cleared: list[int] = []
    with ChangedBehaviour({"max_page": 1}, lambda: cleared.append(1)) as changed:
        assert repr(changed) == "<ChangedBehaviour {'max_page': 1}>"
        assert cleared == []
    assert cleared == [1]


@pytest.mark.parametrize(("page", "seconds"), [(1, 0.0), (2, 1.0), (600, 599.0)])
def test_rows_before_a_page_delay_the_page(page: int, seconds: float) -> None:
    assert Behaviour(row_delay=0.02).delay(page, 50) == pytest.approx(seconds)
    assert USUAL.delay(page, 50) == 0.0
