from typing import Any

import pytest

from synapse.emulator.errors import EmulatorError
from synapse.emulator.faults import KINDS, Fault, build_fault

TARGET: dict[str, Any] = {"count": 1, "method": None, "path": None, "after": 0, "tenant": None}


def test_the_body_has_only_what_was_given() -> None:
    body = build_fault(503, **{**TARGET, "method": "GET"}, retry_after=2, seconds=None)

    assert body == {"kind": "503", "count": 1, "after": 0, "method": "GET", "retry_after": 2}


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("slwo", {}, "Fault 'slwo' does not exist. Use one of slow, 429"),
        ("slow", {}, "The fault 'slow' needs seconds."),
        ("cut", {"seconds": 1}, "The fault 'cut' does not accept seconds."),
        ("cut", {"count": True}, "count is True. Pass a whole number from 1."),
        ("html", {"status": 600}, "status is 600. Pass a whole number from 200 to 599."),
        ("slow", {"seconds": -0.5}, "seconds is -0.5. Pass a number from 0."),
    ],
)
def test_wrong_options(kind: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(EmulatorError) as error:
        build_fault(kind, **{**TARGET, **options})

    assert str(error.value).startswith(message)


def test_no_kind_needs_an_option_that_it_accepts_anyway() -> None:
    assert all(not set(kind.needs) & set(kind.takes) for kind in KINDS.values())


def test_a_block_removes_its_fault() -> None:
    requests: list[str] = []

    def send(method: str) -> dict[str, Any]:
        requests.append(method)
        return {"served": 3}

    with Fault("cut", send) as fault:
        assert fault.served == 3

    assert requests == ["GET", "DELETE"]
