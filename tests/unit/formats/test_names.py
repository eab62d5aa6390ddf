"""Names that a data set gives once."""

from __future__ import annotations

from synapse.formats.names import open_register


def test_stems_are_given_once() -> None:
    with open_register() as register:
        names = [
            register.choose("a.jpg", "train"),
            register.choose("A.png", "train"),
            register.choose("a.jpg", "val"),
            register.choose("a.jpg", "val"),
            register.choose("a.jpg", "val"),
            register.choose("sub/a.jpg"),
            register.choose("a"),
        ]
    assert names == ["a.jpg", "A_png.png", "a_jpg.jpg", "val_a.jpg", "a_2.jpg", "sub/a.jpg", "a_3"]
