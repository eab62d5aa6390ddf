from collections.abc import Callable

import pytest

from synapse.emulator.fault_switch import ArmedFault, FaultSwitch


def tenant(code: str | None) -> Callable[[], str | None]:
    return lambda: code


@pytest.mark.parametrize(
    ("fault", "method", "path", "is_match"),
    [
        (ArmedFault("cut"), "GET", "/projects/", True),
        (ArmedFault("cut", method="get"), "GET", "/projects/", True),
        (ArmedFault("cut", method="GET"), "POST", "/projects/", False),
        (ArmedFault("cut", path="projects"), "GET", "/projects/", True),
        (ArmedFault("cut", path="projects/*"), "GET", "/projects/1/", True),
        (ArmedFault("cut", path="projects/*"), "GET", "/projects/", False),
    ],
)
def test_matches(fault: ArmedFault, method: str, path: str, is_match: bool) -> None:
    assert fault.matches(method, path) is is_match


def test_each_request_takes_one_fault_in_the_order_of_arming() -> None:
    switch = FaultSwitch()
    switch.arm(ArmedFault("cut"))
    switch.arm(ArmedFault("lost", count=2))

    kinds = [fault and fault.kind for fault in (take(switch) for _ in range(4))]

    assert kinds == ["cut", "lost", "lost", None]


def take(switch: FaultSwitch, code: str | None = None) -> ArmedFault | None:
    return switch.take("GET", "/projects/", tenant(code))


def test_a_fault_leaves_the_first_requests_alone() -> None:
    switch = FaultSwitch()
    switch.arm(ArmedFault("cut", after=2))

    assert [take(switch) is None for _ in range(4)] == [True, True, False, True]


def test_a_tenants_fault_is_for_that_tenant() -> None:
    switch = FaultSwitch()
    switch.arm(ArmedFault("cut", tenant="a"))

    assert take(switch, "b") is None
    assert take(switch, "a") is not None


def test_the_tenant_is_looked_up_only_where_it_matters() -> None:
    switch = FaultSwitch()
    switch.arm(ArmedFault("cut"))

    assert switch.take("GET", "/", lambda: pytest.fail("looked up")) is not None


def test_a_used_fault_is_still_found() -> None:
    switch = FaultSwitch()
    key = switch.arm(ArmedFault("cut"))
    take(switch)

    fault = switch.find(key)
    assert fault is not None
    assert fault.served == 1
    assert switch.find("other") is None


def test_clear() -> None:
    switch = FaultSwitch()
    first, second, third = (ArmedFault("cut", tenant=code) for code in ("a", "b", "b"))
    keys = [switch.arm(fault) for fault in (first, second, third)]

    switch.clear(key=keys[2])
    switch.clear(tenant="a")
    assert take(switch, "a") is None
    assert take(switch, "b") is second

    switch.arm(first)
    switch.clear()
    assert take(switch, "a") is None
