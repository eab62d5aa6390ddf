import pytest

from synapse._internal.printable import clean


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a é 日本\u3000", "a é 日本\u3000"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b\u202e\r\n", "\\x9b\\u202e\\r\\n"),
        ("\ud800", "\\ud800"),
    ],
)
def test_clean(text: str, shown: str) -> None:
    assert clean(text) == shown
