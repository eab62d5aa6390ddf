from __future__ import annotations

import copy

import pytest

from synapse._internal.closing import Closing


class Door(Closing):
    is_closed = False

    def close(self) -> None:
        self.is_closed = True


def test_the_end_of_the_block_closes() -> None:
    with Door() as door:
        assert isinstance(door, Door)
        assert not door.is_closed

    assert door.is_closed


def test_an_error_in_the_block_closes_and_goes_on() -> None:
    door = Door()

    with pytest.raises(KeyError, match="key"), door:
        raise KeyError("key")

    assert door.is_closed


def test_a_subclass_must_say_how_to_close() -> None:
    with pytest.raises(NotImplementedError), Closing():
        pass


def test_a_copy_is_the_object() -> None:
    door = Door()

    assert copy.copy(door) is door
    assert copy.deepcopy({"door": [door]})["door"][0] is door
