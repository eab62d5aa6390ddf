"""The shared representation reads as the one that attrs makes."""

import pickle
from typing import Any

import attrs
import pytest

from synapse._internal.field_repr import FieldRepr
from synapse.config import Secret, Settings, Timeout
from synapse.transport.options import Event
from synapse.transport.page import ListRequest, Page
from synapse.transport.retry import Retry, RetryPolicy


@attrs.frozen(repr=False)
class Value(FieldRepr):
    """A value."""

    name: str
    hidden: int = attrs.field(default=0, repr=False)


class Named(Value):
    """A value of a subclass without a decorator."""


SECRET = Secret("a-secret-token", source="the argument api_token")
VALUES = [
    Timeout(1, 2),
    Settings("http://a/", {"api_token": SECRET}),
    Event("GET", "http://a/", "id", 1, headers={"X-A": "b"}),
    Page(1, [{"id": 1}], None),
    ListRequest(None, "/a/", [("b", "c")]),  # type: ignore[arg-type] # no transport is needed
    Retry("GET", "http://a/", "id", 1, 4, 0.5, "a reason"),
    RetryPolicy(),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_the_text_is_that_of_attrs(value: Any) -> None:
    cls = type(value)
    assert cls.__repr__ is FieldRepr.__repr__
    fields = {each.name: attrs.field(repr=each.repr) for each in attrs.fields(cls)}
    made = attrs.make_class(cls.__name__, fields)
    expected = made(**{each.name: getattr(value, each.name) for each in attrs.fields(cls)})
    assert repr(value) == repr(expected)
    assert "a-secret-token" not in repr(value)


def test_subclasses_and_hidden_fields() -> None:
    assert (repr(Value("a", 5)), repr(Named("b"))) == ("Value(name='a')", "Named(name='b')")


def test_values_stay_slotted_and_frozen() -> None:
    timeout = Timeout(1, 2)
    assert not hasattr(timeout, "__dict__")
    assert pickle.loads(pickle.dumps(timeout)) == timeout
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        timeout.read = 5  # type: ignore[misc] # frozen
