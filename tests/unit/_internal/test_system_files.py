"""Names of files that systems leave."""

from __future__ import annotations

import pytest

from synapse._internal.system_files import is_system_name


@pytest.mark.parametrize(
    "name",
    [
        *("Thumbs.db", "thumbs.db", "ehthumbs.db", "Desktop.ini", "Icon\r", "$RECYCLE.BIN"),
        *("System Volume Information", "lost+found", "@eaDir", "#recycle", "#snapshot", "@Recycle"),
        *(
            "__MACOSX",
            "._a.jpg",
            "~$list.xlsx",
            "list.csv~",
            "a.png.part",
            "a.crdownload",
            "a.TMP",
            "a.swp",
        ),
    ],
)
def test_system_names(name: str) -> None:
    assert is_system_name(name)


@pytest.mark.parametrize(
    "name",
    ["thumbs.png", "desktop.png", "part", "a.parts", "tmp", "icon", "recycle", "a~b.png", "~"],
)
def test_other_names(name: str) -> None:
    assert not is_system_name(name)
